import { getAddress, isAddress } from 'ethers'
import { sum } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import { cycleOfHour, hourOf } from '../base/time.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { readPayHistory } from './pay-history.ts'
import type { CyclePay, MoneyKind, MoneyMove, PayHistory } from './pay-history.ts'
import { checkRecord, readEvidenceOf, readPreview, recordOf } from './record.ts'
import type { CycleRecord, EvidenceAt, Preview } from './record.ts'
import { blockTimes } from './room.ts'
import type { ChainRoom } from './room.ts'
import { FOREVER, activeIn, isActive, readRoster } from './roster.ts'
import type { Roster, RosterEntry } from './roster.ts'

/** A validator's record as the chain has it: with a node and two addresses anybody gets the same. */
export interface ValidatorView {
  chainId: number
  block: number
  blockTime: UnixSeconds
  registry: Address
  rewards: Address
  asset: Address
  symbol: string
  decimals: number
  /** As asked for: a node, or a fund address that several validators may share. */
  address: Address
  /** The cycle that is open now; 0 before the first cut. */
  openCycle: Cycle
  validators: ValidatorLine[]
  money: Money
  /** Refused or swept pay that waits to be withdrawn, by account. */
  credits: { account: Address; amount: Wei; since: UnixSeconds }[]
  /** The newest MAX_PAYMENTS, newest first; `paymentsFound` counts all of them. */
  payments: Payment[]
  paymentsFound: number
}

/** earned = paid + unpaid + credited, over all decided cycles. */
export interface Money {
  earned: Wei
  paid: Wei
  unpaid: Wei
  credited: Wei
}

export type ValidatorState = 'pending' | 'active' | 'leaving' | 'removed'

export interface ValidatorLine {
  index: number
  node: Address
  /** Fund address as the roster has it; `paidTo` is where its pay goes, redirects included. */
  fund: Address
  paidTo: Address
  weight: bigint
  state: ValidatorState
  activeFrom: Cycle
  /** Null while it has not been removed. */
  activeTo: Cycle | null
  money: Money
  /** Newest first: the open one, those that wait for their decision, then decided ones. */
  cycles: ValidatorCycle[]
}

export interface ValidatorCycle extends CycleRecord {
  /** Null before the decision. */
  pay: CyclePay | null
  /** Of a cycle that is not decided: what it would share now, and with how many. */
  preview: (Preview & { active: number; weighted: boolean }) | null
}

export interface Payment extends Omit<MoneyMove, 'kind' | 'cycle' | 'index'> {
  kind: MoneyKind | 'withdrawn'
  /** Null of a withdrawal: a credit is the account's, whatever cycles it came from. */
  cycle: Cycle | null
  index: number | null
  at: UnixSeconds
}

export interface ViewOptions {
  /** Decided cycles to show; the newest ones. */
  decided: number
  /** Show this one only. */
  cycle?: Cycle | undefined
}

// A screenful of transactions for a page; who wants all reads the events.
const MAX_PAYMENTS = 100

export async function readValidator(
  room: ChainRoom,
  name: string,
  options: ViewOptions,
): Promise<ValidatorView> {
  const { client, contracts } = room
  const { deployment } = contracts
  const head = await client.block('latest')
  const at = { block: head?.number ?? 0, now: head?.timestamp ?? 0 }
  const roster = await readRoster(room, at.block)
  const { address, entries } = entriesOf(roster, name)
  const openCycle = cycleOfHour(hourOf(deployment.firstCut), hourOf(at.now))
  const history = await readPayHistory(
    room,
    entries.map(({ index }) => index),
    at.block,
  )
  const cycles = await cyclesOf(room, openCycle, options)
  const validators = await readLines(room, { roster, entries, cycles, at, openCycle, history })
  const accounts = accountsOf(address, validators, history)
  const credits = await readCredits(room, accounts, at.block)
  if (entries.length === 0 && credits.length === 0) {
    throw new KeeperError('VALIDATOR_UNKNOWN', { validator: name })
  }
  const moves = [...history.moves, ...(await readWithdrawals(room, accounts, at.block))]
  const { chainId } = client
  const { registry, rewards, asset, symbol, decimals } = deployment
  return {
    chainId,
    block: at.block,
    blockTime: at.now,
    registry,
    rewards,
    asset,
    symbol,
    decimals,
    address,
    openCycle,
    validators,
    money: moneyOf(history.cycles),
    credits,
    payments: await dated(room, moves),
    paymentsFound: moves.length,
  }
}

/** A node has its former indices too: what they earned is not forgotten. */
function entriesOf(roster: Roster, name: string): { address: Address; entries: RosterEntry[] } {
  const byIndex = /^\d{1,9}$/.test(name) ? roster.entries[Number(name)] : undefined
  if (byIndex) return { address: byIndex.node, entries: [byIndex] }
  if (!isAddress(name)) throw new KeeperError('VALIDATOR_UNKNOWN', { validator: name })
  const address = getAddress(name) as Address
  const isIts = ({ node, fund }: RosterEntry): boolean => node === address || fund === address
  return { address, entries: roster.entries.filter(isIts) }
}

/** Newest first. Cycle 0 is the time before the first cut: nothing is counted in it. */
async function cyclesOf(
  { contracts }: ChainRoom,
  openCycle: Cycle,
  { cycle, decided }: ViewOptions,
): Promise<Cycle[]> {
  if (cycle !== undefined) return [cycle]
  const next = Number(await contracts.rewards.nextCycle())
  const first = Math.max(1, Math.min(next - decided, openCycle))
  const count = Math.max(0, openCycle - first + 1)
  return Array.from({ length: count }, (_, i) => openCycle - i)
}

