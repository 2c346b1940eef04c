import { KeeperError } from '../base/errors.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { trialBalance } from '../ledger/balances.ts'
import { checkLedger } from '../ledger/check.ts'
import { transferCodes } from '../ledger/transfers.ts'
import { bookedThrough } from '../payouts/event-booking.ts'
import type { ProgramCheck } from '../payouts/program-check.ts'
import { readPrograms } from '../payouts/records.ts'
import type { Db } from '../store/db.ts'
import { checkClaimSums, checkClaims } from './claims.ts'
import type { ClaimsAt, ClaimsLine } from './claims.ts'
import type { PayoutsAt, ProgramsAsk } from './comparing.ts'
import { Differences } from './differences.ts'
import type { Difference } from './differences.ts'
import type { OnProgress } from './final-events.ts'
import { Matching } from './matching.ts'
import { checkPayoutsEvents } from './payouts-events.ts'
import { checkRecords } from './program-records.ts'
import { checkHolding, checkProgramSums } from './program-sums.ts'
import type { HoldingLine, ProgramLine } from './program-sums.ts'
import { REWARD_CODES, checkRewards } from './rewards.ts'
import type { RewardsAt, RewardsLine } from './rewards.ts'

export interface ReconcileAsk {
  /** One state of the store: within a transaction that sees no later one, where others write. */
  db: Db
  client: ChainClient
  /** Final. Everything of the chain is read as of it. */
  block: number
  payouts: readonly PayoutsAt[]
  claims?: readonly ClaimsAt[]
  rewards: RewardsAt | undefined
  /** Of programs that keep records of their own. */
  checks?: readonly ProgramCheck[]
  onProgress: OnProgress
}

/** The answer of `muster reconcile --json`. */
export interface Reconciled {
  ok: boolean
  chainId: number
  block: number
  assets: { asset: string; total: bigint }[]
  programs: ProgramLine[]
  holdings: HoldingLine[]
  claims: ClaimsLine[]
  rewards: RewardsLine | undefined
  /** Transfers that a record or a receipt explains. */
  matched: number
  /** Those whose months lie in files: not compared. */
  archived: number
  differences: Difference[]
  /** All that were found; the list ends earlier. */
  found: number
}

/** What ProgramPayouts and the records of the programs explain. */
const PROGRAM_CODES = [
  'accrue',
  'retract',
  'settle',
  'send',
  'pay',
  'credit',
  'return',
  'fund',
  'refund',
  'withdraw',
  'move',
]

/** Books = records = receipts = chain, each derived without the code that booked it. Changes nothing. */
export async function reconcile(ask: ReconcileAsk): Promise<Reconciled> {
  const { db, client, block, payouts, onProgress } = ask
  const differences = new Differences()
  // First, because it takes a state of its own where the transaction has none yet.
  onProgress('checking the books', 0, 1)
  for (const finding of await checkLedger(db)) differences.add('BOOKS_UNSOUND', { ...finding })
  onProgress('checking the books', 1, 1)
  await refuseLater(ask)
  const matching = new Matching(db, differences)
  const programs = await readPrograms(db)
  const common = { db, client, block, differences, matching, onProgress }
  const asking: ProgramsAsk = { ...common, programs, contracts: payouts }
  const paid = new Set<string>()
  for (const at of payouts) for (const id of await checkPayoutsEvents(asking, at)) paid.add(id)
  await checkRecords(asking, paid)
  await matching.findCauseless(PROGRAM_CODES, isOfBatches)
  const { checks = [] } = ask
  for (const check of checks) await checkProgram(asking, check)
  const programLines: ProgramLine[] = []
  for (const program of programs) programLines.push(await checkProgramSums(asking, program))
  const byAsset = Map.groupBy(payouts, ({ asset }) => asset)
  const holdings: HoldingLine[] = []
  for (const [asset, at] of byAsset) holdings.push(await checkHolding(asking, asset, at))
  const claims = await checkAllClaims(asking, ask.claims ?? [])
  const rewards = ask.rewards && (await checkRewards(common, ask.rewards))
  // Whoever can write to the store could have made up a word that no check asks for.
  const known = new Set([...KNOWN_CODES, ...checks.flatMap(({ codes }) => codes)])
  const unknown = (await transferCodes(db)).filter((code) => !known.has(code))
  await matching.findCauseless(unknown)
  return {
    ok: differences.total === 0,
    chainId: client.chainId,
    block,
    assets: (await trialBalance(db)).map(({ asset, total }) => ({ asset, total })),
    programs: programLines,
    holdings,
    claims,
    rewards,
    matched: matching.matched,
    archived: matching.archived,
    differences: differences.list,
    found: differences.total,
  }
}

/** What roots and claims explain. */
const CLAIM_CODES = ['publish', 'accept', 'claim', 'return']

const KNOWN_CODES = [...PROGRAM_CODES, ...CLAIM_CODES, ...REWARD_CODES]

async function checkProgram(ask: ProgramsAsk, check: ProgramCheck): Promise<void> {
  const { db, programs, matching, differences, onProgress } = ask
  await check.check({
    db,
    asset: programs.find(({ id }) => id === check.program)?.asset,
    expect: (line) => matching.expect(line),
    differ: (code, facts) => differences.add(code, facts),
    onProgress,
  })
  await matching.findCauseless(check.codes, (transfer) => check.isOutside?.(transfer) !== true)
}

async function checkAllClaims(ask: ProgramsAsk, all: readonly ClaimsAt[]): Promise<ClaimsLine[]> {
  const lines: ClaimsLine[] = []
  for (const at of all) lines.push(await checkClaims(ask, at))
  for (const { id, asset } of ask.programs) {
    const own = lines.filter(({ program }) => program === id)
    await checkClaimSums(ask, { program: id, asset, lines: own })
  }
  // Where a range hides who was paid, nothing tells of a claim but the contract's state.
  const isShown = lines.every(({ isHidden }) => !isHidden)
  const codes = CLAIM_CODES.filter((code) => code !== 'claim' || isShown)
  await ask.matching.findCauseless(codes, (transfer) => !isOfBatches(transfer) || isOther(transfer))
  return lines
}

function isOther({ code }: { code: string }): boolean {
  return code !== 'return'
}

/** What a root of claims moves is the claims' to explain, though it takes money back by the same word. */
function isOfBatches({ debit }: { debit: string }): boolean {
  return !(debit.startsWith('inflight:') && debit.endsWith(':claims'))
}

/** Somebody has booked what came after the block: another one has to be taken. */
async function refuseLater(ask: ReconcileAsk): Promise<void> {
  const { db, client, block, payouts, claims = [], rewards } = ask
  const homes = claims.map(({ contract }) => ({ address: contract.home.contract }))
  const contracts = [...payouts, ...homes, ...(rewards ? [rewards] : [])]
  for (const { address } of contracts) {
    const through = await bookedThrough(db, client.chainId, address)
    if (through !== undefined && through > block)
      throw new KeeperError('RECONCILE_MOVED', { times: 1 })
  }
}
