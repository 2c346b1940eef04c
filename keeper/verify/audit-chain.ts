import type { Address, Hex } from '../base/schema.ts'
import { cycleOfHour, hourOf } from '../base/time.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { NATIVE } from '../chain/contracts.ts'
import type { AuditState } from './audit-state.ts'
import type { ChainEvent, Sources } from './chain-events.ts'
import { compareState, stateReader } from './compare-state.ts'
import type { StateReader } from './compare-state.ts'
import { derive } from './derive.ts'
import { newFindings } from './divergence.ts'
import type { Findings } from './divergence.ts'
import type { Grid } from './evidence-history.ts'
import { readEvents } from './read-events.ts'
import type { OnProgress } from './read-events.ts'
import { callerIn, readTxs } from './read-senders.ts'
import type { ChainTx } from './read-senders.ts'
import { markBlocks, watchBalance } from './watch-balance.ts'

export interface ChainAsk extends Sources {
  client: ChainClient
  /** The deployment's block, or any before it. */
  fromBlock: number
  /** Cycles whose findings count; both ends included. */
  from: Cycle
  to: Cycle
  onProgress: OnProgress
}

export interface ChainAudit {
  state: AuditState
  events: ChainEvent[]
  txs: Map<Hex, ChainTx>
  findings: Findings
  /** Block at which everything was read. */
  head: number
  /** That block's own time. */
  time: UnixSeconds
  /** False: the node keeps no old balances, only the last one was compared. */
  hasOldBalances: boolean
}

/** Layer a: what the events imply, against what the chain says and holds. Needs a node and two addresses. */
export async function auditChain(ask: ChainAsk): Promise<ChainAudit> {
  const { client, onProgress, from, to } = ask
  const head = await client.blockNumber()
  const reader = stateReader(client, ask, head)
  const facts = await readFacts(ask, reader)
  const events = await readEvents(client, ask, { from: ask.fromBlock, to: head }, onProgress)
  const isWanted = (cycle: Cycle | undefined): boolean =>
    cycle === undefined || (cycle >= from && cycle <= to)
  const wanted = events.filter((event) => isWanted(cycleOf(event, facts.grid)))
  const txs = await readTxs(client, wanted, onProgress)
  const findings = newFindings(({ cycle }) => isWanted(cycle))
  const { marks, onEvent } = markBlocks()
  const callerOf = callerIn(txs, ask.rewards)
  const state = derive(events, { ...facts, callerOf }, findings, onEvent)
  const hasOldBalances = await watchBalance(client, reader, state, marks, onProgress)
  const cycles = [...state.cycles.keys()].filter((cycle) => cycle >= from && cycle <= to)
  await compareState(state, reader, cycles, onProgress)
  const time = (await client.block(head))?.timestamp ?? 0
  return { state, events, txs, findings, head, time, hasOldBalances }
}

/** Senders are asked only for the cycles that count: on a long chain that is most of the work. */
function cycleOf({ name, args }: ChainEvent, { firstCut }: Grid): Cycle | undefined {
  if (name === 'SnapshotPushed') return cycleOfHour(hourOf(firstCut), args.hour)
  return 'cycle' in args ? args.cycle : undefined
}

/** Immutables of the contracts: they have no events and cannot change. */
async function readFacts(ask: ChainAsk, reader: StateReader) {
  const [[firstCut], [pushWindow], [sponsor]] = await Promise.all([
    reader.registry('FIRST_CUT'),
    reader.registry('PUSH_WINDOW'),
    reader.rewards('SPONSOR'),
  ])
  return {
    grid: { firstCut: Number(firstCut), pushWindow: Number(pushWindow) },
    sponsor: sponsor as Address,
    asset: ask.asset === NATIVE ? ('native' as const) : ('token' as const),
    rewards: ask.rewards,
  }
}
