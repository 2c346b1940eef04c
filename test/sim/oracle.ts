import { toJson } from '../../keeper/base/json.ts'
import type { Hex } from '../../keeper/base/schema.ts'
import { findDivergence } from '../../keeper/chain/journal/journal-audit.ts'
import { attemptsOf, listJournal } from '../../keeper/chain/journal/journal.ts'
import type { TxAttempt, TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import { findMined, hasSucceeded } from './model-answers.ts'
import type { ModelTx } from './model-chain.ts'
import { isExtracted, unpaidOf } from './model-contract.ts'
import type { ContractState } from './model-contract.ts'
import { readLines } from './sim-side-log.ts'
import type { SimWorld } from './sim-world.ts'

export interface Outcome {
  /** 'stuck': it gives up without a reason that needs a human; 'broken': a fault of the program. */
  end: 'done' | 'stopped' | 'stuck' | 'broken'
  why: string
}

export interface Verdict {
  outcome: Outcome
  /** What may never happen; empty when all is well. */
  faults: Fault[]
}

export interface Fault {
  kind: 'double' | 'lost' | 'nonce' | 'journal' | 'false-stop'
  what: string
}

interface Books {
  world: SimWorld
  rows: readonly { tx: TxRecord; attempts: TxAttempt[] }[]
  mined: readonly ModelTx[]
  outcome: Outcome
}

// More than any schedule has.
const MAX_ROWS = 1_000

/** The oracle of keeper.md section 5, asked of the chain's own books once all is settled. */
export async function judge(world: SimWorld, outcome: Outcome): Promise<Verdict> {
  const { db } = world.store
  const txs = await listJournal(db, { limit: MAX_ROWS })
  const rows: { tx: TxRecord; attempts: TxAttempt[] }[] = []
  for (const tx of txs) rows.push({ tx, attempts: await attemptsOf(db, tx.id) })
  const { fork, height } = world.chain.view()
  const mined = fork.slice(0, height + 1).flatMap((block) => block.txs)
  const books = { world, rows, mined, outcome }
  const divergence = await findDivergence(db, readLines(world.sideLog))
  const faults: Fault[] = [
    ...findDoublePay(books),
    ...findRepeats(books),
    ...findLost(books),
    ...findStrayNonces(books),
    ...findWrongRows(books),
    ...findFalseStop(books),
    ...(divergence === undefined ? [] : [fault('journal', toJson(divergence))]),
  ]
  return { outcome, faults }
}

function fault(kind: Fault['kind'], what: string): Fault {
  return { kind, what }
}

function stateOf({ chain }: SimWorld): ContractState {
  const { fork, height } = chain.view()
  return fork[height]?.state ?? []
}

/** The contract's own count: one extract a cycle, every bit paid at most once. */
function findDoublePay({ world }: Books): Fault[] {
  const state = stateOf(world)
  const faults: Fault[] = []
  for (let cycle = 1; cycle <= world.schedule.cycles; cycle += 1) {
    const extracts = state.filter(
      ({ call, succeeded }) => succeeded && call.kind === 'extract' && call.cycle === cycle,
    )
    if (extracts.length > 1) faults.push(fault('double', `cycle ${cycle} was extracted twice`))
    let paid = 0n
    for (const execution of state) {
      if (execution.call.kind !== 'transfer' || execution.call.cycle !== cycle) continue
      const twice = paid & execution.paid
      if (twice !== 0n) {
        faults.push(fault('double', `cycle ${cycle}: bits ${twice.toString(16)} were paid twice`))
      }
      paid |= execution.paid
    }
  }
  return faults
}

/** Calls of ours that the contract had to fend off because an earlier call of ours did the same. */
function findRepeats({ world, rows }: Books): Fault[] {
  // Without the store's memory and the side log's, the contract is all that is left.
  if (world.truth.isMemoryLost || world.truth.isFinalityBroken) return []
  const ours = stateOf(world).filter(({ by }) => by === 'keeper')
  const faults: Fault[] = []
  for (const [index, later] of ours.entries()) {
    for (const earlier of ours.slice(0, index)) {
      if (!earlier.succeeded || !isSamePurpose(earlier.call, later.call)) continue
      const keys = [earlier, later].map(({ hash }) => keyOf(rows, hash))
      faults.push(fault('double', `two of ours do the same: ${keys.join(' and ')}`))
    }
  }
  return faults
}

function isSamePurpose(a: ModelTx['call'], b: ModelTx['call']): boolean {
  if (a.kind === 'extract' && b.kind === 'extract') return a.cycle === b.cycle
  if (a.kind !== 'transfer' || b.kind !== 'transfer') return false
  return a.cycle === b.cycle && (a.mask & b.mask) !== 0n
}

function keyOf(rows: Books['rows'], hash: Hex): string {
  const row = rows.find(({ attempts }) => attempts.some((attempt) => attempt.hash === hash))
  return row ? `${row.tx.kind} ${row.tx.key} (nonce ${row.tx.nonce})` : hash
}

/** A day that says it is done has paid everybody. One that is neither done nor stopped is lost. */
function findLost({ world, outcome }: Books): Fault[] {
  if (outcome.end === 'stuck') return [fault('lost', outcome.why)]
  if (outcome.end === 'broken') return [fault('journal', outcome.why)]
  if (outcome.end === 'stopped') return []
  const state = stateOf(world)
  const faults: Fault[] = []
  for (let cycle = 1; cycle <= world.schedule.cycles; cycle += 1) {
    const unpaid = unpaidOf(state, cycle, world.members)
    if (!isExtracted(state, cycle)) faults.push(fault('lost', `cycle ${cycle} is not extracted`))
    if (unpaid !== 0n) {
      faults.push(fault('lost', `cycle ${cycle}: ${unpaid.toString(16)} is unpaid`))
    }
  }
  return faults
}

/** Each mined nonce of the key belongs to exactly one intent, or is a foreign one that was noticed. */
function findStrayNonces({ world, rows, mined, outcome }: Books): Fault[] {
  const { truth } = world
  const faults: Fault[] = []
  const nonces = rows.map(({ tx }) => tx.nonce).filter((nonce) => nonce !== undefined)
  const first = Math.min(...nonces)
  const last = Math.max(-1, ...nonces)
  for (const tx of mined) {
    if (tx.nonce === undefined) continue
    // Before our first one the key had a life of its own; after our last one nothing of ours is in doubt.
    if (tx.by === 'foreign' && (tx.nonce < first || tx.nonce > last)) continue
    const owners = rows.filter(({ tx: row }) => row.nonce === tx.nonce)
    const isKnown = owners.some(({ attempts }) => attempts.some(({ hash }) => hash === tx.hash))
    if (owners.length > 1) faults.push(fault('nonce', `nonce ${tx.nonce} has two intents`))
    if (isKnown) continue
    // An empty journal beside an empty side log begins where the chain is; what was before is not its past.
    // And what was on its way then may be mined after the day: the next start gives it a row.
    if (truth.isMemoryLost && (tx.nonce < first || tx.nonce > last)) continue
    const isExcused = tx.by === 'foreign' || truth.isMemoryLost || truth.isFinalityBroken
    const isNoticed = outcome.end === 'stopped' || owners.some(({ tx: row }) => isNoticedBy(row))
    if (isExcused && isNoticed) continue
    faults.push(fault('nonce', `nonce ${tx.nonce} was mined as ${tx.hash} of ${tx.by}`))
  }
  return faults
}

function isNoticedBy({ state }: TxRecord): boolean {
  return state === 'unknown' || state === 'foreign' || state === 'cancelled'
}

/** What the journal calls final is on the chain as it says; a finished day leaves nothing open. */
function findWrongRows({ world, rows, outcome }: Books): Fault[] {
  const view = world.chain.view()
  const faults: Fault[] = []
  for (const { tx, attempts } of rows) {
    const name = `${tx.kind} ${tx.key}`
    const isOpen = tx.state === 'planned' || tx.state === 'signed' || tx.state === 'broadcast'
    if (outcome.end === 'done' && (isOpen || tx.state === 'included')) {
      faults.push(fault('journal', `${name} is still ${tx.state}`))
    }
    if (world.truth.isFinalityBroken) continue
    if (tx.state === 'cancelled' && tx.nonce !== undefined && !world.truth.resolved.has(tx.id)) {
      const isSo = attempts.some((one) => one.purpose === 'cancel' && findMined(view, one.hash))
      if (!isSo) faults.push(fault('journal', `${name} is cancelled, which nobody has done`))
    }
    if (tx.state !== 'final' && tx.state !== 'reverted') continue
    const found = tx.hash === undefined ? undefined : findMined(view, tx.hash)
    const isOurs = attempts.some(({ hash }) => hash === tx.hash)
    const isThere = found !== undefined && isOurs && found.block.hash === tx.blockHash
    const isTrue = isThere && hasSucceeded(found) === (tx.state === 'final')
    if (!isTrue) faults.push(fault('journal', `${name} is ${tx.state}, which the chain denies`))
  }
  return faults
}

/** A queue may stop only for something that really happened. */
function findFalseStop({ world, outcome }: Books): Fault[] {
  if (outcome.end !== 'stopped') return []
  const { foreignNonces, isFinalityBroken, isMemoryLost } = world.truth
  const isTrue = foreignNonces.length > 0 || isFinalityBroken || isMemoryLost
  return isTrue ? [] : [fault('false-stop', outcome.why)]
}