interface LineFacts {
  roster: Roster
  entries: RosterEntry[]
  cycles: Cycle[]
  at: { block: number; now: UnixSeconds }
  openCycle: Cycle
  history: PayHistory
}

async function readLines(room: ChainRoom, facts: LineFacts): Promise<ValidatorLine[]> {
  const { roster, entries, cycles, at, openCycle, history } = facts
  const evidence = cycles.length > 0 ? await readEvidenceOf(room, cycles, at) : undefined
  const previews = new Map<Cycle, ValidatorCycle['preview']>()
  for (const { cycle, state, weighted } of evidence?.cycles ?? []) {
    const preview = state === 'none' ? await readPreview(room, cycle, at.block) : undefined
    const active = activeIn(roster, cycle).length
    previews.set(cycle, preview ? { ...preview, active, weighted } : null)
  }
  const lines: ValidatorLine[] = []
  for (const entry of entries) {
    const { index, node, fund, weight, activeFrom, activeTo } = entry
    const pays = history.cycles.filter((pay) => pay.index === index)
    const records = evidence ? await readRecords(room, evidence, entry) : []
    lines.push({
      index,
      node,
      fund,
      paidTo: (await room.contracts.registry.redirectOf(fund, index)) as Address,
      weight,
      state: stateOf(entry, openCycle),
      activeFrom,
      activeTo: activeTo === FOREVER ? null : activeTo,
      money: moneyOf(pays),
      cycles: records.map((record) => ({
        ...record,
        pay: pays.find(({ cycle }) => cycle === record.cycle) ?? null,
        preview: previews.get(record.cycle) ?? null,
      })),
    })
  }
  return lines
}

async function readRecords(
  room: ChainRoom,
  evidence: EvidenceAt,
  entry: RosterEntry,
): Promise<CycleRecord[]> {
  const records: CycleRecord[] = []
  for (const view of evidence.cycles) {
    const record = recordOf(room.contracts.deployment, evidence, view, entry)
    await checkRecord(room, evidence, view, record, entry.index)
    records.push(record)
  }
  return records
}

function stateOf(entry: RosterEntry, openCycle: Cycle): ValidatorState {
  if (isActive(entry, openCycle)) return entry.activeTo === FOREVER ? 'active' : 'leaving'
  const isToCome = entry.activeFrom > openCycle && entry.activeTo >= entry.activeFrom
  return isToCome ? 'pending' : 'removed'
}

function moneyOf(pays: readonly CyclePay[]): Money {
  return {
    earned: sum(pays.map(({ earned }) => earned)),
    paid: sum(pays.map(({ paid }) => paid)),
    unpaid: sum(pays.map(({ unpaid }) => unpaid)),
    credited: sum(pays.map(({ refused, swept }) => refused + swept)),
  }
}

/** Whose credits are theirs: fund addresses, of today and of the payments that were refused. */
function accountsOf(
  address: Address,
  validators: readonly ValidatorLine[],
  { moves }: PayHistory,
): Address[] {
  const isCredit = ({ kind }: MoneyMove): boolean => kind === 'refused' || kind === 'swept'
  const credited = moves.filter(isCredit).flatMap(({ to }) => to ?? [])
  const funds = validators.flatMap(({ fund, paidTo }) => [fund, paidTo])
  return [...new Set([address, ...funds, ...credited])]
}

async function readCredits(
  { contracts }: ChainRoom,
  accounts: readonly Address[],
  blockTag: number,
): Promise<ValidatorView['credits']> {
  const credits: ValidatorView['credits'] = []
  for (const account of accounts) {
    const { amount, since } = await contracts.rewards.creditOf(account, { blockTag })
    if (amount > 0n) credits.push({ account, amount, since: Number(since) })
  }
  return credits
}

type Moved = Omit<Payment, 'at'>

async function readWithdrawals(
  { client, contracts }: ChainRoom,
  accounts: readonly Address[],
  toBlock: number,
): Promise<Moved[]> {
  const { rewards, deployment } = contracts
  const topic = rewards.interface.getEvent('Withdrawn').topicHash as Hex
  const logs = await readLogs(client, {
    address: deployment.rewards,
    topics: [topic, accounts.map((account) => addressTopic(account))],
    fromBlock: deployment.deployBlock,
    toBlock,
  })
  return logs.map((log) => {
    const args = rewards.interface.parseLog(log)?.args
    const [amount, to] = [args?.['amount'] as Wei, args?.['to'] as Address]
    const at = { hash: log.transactionHash as Hex, block: log.blockNumber }
    return { kind: 'withdrawn', cycle: null, index: null, amount, to, ...at }
  })
}

function addressTopic(account: Address): Hex {
  return `0x${account.slice(2).toLowerCase().padStart(64, '0')}`
}

/** The newest first, with the time of their blocks. */
async function dated(room: ChainRoom, moves: readonly Moved[]): Promise<Payment[]> {
  const newest = moves.toSorted((one, other) => other.block - one.block).slice(0, MAX_PAYMENTS)
  const times = await blockTimes(
    room,
    newest.map(({ block }) => block),
  )
  return newest.map((move) => ({ ...move, at: times.get(move.block) ?? 0 }))
}
