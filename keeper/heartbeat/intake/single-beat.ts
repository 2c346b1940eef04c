import { KeeperError } from '../../base/errors.ts'
import { isoTime } from '../../base/time.ts'
import type { Clock, Hour } from '../../base/time.ts'
import { intervalMs } from '../hour-rule.ts'
import type { Counted, Tally } from '../tally/tally.ts'
import { parseBeat } from './frames.ts'
import type { SignedBeat } from './frames.ts'
import type { Gate } from './gate.ts'
import type { IntakeLimits } from './limits.ts'
import type { NodeRecord, Nodes } from './nodes.ts'

export interface BeatDesk {
  gate: Gate
  nodes: Nodes
  tally: Tally
  clock: Clock
  realMs: () => number
  limits: IntakeLimits
}

/** A beat by itself: signed, with the time it was signed at, and counted once. */
export async function acceptBeat(
  desk: BeatDesk,
  body: unknown,
  address: string,
): Promise<{ hour: Hour; count: number }> {
  const { gate, nodes, tally, clock, realMs } = desk
  gate.refuseFlood(address, realMs())
  const beat = parseBeat(body)
  gate.refuseAudience(beat.audience)
  refuseOtherTime(desk, beat)
  refuseSpent(desk, beat, nodes.find(beat.node))
  await gate.refuseStranger(beat.node)
  await gate.checkBeat(address, beat)
  const { node, at, audience: _audience, signature: _signature, ...status } = beat
  const nowMs = clock.nowMs()
  const counted = tally.countSigned(node, at, nowMs, status)
  const record = nodes.of(node, realMs())
  record.signedAt = at
  if (!counted.counted) throw notCounted(desk, beat, counted)
  record.signedMs = nowMs
  return { hour: counted.hour, count: counted.count }
}

/** Within the window a beat is told from a replay by its time; outside of it nothing is looked up. */
function refuseOtherTime({ clock, limits }: BeatDesk, { at }: SignedBeat): void {
  const { skewMs } = limits
  const now = Math.floor(clock.nowMs())
  if (at > now + skewMs) throw new KeeperError('BEAT_FROM_FUTURE', { at, now, skewMs })
  if (at < now - skewMs) throw new KeeperError('BEAT_TOO_OLD', { at, now, skewMs })
}

/** What the tally would refuse anyhow is refused before 2 ms go into its signature. */
function refuseSpent(desk: BeatDesk, beat: SignedBeat, record: NodeRecord | undefined): void {
  if (record === undefined) return
  const { node, at } = beat
  if (at <= record.signedAt) {
    throw new KeeperError('BEAT_REPLAYED', { node, at: isoTime(Math.floor(at / 1_000)) })
  }
  const sinceMs = desk.clock.nowMs() - record.signedMs
  // A third of the interval is the tally's tolerance: sooner than two thirds it never counts.
  if (3 * sinceMs < 2 * intervalMs(desk.tally.rule)) throw tooSoon(desk, beat, 'too-soon')
}

function notCounted(desk: BeatDesk, beat: SignedBeat, { why, hour }: Counted): KeeperError {
  if (why === 'hour-closed') return new KeeperError('HOUR_CLOSED', { hour })
  return tooSoon(desk, beat, why)
}

function tooSoon({ tally }: BeatDesk, { node }: SignedBeat, why: Counted['why']): KeeperError {
  return new KeeperError('BEAT_TOO_SOON', { node, why, intervalMs: intervalMs(tally.rule) })
}
