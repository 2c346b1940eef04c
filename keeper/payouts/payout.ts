import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import { NATIVE } from '../chain/contracts.ts'
import type { TxIntent } from '../chain/journal/journal.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { pauseOf } from '../chain/program-contracts.ts'
import { postIn } from '../ledger/post.ts'
import { requirePosted } from '../ledger/posting.ts'
import type { Posting } from '../ledger/posting.ts'
import type { Db } from '../store/db.ts'
import { packPayments, pickPayments } from './batch.ts'
import type { Payable, Picked } from './batch.ts'
import { countOwed, insertBatch, readInflight, readNextPlace, readOwed } from './batch-rows.ts'
import type { Contract, NewBatch, OwedTotal } from './batch-rows.ts'
import { nothingBooked } from './claims/book-claims.ts'
import { readWaitingRoot } from './claims/claims-rows.ts'
import type { RootRow } from './claims/claims-rows.ts'
import { openDesk } from './claims/desk.ts'
import type { ClaimsDesk } from './claims/desk.ts'
import { publishClaims } from './claims/publish.ts'
import { advanceClaims, payClaims } from './claims/run-claims.ts'
import type { ClaimsRun } from './claims/run-claims.ts'
import { finishBatch } from './finish.ts'
import { FAILED_FOR_GOOD } from './follow.ts'
import { maxPayments, payGas } from './gas.ts'
import type { PayTerms } from './gas.ts'
import { PAYOUT_KIND, accounts, batchId, keys } from './names.ts'
import type { Program } from './program.ts'
import { lockProgram } from './program-row.ts'
import { payableOf, requireReached } from './reached.ts'
import type { PayoutsRoom } from './room.ts'
import { bookWithdrawals, finalBlock } from './withdrawals.ts'

export interface PaidOut {
  /** In the order in which they were booked. */
  txs: TxRecord[]
  payments: number
  paid: bigint
  credited: bigint
  refused: number
  /** Still owed: on hold, without a wallet, or for want of money. */
  left: OwedTotal
  /** The program's balance or budget does not reach for the next one. */
  isShort: boolean
  /** The guardian has stopped the contract: nothing was sent, and nothing will be before. */
  pausedUntil?: UnixSeconds
  /** Of a program with a claims contract. */
  claims?: ClaimsRun
}

// Each round books at least one payment of a batch that stopped at its limit of refusals. A thousand payees who all
// refuse are settled 16 a batch: in 63 rounds.
const MAX_ROUNDS = 1_000

/**
 * Pays what is owed, in batches. What a crash left comes first: a batch that is on its way is followed to its final
 * receipt and booked before another is planned.
 */
export async function payOut(
  room: PayoutsRoom,
  program: Program,
  { batches = Infinity }: PayOptions = {},
): Promise<PaidOut> {
  const total: Total = { txs: [], payments: 0, paid: 0n, credited: 0n, refused: 0, isShort: false }
  const through = await finalBlock(room)
  const pausedUntil = await pauseOf(room.client, room.contracts)
  const desk = pausedUntil === undefined ? await openDesk(room, program) : undefined
  if (desk) total.claims = await advanceClaims(room, program, desk)
  let most = batches
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    await finishAll(room, program, total)
    if (round === 0) await bookWithdrawals(room, through)
    if (pausedUntil !== undefined) {
      return { ...total, pausedUntil, left: await countOwed(room.db, program.id) }
    }
    const sent = await sendAll(room, program, { desk, total, most })
    most -= sent
    if (sent > 0) continue
    if (desk && program.keeperPays === true) total.claims = await payClaims(room, program, desk)
    return { ...total, left: await countOwed(room.db, program.id) }
  }
  throw new KeeperError('PAYOUT_ENDLESS', { program: program.id, rounds: MAX_ROUNDS })
}

type Total = Omit<PaidOut, 'left'>

export interface PayOptions {
  /** As many at most, each followed to its final receipt; the rest stays owed. */
  batches?: number
}

async function finishAll(room: PayoutsRoom, program: Program, total: Total): Promise<void> {
  for (const batch of await readInflight(room.db, program.id, contractOf(room))) {
    const finished = await finishBatch(room, program, batch)
    if (finished === undefined) continue
    total.txs.push(finished.tx)
    total.paid += finished.paid
    total.credited += finished.credited
    total.payments += finished.payments
    total.refused += finished.refused
    await room.onStep?.('batch-booked')
  }
}

export function contractOf({ client, contracts }: PayoutsRoom): Contract {
  return { chainId: client.chainId, address: contracts.address }
}

interface Under {
  desk: ClaimsDesk | undefined
  total: Total
}

interface Sending extends Under {
  /** Batches. */
  most: number
}

/** How many batches were sent: each is mined before the next is planned, and final before it is booked. */
async function sendAll(
  room: PayoutsRoom,
  program: Program,
  { desk, total, most }: Sending,
): Promise<number> {
  const { payees } = await countOwed(room.db, program.id)
  if (payees === 0) return 0
  if (program.method(payees) === 'claim') {
    if (!desk) throw new KeeperError('CLAIMS_NOT_DEPLOYED', { program: program.id })
    await publish(room, program, { desk, total })
    return 0
  }
  let [sent, after, isDear] = [0, 0n, false]
  while (sent < most) {
    const { money, terms: asked } = await readOnChain(room, program, total.claims?.waiting)
    const terms = { ...asked, isDear }
    const picked = await pick(room, program, { money, terms }, after)
    total.isShort = picked.isShort
    if (picked.payments.length === 0) return sent
    try {
      await sendBatch(room, program, terms, picked)
    } catch (error) {
      if (!isDear && isGasTooLow(error)) {
        isDear = true
        continue
      }
      if (isKeeperError(error, ...FAILED_FOR_GOOD)) await finishAll(room, program, total)
      throw error
    }
    sent += 1
    after = picked.after
    await room.onStep?.('batch-sent')
    // Nobody overtakes who is next.
    if (picked.isShort) return sent
  }
  return sent
}

