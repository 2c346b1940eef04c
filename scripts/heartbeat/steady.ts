// Ten thousand nodes on one core: at the origin's pace, then as fast as the goal for a peak.
import { ORIGIN_RULE } from '../../keeper/heartbeat/hour-rule.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { rounded } from '../keeper/measure.ts'
import { GOALS } from './goals.ts'
import type { HeartbeatMeasurement } from './goals.ts'
import { startIntake } from './intake.ts'
import type { IntakeFigures, MeasuredIntake } from './intake.ts'
import { startLoad } from './load.ts'
import type { Load, LoadFigures } from './load.ts'
import type { Place } from './place.ts'

// Long enough for four pings of each node, and for one hundred writes of the counters.
const STEADY_SECONDS = 60
// A session may send 32 frames at once and four a ping: a ping in two seconds, and each third time a status,
// is more than that in the long run, but not in half a minute.
const PEAK_SECONDS = 20
// A little above the goal: timers of the load are a millisecond late now and then.
const PEAK_OFFERED = 5_200
const WARM_UP_SECONDS = 5
// Ten minutes into an hour, so that none closes meanwhile.
const INTO_HOUR_SECONDS = 600

export async function measureSteady(place: Place): Promise<HeartbeatMeasurement[]> {
  const startMs = (place.open + INTO_HOUR_SECONDS) * 1_000
  const clock = { startMs, factor: 1, startedAtMs: systemClock.nowMs() }
  const intake = await startIntake(place.intakeOrder(clock))
  const load = await startLoad(place.load)
  try {
    const connectMs = await load.connect()
    const steady = await measureFor(intake, load, STEADY_SECONDS)
    load.hurry(Math.floor((place.nodes * 1_000) / PEAK_OFFERED))
    const peak = await measureFor(intake, load, PEAK_SECONDS)
    return [...steadyRows(place, steady, connectMs), ...peakRows(peak)]
  } finally {
    await load.stop()
    await intake.stop()
  }
}

interface Measured {
  seconds: number
  nodes: LoadFigures
  intake: IntakeFigures
}

async function measureFor(intake: MeasuredIntake, load: Load, seconds: number): Promise<Measured> {
  await systemClock.sleep(WARM_UP_SECONDS * 1_000)
  intake.reset()
  load.reset()
  const startMs = performance.now()
  await systemClock.sleep(seconds * 1_000)
  const [nodes, figures] = await Promise.all([load.figures(), intake.figures()])
  return { seconds: (performance.now() - startMs) / 1_000, nodes, intake: figures }
}

function steadyRows(
  place: Place,
  { nodes, intake, seconds }: Measured,
  connectMs: number,
): HeartbeatMeasurement[] {
  const details = {
    nodes: nodes.welcome,
    pingEveryMs: ORIGIN_RULE.pingMs,
    beatsPerSecond: rounded(nodes.pong.count / seconds, 0),
    statusesPerSecond: rounded(nodes.status.count / seconds, 1),
    seconds: rounded(seconds, 0),
    pong: nodes.pong,
    status: nodes.status,
    lost: nodes.lost,
    refused: nodes.refused,
    coreShare: intake.cpuShare,
    loopDelayP99Ms: intake.loopDelayP99,
    lastFlushMs: intake.lastFlushMs,
    firstLoginsSeconds: rounded(connectMs / 1_000, 1),
  }
  const p99 = Math.max(nodes.pong.p99, nodes.status.p99)
  return [
    row(
      'beat at 667 a second, answered as the node sees it, p99',
      'ms',
      GOALS.handlingMs,
      p99,
      details,
    ),
    row(
      'beat at 667 a second, inside the intake, p99',
      'ms',
      GOALS.handlingMs,
      intake.handling.p99,
      {
        handling: intake.handling,
      },
    ),
    row(`resident with ${place.nodes} nodes`, 'MB', GOALS.residentMB, intake.rssMB, {}),
  ]
}

function peakRows({ nodes, intake, seconds }: Measured): HeartbeatMeasurement[] {
  const perSecond = rounded(nodes.pong.count / seconds, 0)
  const details = {
    framesPerSecond: rounded((nodes.pong.count + nodes.status.count) / seconds, 0),
    seconds: rounded(seconds, 0),
    pong: nodes.pong,
    status: nodes.status,
    handling: intake.handling,
    lost: nodes.lost,
    refused: nodes.refused,
    coreShare: intake.cpuShare,
    loopDelayP99Ms: intake.loopDelayP99,
    rssMB: intake.rssMB,
  }
  const name = 'peak: beats a second that are answered'
  return [{ ...row(name, '/s', GOALS.peakPerSecond, perSecond, details), isLeast: true }]
}

function row(
  name: string,
  unit: string,
  goal: number,
  found: number,
  details: Record<string, unknown>,
): HeartbeatMeasurement {
  return { name, unit, goal, found, details }
}
