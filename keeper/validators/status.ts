import type { Log } from 'ethers'
import type { Wei } from '../base/amount.ts'
import { sum } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import { cutOf, isoTime, startOfHour } from '../base/time.ts'
import type { Cycle, Hour, UnixSeconds } from '../base/time.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { missingHours, readCycle } from './cycle-facts.ts'
import type { CycleState } from './cycle.ts'
import { paidBy, shareReader } from './payments.ts'
import type { PaidWords } from './payments.ts'
import type { ChainRoom } from './room.ts'

export interface CycleLine {
  cycle: Cycle
  state: CycleState
  snapshots: number
  eligible: number
  pool: Wei
  allocated: Wei
  paid: Wei
  refused: number
}

export interface Status {
  chainId: number
  blockNumber: number
  blockTime: UnixSeconds
  asset: Address
  symbol: string
  decimals: number
  /** The cycle that is open now; 0 before the first cut. */
  openCycle: Cycle
  nextCycle: Cycle
  nextCut: UnixSeconds
  validators: number
  snapshots: number
  /** Hours of the open cycle that are over and have no snapshot that counts. */
  missing: Hour[]
  pausedUntil: UnixSeconds
  /** funded = paid + credits + withdrawn + unpaid + pool + returned, over all cycles. */
  books: {
    funded: Wei
    paid: Wei
    credits: Wei
    withdrawn: Wei
    unpaid: Wei
    pool: Wei
    /** To the sponsor, after 90 days of silence. */
    returned: Wei
    balance: Wei
    difference: Wei
  }
  isConserved: boolean
  runway: { cycles: number | undefined; spendPerCycle: Wei | undefined }
  alerts: string[]
  cycles: CycleLine[]
}

const EVENTS = [
  'Extracted',
  'CycleRolledOver',
  'CycleVoided',
  'Paid',
  'PaymentRefused',
  'Claimed',
  'Withdrawn',
  'ReturnedToSponsor',
] as const

// Settled cycles whose spending the runway looks at: a week.
const RUNWAY_CYCLES = 7
const NO_CAP = 2n ** 128n - 1n

/** Everything over all cycles from the events, held against the contract's own totals at the same block. */
export async function readStatus(room: ChainRoom): Promise<Status> {
  const { client, contracts } = room
  const { registry, rewards, deployment } = contracts
  const head = await client.block('latest')
  const at = { blockTag: head?.number ?? 0 }
  const now = head?.timestamp ?? 0
  const history = await readHistory(room, at.blockTag)
  const [books, openCycle, nextCycle, validators, pausedUntil] = await Promise.all([
    rewards.books(at),
    registry.cycleAt(now, at),
    rewards.nextCycle(at),
    registry.validatorCount(at),
    rewards.pausedUntil(at),
  ])
  const record = await registry.record(openCycle, at)
  const missing = missingHours(deployment.firstCut, Number(openCycle), record.missing)
  const { paid, withdrawn, returned } = history
  const { funded, pool, unpaid, credits, balance } = books
  const difference = funded - sum([paid, credits, withdrawn, unpaid, pool, returned])
  const spend = await spendOf(room, Number(nextCycle), history.cycles)
  const status: Status = {
    chainId: client.chainId,
    blockNumber: at.blockTag,
    blockTime: now,
    asset: deployment.asset,
    symbol: deployment.symbol,
    decimals: deployment.decimals,
    openCycle: Number(openCycle),
    nextCycle: Number(nextCycle),
    nextCut: cutOf(deployment.firstCut, Number(openCycle)),
    validators: Number(validators),
    snapshots: Number(record.snapshots),
    // Before the first cut no hour belongs to a cycle.
    missing: openCycle === 0n ? [] : missing.filter((hour) => startOfHour(hour + 1) <= now),
    pausedUntil: Number(pausedUntil),
    books: {
      funded,
      paid,
      credits,
      withdrawn,
      unpaid,
      pool,
      returned,
      balance,
      difference,
    },
    isConserved: difference === 0n && balance >= pool + unpaid + credits,
    runway: {
      cycles: spend === undefined ? undefined : Number(pool / spend),
      spendPerCycle: spend,
    },
    alerts: [],
    cycles: history.cycles,
  }
  return { ...status, alerts: alertsOf(status) }
}

interface History {
  paid: Wei
  withdrawn: Wei
  returned: Wei
  cycles: CycleLine[]
}

async function readHistory(room: ChainRoom, toBlock: number): Promise<History> {
  const { rewards, deployment } = room.contracts
  const topics = EVENTS.map((name) => rewards.interface.getEvent(name).topicHash as Hex)
  const query = { address: deployment.rewards, fromBlock: deployment.deployBlock, toBlock }
  const logs = await readLogs(room.client, { ...query, topics: [topics] })
  const history: History = { paid: 0n, withdrawn: 0n, returned: 0n, cycles: [] }
  const lines = new Map<Cycle, { line: CycleLine; share: (index: number) => Wei }>()
  for (const log of logs) await addLog(room, log, history, lines)
  history.cycles = [...lines.values()].map(({ line }) => line)
  return history
}

