import { isKeeperError } from '../../base/errors.ts'
import { isoTime } from '../../base/time.ts'
import { unresolved } from '../../chain/journal/journal.ts'
import { FAILED_FOR_GOOD } from '../follow.ts'
import type { Program } from '../program.ts'
import type { PayoutsRoom } from '../room.ts'
import { finalBlock } from '../withdrawals.ts'
import { acceptRoot } from './accept.ts'
import { addBooked, bookClaims, nothingBooked } from './book-claims.ts'
import type { BookedClaims } from './book-claims.ts'
import { readClaims } from './claims-contract.ts'
import { readWaitingRoot } from './claims-rows.ts'
import type { RootRow } from './claims-rows.ts'
import type { ClaimsDesk } from './desk.ts'
import { followRoot } from './follow-root.ts'
import { payRanges } from './pay-ranges.ts'
import type { RangeOptions, RangesPaid } from './pay-ranges.ts'
import { ACCEPT_KIND, RANGE_KIND } from './plan-claims.ts'

export interface ClaimsRun {
  booked: BookedClaims
  /** Proposed and resting: what comes meanwhile is in the next. */
  waiting: RootRow | undefined
  /** It could be accepted, but for the program's money or budget. */
  isShort: boolean
}

/**
 * Takes a program's claims as far as they go: what a crash left on its way is followed to its end, what happened in
 * the contract is booked, and a root that has rested is accepted. May be run at any time, and again.
 */
export async function advanceClaims(
  room: PayoutsRoom,
  program: Program,
  desk: ClaimsDesk,
): Promise<ClaimsRun> {
  await finishOpen(room, desk)
  await followRoot(room, program, desk)
  const booked = nothingBooked()
  const book = async (): Promise<RootRow | undefined> => {
    addBooked(booked, await bookClaims(room, program, desk, await finalBlock(room)))
    return readWaitingRoot(room.db, desk.place)
  }
  const waiting = await book()
  await watch(room, program, desk, waiting)
  if (waiting === undefined) return { booked, waiting, isShort: false }
  const acceptance = await acceptRoot(room, program, desk, waiting)
  if (acceptance === 'resting' || acceptance === 'short') {
    return { booked, waiting, isShort: acceptance === 'short' }
  }
  if (acceptance === 'over') await presentIsFinal(room)
  return { booked, waiting: await book(), isShort: false }
}

/** The delay is there for somebody to look: whoever has the payer's key can propose any root. */
async function watch(
  { alerts, log }: PayoutsRoom,
  { id: program }: Program,
  { contract }: ClaimsDesk,
  ours: RootRow | undefined,
): Promise<void> {
  const { pending } = await readClaims(contract)
  if (pending === undefined || pending.root === ours?.root) {
    return alerts?.clear('foreign-root', program)
  }
  const facts = { root: pending.root, total: pending.total, readyAt: isoTime(pending.readyAt) }
  log.warn({ program, ...facts }, 'foreign-root')
  alerts?.raise('foreign-root', { key: program, ...facts })
}

/** Whatever the chain shows now is booked only when it stays. */
async function presentIsFinal({ client, payer }: PayoutsRoom): Promise<void> {
  const now = await client.blockNumber()
  await payer.waitFinal('the end of a root', async (block) => (block >= now ? block : undefined))
}

/** Pays what is open in the accepted tree, and books it. */
export async function payClaims(
  room: PayoutsRoom,
  program: Program,
  desk: ClaimsDesk,
  options: RangeOptions = {},
): Promise<ClaimsRun & RangesPaid> {
  const run = await advanceClaims(room, program, desk)
  const paid = await payRanges(room, program, desk, options)
  if (paid.txs.length > 0) {
    addBooked(run.booked, await bookClaims(room, program, desk, await finalBlock(room)))
  }
  return { ...run, ...paid }
}

/** Calls that move nothing in our books by themselves: their events do. */
async function finishOpen({ db, client, payer }: PayoutsRoom, desk: ClaimsDesk): Promise<void> {
  const { home, errors } = desk.contract
  for (const tx of await unresolved(db, client.chainId, payer.address)) {
    const isOurs = tx.contract.toLowerCase() === home.contract.toLowerCase()
    if (!isOurs || (tx.kind !== ACCEPT_KIND && tx.kind !== RANGE_KIND)) continue
    await payer.carryOut(tx, { until: 'final', errors }).catch((error: unknown) => {
      if (!isKeeperError(error, ...FAILED_FOR_GOOD)) throw error
    })
  }
}
