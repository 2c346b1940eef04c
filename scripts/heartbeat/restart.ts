// The intake is killed in the middle of an hour of five minutes, and that hour is closed and pushed in the end.
import { SECONDS_PER_HOUR, hourOf, systemClock } from '../../keeper/base/time.ts'
import { LIVE_RULE } from '../../keeper/commands/live-schedule.ts'
import { rounded } from '../keeper/measure.ts'
import { GOALS } from './goals.ts'
import type { HeartbeatMeasurement } from './goals.ts'
import { startIntake } from './intake.ts'
import type { ClosedFigures } from './intake.ts'
import { startLoad } from './load.ts'
import type { LoadFigures } from './load.ts'
import type { Place } from './place.ts'

// An hour is then 288 s and a ping eight: 1,250 pings a second of 10,000 nodes. The minute that the goal gives
// them to come back is a fifth of that hour, and yet nobody must lose it.
const FACTOR = 12.5
const SETTINGS = {
  beatPingMs: String(LIVE_RULE.pingMs),
  beatStatusEvery: String(LIVE_RULE.statusEvery),
  beatLeast: String(LIVE_RULE.least),
}
// Ten thousand signatures are made and checked before the hour begins.
const LOGIN_SECONDS = 90
// Of the hour that runs: enough is counted that losing it would show, and enough is left to come back.
const KILLED_AT = 0.3
const HOUR_MS = (SECONDS_PER_HOUR * 1_000) / FACTOR

export async function measureRestart(place: Place): Promise<HeartbeatMeasurement[]> {
  const startMs = (place.open - LOGIN_SECONDS * FACTOR) * 1_000
  const startedAtMs = systemClock.nowMs()
  const order = place.intakeOrder({ startMs, factor: FACTOR, startedAtMs }, SETTINGS)
  const load = await startLoad(place.load)
  let intake = await startIntake(order)
  try {
    await load.connect()
    const killAtMs = startedAtMs + LOGIN_SECONDS * 1_000 + KILLED_AT * HOUR_MS
    await systemClock.sleep(Math.max(0, killAtMs - systemClock.nowMs()))
    load.reset()
    const back = load.untilBack()
    const killedMs = performance.now()
    await intake.kill()
    intake = await startIntake(order)
    const startSeconds = (performance.now() - killedMs) / 1_000
    const outage = await back
    const closed = await intake.close(hourOf(place.open))
    return rows(place, { outage, closed, startSeconds })
  } finally {
    await load.stop()
    await intake.stop()
  }
}

interface Found {
  outage: LoadFigures
  closed: ClosedFigures
  startSeconds: number
}

function rows(place: Place, { outage, closed, startSeconds }: Found): HeartbeatMeasurement[] {
  const { nodes } = place
  const isKept = closed.online === nodes && closed.onChain === nodes
  const hour = {
    hourSeconds: HOUR_MS / 1_000,
    expected: closed.expected,
    leastOfANode: closed.least,
  }
  return [
    {
      name: `restart: all ${nodes} nodes are back after a SIGKILL`,
      unit: 's',
      goal: GOALS.reconnectSeconds,
      found: rounded((outage.reconnectMs ?? Number.NaN) / 1_000, 1),
      details: { start: rounded(startSeconds, 1), lost: outage.lost, refused: outage.refused },
    },
    {
      name: 'restart: hours lost to any node',
      unit: 'hours',
      goal: GOALS.lostHours,
      found: isKept ? 0 : 1,
      details: { ...hour, online: closed.online, onChain: closed.onChain },
    },
    {
      name: `closing an hour of ${nodes} validators`,
      unit: 's',
      goal: GOALS.closeSeconds,
      found: rounded(closed.closedMs / 1_000, 2),
      details: {
        rows: closed.rows,
        storeMs: closed.storeMs,
        signedMs: closed.signedMs,
        pushedMs: closed.pushedMs,
      },
    },
  ]
}
