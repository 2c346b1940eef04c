import { statfs } from 'node:fs/promises'
import { cpus, freemem, totalmem } from 'node:os'
import type { Clock } from '../../base/time.ts'
import { systemClock } from '../../base/time.ts'
import { MAX_VERSION } from '../intake/fields.ts'
import type { NodeStatus } from '../tally/tally.ts'
import { askHeight } from './node-height.ts'

export interface StatusOptions {
  version: string
  /** Whose file system is looked at. */
  disk?: string
  /** JSON-RPC of the chain node that runs here: its height is told; without it 0. */
  nodeRpc?: string | undefined
  clock?: Clock
}

const ALL_BPS = 10_000
// Two monitors ask within moments of each other, and the answer would be the same.
const FRESH_MS = 1_000

/** A collector that never fails: what cannot be read is told as 0, and the beat goes out in time. */
export function statusOf(options: StatusOptions): () => Promise<NodeStatus> {
  const { clock = systemClock } = options
  let busy = readBusy()
  let last: { at: number; sample: Promise<NodeStatus> } | undefined
  return () => {
    const now = monotonic(clock)
    if (last !== undefined && now - last.at < FRESH_MS) return last.sample
    const before = busy
    busy = readBusy()
    last = { at: now, sample: sampleOf(options, busyBps(before, busy)) }
    return last.sample
  }
}

async function sampleOf(options: StatusOptions, cpuBps: number): Promise<NodeStatus> {
  const { version, nodeRpc, disk = '/' } = options
  const [diskBps, height] = await Promise.all([
    diskUsedBps(disk),
    nodeRpc === undefined ? 0n : askHeight(nodeRpc).catch(() => 0n),
  ])
  return { cpuBps, memoryBps: usedBps(freemem(), totalmem()), diskBps, height, version }
}

interface Busy {
  busyMs: number
  totalMs: number
}

function readBusy(): Busy {
  let [busyMs, totalMs] = [0, 0]
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq
    totalMs += all
    busyMs += all - times.idle
  }
  return { busyMs, totalMs }
}

function busyBps(from: Busy, to: Busy): number {
  const total = to.totalMs - from.totalMs
  return total <= 0 ? 0 : bounded(Math.floor(((to.busyMs - from.busyMs) * ALL_BPS) / total))
}

async function diskUsedBps(path: string): Promise<number> {
  try {
    const { blocks, bavail } = await statfs(path)
    return usedBps(bavail, blocks)
  } catch {
    return 0
  }
}

function usedBps(free: number, total: number): number {
  return total <= 0 ? 0 : bounded(Math.floor(((total - free) * ALL_BPS) / total))
}

function bounded(bps: number): number {
  return Math.min(ALL_BPS, Math.max(0, bps))
}

function monotonic(clock: Clock): number {
  return clock.monotonicMs?.() ?? clock.nowMs()
}

const NOT_PRINTABLE = /[^\x20-\x7e]/g
const MAX_HEIGHT = 2n ** 64n - 1n

/** What somebody else's collector gives, as an intake takes it: a wrong figure must not cost the beat. */
export function fitStatus(status: NodeStatus): NodeStatus {
  const { height, version } = status
  return {
    cpuBps: wholeBps(status.cpuBps),
    memoryBps: wholeBps(status.memoryBps),
    diskBps: wholeBps(status.diskBps),
    height: height >= 0n && height <= MAX_HEIGHT ? height : 0n,
    version: version.replace(NOT_PRINTABLE, ' ').slice(0, MAX_VERSION),
  }
}

function wholeBps(bps: number): number {
  return Number.isFinite(bps) ? bounded(Math.round(bps)) : 0
}