type Lines = Map<Cycle, { line: CycleLine; share: (index: number) => Wei }>

async function addLog(room: ChainRoom, log: Log, history: History, lines: Lines): Promise<void> {
  const event = room.contracts.rewards.interface.parseLog(log)
  if (!event) return
  const { name, args } = event
  if (name === 'Withdrawn') history.withdrawn += args['amount'] as bigint
  if (name === 'ReturnedToSponsor') history.returned += args['amount'] as bigint
  if (name === 'Withdrawn' || name === 'ReturnedToSponsor') return
  const cycle = Number(args['cycle'])
  if (name === 'Extracted' || name === 'CycleRolledOver') {
    lines.set(cycle, await newLine(room, cycle, name, args))
  }
  const known = lines.get(cycle)
  if (!known) return
  if (name === 'CycleVoided') known.line.state = 'voided'
  if (name === 'PaymentRefused') known.line.refused += 1
  const paid = paidIn(name, args, known.share)
  known.line.paid += paid
  history.paid += paid
}

type Args = { [key: string]: unknown }

function paidIn(name: string, args: Args, share: (index: number) => Wei): Wei {
  if (name === 'Claimed') return args['amount'] as bigint
  return name === 'Paid' ? paidBy(args['words'] as PaidWords, share) : 0n
}

async function newLine(
  room: ChainRoom,
  cycle: Cycle,
  name: string,
  args: Args,
): Promise<{ line: CycleLine; share: (index: number) => Wei }> {
  const isSettled = name === 'Extracted'
  const amount = (key: string): bigint => (isSettled ? (args[key] as bigint) : 0n)
  const weighted = isSettled && (args['weighted'] as boolean)
  const words = weighted ? (await readCycle(room, cycle)).words : 0
  const facts = { cycle, pool: amount('pool'), weighted, weightSum: amount('weightSum'), words }
  const line: CycleLine = {
    cycle,
    state: isSettled ? 'settled' : 'rolled-over',
    paid: 0n,
    refused: 0,
    snapshots: Number(args['snapshots']),
    eligible: isSettled ? Number(args['eligible']) : 0,
    pool: facts.pool,
    allocated: amount('allocated'),
  }
  return { line, share: await shareReader(room, facts) }
}

/** What a cycle is expected to take: the cap where there is one, else what the last ones took. */
async function spendOf(
  { contracts }: ChainRoom,
  next: Cycle,
  cycles: readonly CycleLine[],
): Promise<Wei | undefined> {
  const { cap } = await contracts.rewards.paramsAt(next)
  if (cap !== NO_CAP) return cap === 0n ? undefined : cap
  const settled = cycles.filter(({ state }) => state === 'settled').slice(-RUNWAY_CYCLES)
  const spent = sum(settled.map(({ allocated }) => allocated))
  return spent === 0n ? undefined : spent / BigInt(settled.length)
}

function alertsOf(status: Status): string[] {
  const { books, runway, nextCut, missing, pausedUntil, blockTime, isConserved } = status
  const alerts: string[] = []
  if (!isConserved) alerts.push(`${brokenBooks(books)}: pause, and find why`)
  if (books.pool === 0n) alerts.push(`the pool is empty before the cut at ${isoTime(nextCut)}`)
  else if (runway.cycles === 0) {
    alerts.push(`the pool is below one cycle's spending before the cut at ${isoTime(nextCut)}`)
  }
  if (missing.length > 0) {
    alerts.push(`the open cycle has no snapshot of ${missing.length} of its hours that are over`)
  }
  if (pausedUntil > blockTime) alerts.push(`the contract is paused until ${isoTime(pausedUntil)}`)
  return alerts
}

/** Either a unit is unaccounted for, or the contract holds less than its books say. */
export function brokenBooks({
  difference,
  balance,
  pool,
  unpaid,
  credits,
}: Status['books']): string {
  if (difference !== 0n) return `the books differ by ${difference} units`
  return `the contract holds ${balance} units, its books ask for ${pool + unpaid + credits}`
}

export interface Credit {
  account: Address
  amount: Wei
  since: UnixSeconds
}

/** Accounts that were ever credited, with what they hold now. */
export async function creditsOf({ client, contracts }: ChainRoom): Promise<Credit[]> {
  const { rewards, deployment } = contracts
  const toBlock = await client.blockNumber()
  const events = ['PaymentRefused', 'Swept', 'CreditMoved'] as const
  const topics = events.map((name) => rewards.interface.getEvent(name).topicHash as Hex)
  const query = { address: deployment.rewards, fromBlock: deployment.deployBlock, toBlock }
  const logs = await readLogs(client, { ...query, topics: [topics] })
  const to = logs.map((log) => rewards.interface.parseLog(log)?.args['to'] as Address)
  const credits: Credit[] = []
  for (const account of new Set(to)) {
    const { amount, since } = await rewards.creditOf(account, { blockTag: toBlock })
    if (amount > 0n) credits.push({ account, amount, since: Number(since) })
  }
  return credits
}