/** Found before anything is planned: the batch that was tried is made anew, shorter. */
function isGasTooLow(error: unknown): boolean {
  return isKeeperError(error, 'TX_WOULD_REVERT') && error.facts['error'] === 'GasTooLow'
}

/** One root at a time: what is owed while one waits is in the next. */
async function publish(room: PayoutsRoom, program: Program, { desk, total }: Under): Promise<void> {
  if (!desk || total.claims?.waiting) return
  const money = await readFreeMoney(room, program)
  const { isShort } = await publishClaims(room, program, desk, { money })
  total.isShort = isShort
  const waiting = await readWaitingRoot(room.db, desk.place)
  total.claims = { booked: nothingBooked(), isShort: false, ...total.claims, waiting }
}

/** What a program may pay now: its own money, as far as its budget lets it out. */
export async function readFreeMoney(room: PayoutsRoom, program: Program): Promise<bigint> {
  return (await readOnChain(room, program)).money
}

interface OnChain {
  terms: PayTerms
  /** What the program has, and what its budget lets out. */
  money: bigint
}

/** What a root takes along that waits for its acceptance is not there for others. */
async function readOnChain(
  { contracts }: PayoutsRoom,
  program: Program,
  waiting?: RootRow,
): Promise<OnChain> {
  const { terms, balance, available } = await contracts.payouts.programOf(program.number)
  if (terms.stipend === 0n) {
    throw new KeeperError('PROGRAM_NOT_ADDED', { program: program.id, number: program.number })
  }
  const free = (balance < available ? balance : available) - (waiting?.amount ?? 0n)
  return {
    money: free > 0n ? free : 0n,
    terms: {
      stipend: Number(terms.stipend),
      maxRefused: Number(terms.maxRefused),
      isNative: contracts.asset === NATIVE,
    },
  }
}

interface Chosen extends Picked {
  /** The last payout that was looked at. */
  after: bigint
}

/** The next batch. Who is on hold or has no wallet is passed over. */
async function pick(
  room: PayoutsRoom,
  { id }: Program,
  { terms, money }: OnChain,
  start: bigint,
): Promise<Chosen> {
  const payments = Math.min(maxPayments(terms), room.batchSize ?? Infinity)
  const payable: Payable[] = []
  let after = start
  while (payable.length < payments) {
    const limit = payments - payable.length
    const owed = await readOwed(room.db, id, { after, limit })
    after = owed.at(-1)?.id ?? after
    payable.push(...(await payableOf(room, room.db, id, owed)))
    if (owed.length < limit) break
  }
  return { ...pickPayments(payable, { payments, money }), after }
}

async function sendBatch(
  room: PayoutsRoom,
  program: Program,
  terms: PayTerms,
  { payments, amount }: Picked,
): Promise<TxRecord> {
  const { client, contracts, payer, db, log } = room
  const contract = contractOf(room)
  const { seq, attempt } = await readNextPlace(db, program.id, contract)
  // The contract would refuse it; that it has paid what we do not know of is for a human.
  if (await contracts.payouts.isPaid(program.number, seq)) {
    throw new KeeperError('PAYOUT_SEQ_USED', { program: program.id, seq })
  }
  const place = {
    chainId: client.chainId,
    contract: contracts.address,
    number: program.number,
    seq,
  }
  const id = batchId(
    { ...place, attempt },
    payments.map(({ key }) => key),
  )
  const batch: NewBatch = { id, program: program.id, seq, amount, contract, payments }
  const tx = await payer.send(intentOf(room, program, batch, terms), {
    until: 'included',
    errors: contracts.errors,
    alongside: (t) => openBatch(room, t, program, batch),
  })
  log.info({ program: program.id, seq, payments: payments.length, hash: tx.hash }, 'payouts-sent')
  return tx
}

function intentOf(
  { contracts }: PayoutsRoom,
  { number }: Program,
  { id, seq, payments }: NewBatch,
  terms: PayTerms,
): TxIntent {
  const { payouts, address } = contracts
  const args = [number, seq, packPayments(payments)] as const
  return {
    kind: PAYOUT_KIND,
    key: id,
    to: address,
    data: payouts.interface.encodeFunctionData('pay', [...args]) as Hex,
    value: 0n,
    gasLimit: payGas(payments.length, terms),
  }
}

/** In the transaction of the intent, before anything is signed: owed ▸ inflight, or neither of the two. */
async function openBatch(
  { clock, reach }: PayoutsRoom,
  t: Db,
  program: Program,
  batch: NewBatch,
): Promise<void> {
  const now = clock.now()
  await lockProgram(t, program)
  await requireReached(reach, t, batch, now)
  await insertBatch(t, batch, now)
  const postings = batch.payments.map(({ payee, amount, key }, position): Posting => ({
    key: keys.inflight(batch.id, position),
    debit: accounts.owed(program.id, payee),
    credit: accounts.inflight(program.id),
    asset: program.asset,
    amount,
    code: 'send',
    effectiveAt: now,
    reason: { payout: key, seq: batch.seq },
  }))
  requirePosted(await postIn(t, postings, now))
}
