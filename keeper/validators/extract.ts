import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import type { Cycle } from '../base/time.ts'
import { listJournal } from '../chain/journal/journal.ts'
import type { TxIntent } from '../chain/journal/journal.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { freshKey } from './attempt.ts'
import { readCycle } from './cycle-facts.ts'
import type { CycleFacts, Step } from './cycle.ts'
import { nextStep } from './cycle.ts'
import { MIN_PAGE_WORDS, MAX_TX_GAS, extractGas, pageWords } from './gas.ts'
import type { ExtractShape } from './gas.ts'
import { checkDecision } from './recompute.ts'
import type { ChainRoom, ValidatorsRoom } from './room.ts'
import type { Decision } from './twin.ts'

export interface Extraction {
  /** As the chain has it afterwards. */
  facts: CycleFacts
  /** Our own recomputation; undefined when the evidence is gone or the cycle rolled over. */
  decision: Decision | undefined
  txs: TxRecord[]
}

// 512 words in three phases by pages of 16: no roster needs more.
const MAX_PAGES = 100
// What we send again because it was not decided is counted, so that a contract that answers nonsense
// cannot keep us sending.
const MAX_STEPS = MAX_PAGES + 4

/**
 * Phase 1. Sends extract, or its pages, until the chain has decided and that is final; then counts the
 * cycle again from the chain's snapshots. Whoever decided it, we or a stranger, the check is the same.
 */
export async function extractCycle(room: ValidatorsRoom, cycle: Cycle): Promise<Extraction> {
  const txs: TxRecord[] = []
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const facts = await readCycle(room, cycle)
    const next = nextStep(facts)
    if (isDecided(facts)) return finish(room, facts, txs)
    refuseWaiting(facts, next)
    await sendNext(room, facts, txs)
  }
  throw new KeeperError('EXTRACT_ENDLESS', { cycle, pages: txs.length })
}

function isDecided({ state }: CycleFacts): boolean {
  return state !== 'none' && state !== 'counting'
}

async function finish(
  room: ValidatorsRoom,
  facts: CycleFacts,
  txs: TxRecord[],
): Promise<Extraction> {
  if (facts.state !== 'settled') return { facts, decision: undefined, txs }
  const decision = await checkDecision(room, facts)
  const { cycle, eligible, snapshots, pool, allocated } = facts
  if (decision) room.log.info({ cycle, eligible, snapshots, pool, allocated }, 'extract-checked')
  else room.log.warn({ cycle }, 'extract-unchecked-evidence-gone')
  return { facts, decision, txs }
}

/** What has to wait is an error with the reason and the time: the slot is marked late by it. */
export function refuseWaiting({ cycle, cut, now }: CycleFacts, step: Step): void {
  const blockTime = isoTime(now)
  switch (step.do) {
    case 'wait-for-cut':
      throw new KeeperError('CYCLE_OPEN', { cycle, cut: isoTime(cut), blockTime })
    case 'settle-earlier':
      throw new KeeperError('CYCLE_NOT_NEXT', { cycle, next: step.cycle })
    case 'wait-for-evidence': {
      const until = isoTime(step.until)
      throw new KeeperError('EVIDENCE_NOT_FINAL', { cycle, until, reason: step.reason })
    }
    case 'wait-for-pause':
      throw new KeeperError('REWARDS_PAUSED', { until: isoTime(step.until) })
    case 'wait-for-transfer':
      throw new KeeperError('TRANSFER_TOO_EARLY', { cycle, from: isoTime(step.until), blockTime })
    case 'extract':
    case 'continue-pages':
    case 'transfer':
    case 'done':
    case 'rolled-over':
    case 'voided':
      return
  }
}

async function sendNext(room: ValidatorsRoom, facts: CycleFacts, txs: TxRecord[]): Promise<void> {
  const { errors } = room.contracts
  const intent = await intentOf(room, facts, txs.length)
  try {
    // Final before anything follows: a reorg must not take the decision from under the batches (S-27).
    const tx = await room.keeper.send(intent, { errors, until: 'final' })
    txs.push(tx)
    room.log.info({ cycle: facts.cycle, kind: intent.kind, hash: tx.hash }, 'extract-sent')
  } catch (error) {
    if (!(await isDecidedByOther(room, facts.cycle, error))) throw error
    room.log.warn({ cycle: facts.cycle }, 'extracted-by-another')
  }
}

/** a stranger was faster. Our call refuses, and the state says what we wanted to say. */
async function isDecidedByOther(
  room: ValidatorsRoom,
  cycle: Cycle,
  error: unknown,
): Promise<boolean> {
  if (!isKeeperError(error, 'TX_WOULD_REVERT', 'TX_REVERTED')) return false
  return isDecided(await readCycle(room, cycle))
}

async function intentOf(room: ValidatorsRoom, facts: CycleFacts, sent: number): Promise<TxIntent> {
  const { cycle } = facts
  const { rewards, deployment } = room.contracts
  const shape = await shapeOf(room, facts)
  const words = facts.state === 'counting' ? (pageWords(shape) ?? MIN_PAGE_WORDS) : pageWords(shape)
  const to = deployment.rewards
  // R-25's call carries the journal's head, where the contract does not look and nobody can change it.
  const common = { to, value: 0n, anchor: true } as const
  if (words === undefined) {
    const key = await freshKey(room, { to, kind: 'extract', key: String(cycle) })
    const data = rewards.interface.encodeFunctionData('extract', [cycle]) as Hex
    return { ...common, kind: 'extract', key, data, gasLimit: extractGas(shape) }
  }
  const page = await nextPage(room, cycle, sent)
  const data = rewards.interface.encodeFunctionData('extractPage', [cycle, words]) as Hex
  return { ...common, kind: 'extract', key: page, data, gasLimit: MAX_TX_GAS }
}

/** Pages are counted by us: the contract owns the cursor, so the same call does the next page. */
async function nextPage(room: ValidatorsRoom, cycle: Cycle, sent: number): Promise<string> {
  const to = room.contracts.deployment.rewards
  const known = await countPages(room, cycle)
  return freshKey(room, { to, kind: 'extract', key: `${cycle}/page-${Math.max(known, sent)}` })
}

async function countPages(room: ValidatorsRoom, cycle: Cycle): Promise<number> {
  const filter = { chainId: room.client.chainId, kind: 'extract', state: 'final' } as const
  const rows = await listJournal(room.db, {
    ...filter,
    keyPrefix: `${cycle}/page-`,
    limit: MAX_PAGES,
  })
  return rows.length
}

export async function shapeOf({ contracts }: ChainRoom, facts: CycleFacts): Promise<ExtractShape> {
  const [params, reporters] = await Promise.all([
    contracts.rewards.paramsAt(facts.cycle),
    contracts.registry.reportersOf(facts.cycle),
  ])
  const { weighted, payAll } = params
  return { words: facts.words, weighted, payAll, reporters: reporters.length }
}
