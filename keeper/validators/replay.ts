import { KeeperError } from '../base/errors.ts'
import {
  SECONDS_PER_HOUR,
  cycleOfHour,
  hourOf,
  hoursOf,
  isoTime,
  startOfHour,
} from '../base/time.ts'
import type { Cycle, Hour, UnixSeconds } from '../base/time.ts'
import type { Beats } from '../heartbeat/beats.ts'
import { beatsEvidence } from '../heartbeat/evidence.ts'
import { pushHour } from '../heartbeat/snapshot.ts'
import { recordAction } from './action-log.ts'
import type { DayProgress, DayReport } from './day.ts'
import { runDay } from './day.ts'
import { wordsOf } from './push-hours.ts'
import { readRoster } from './roster.ts'
import type { ValidatorsRoom } from './room.ts'
import { blockTime } from './room.ts'

// The chain id of local test networks: only there may a keeper move the clock of the chain.
const LOCAL_CHAIN_ID = 31_337

export interface ReplayOptions {
  beats: Beats
  /** The chain's next cycle, when left out. */
  cycle?: Cycle | undefined
  onProgress?: ((progress: DayProgress) => void) | undefined
}

/** A past day as it would have been: each hour is pushed when the chain's clock has just passed its end. */
export async function replayDay(room: ValidatorsRoom, options: ReplayOptions): Promise<DayReport> {
  const { beats, onProgress } = options
  if (room.client.chainId !== LOCAL_CHAIN_ID) {
    throw new KeeperError('REPLAY_NOT_LOCAL', { chainId: room.client.chainId })
  }
  const cycle = options.cycle ?? Number(await room.contracts.rewards.nextCycle())
  const hours = hoursOf(hourOf(room.contracts.deployment.firstCut), cycle)
  checkHours(beats, hours, cycle)
  const txs = await pushAll(room, { ...options, cycle, hours })
  await moveChainTo(room, startOfHour((hours.at(-1) ?? 0) + 1))
  const evidence = beatsEvidence(beats)
  const day = await runDay(room, { cycle, evidence, trigger: 'replay', onProgress })
  return { ...day, txs: [...txs, ...day.txs] }
}

function checkHours(beats: Beats, hours: readonly Hour[], cycle: Cycle): void {
  const hour = hours.find((each) => beats.of(each) === undefined)
  if (hour !== undefined)
    throw new KeeperError('REPLAY_NO_BEATS', { file: beats.file, hour, cycle })
}

async function pushAll(
  room: ValidatorsRoom,
  { beats, cycle, hours, onProgress }: ReplayOptions & { cycle: Cycle; hours: Hour[] },
): Promise<DayReport['txs']> {
  const { deployment, rewards } = room.contracts
  if (Number(await rewards.nextCycle()) > cycle) return []
  const evidence = beatsEvidence(beats)
  const txs: DayReport['txs'] = []
  // The roster of the cycle is fixed at its opening: it is read once.
  await moveChainTo(room, startOfHour(hours[0] ?? 0))
  const roster = await readRoster(room)
  for (const [i, hour] of hours.entries()) {
    const end = startOfHour(hour) + SECONDS_PER_HOUR
    const now = await blockTime(room)
    if (now >= end + deployment.pushWindow) {
      // A replay that was interrupted goes on where the chain stopped.
      if (await isPushed(room, hour)) continue
      throw new KeeperError('REPLAY_TOO_LATE', { blockTime: isoTime(now), hour })
    }
    await moveChainTo(room, end)
    const nodes = (await evidence.nodesIn(hour)) ?? []
    const owner = cycleOfHour(hourOf(deployment.firstCut), hour)
    const words = await wordsOf(room, { hour, cycle: owner, nodes, roster })
    const { tx } = await pushHour(room, { hour, words, source: evidence.name })
    onProgress?.({ phase: 'snapshot', done: i + 1, total: hours.length, hash: tx?.hash })
    if (!tx) continue
    const action = { job: 'push-hours', trigger: 'replay', action: 'snapshot' } as const
    const record = { ...action, targets: [hour], status: 'done', txHash: tx.hash } as const
    await recordAction(room.db, room.clock, record)
    const { kind, key, hash = '0x', gasUsed = 0n, blockNumber = 0, state } = tx
    txs.push({ kind, key, hash, gasUsed, blockNumber, state })
  }
  return txs
}

async function isPushed({ contracts, reporter }: ValidatorsRoom, hour: Hour): Promise<boolean> {
  return (await contracts.registry.snapshotOf(hour, reporter.address)).length > 0
}

/** Mines a block at that time; a clock is never moved back. */
export async function moveChainTo(room: ValidatorsRoom, time: UnixSeconds): Promise<void> {
  if ((await blockTime(room)) >= time) return
  await room.client.request('evm_setNextBlockTimestamp', [time])
  await room.client.request('evm_mine')
}
