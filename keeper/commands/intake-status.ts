import { askKeeper } from '../api/control.ts'
import type { ServiceFigures } from '../api/intake/service.ts'
import { startOfHour } from '../base/time.ts'
import type { Hour } from '../base/time.ts'
import { listHours } from '../heartbeat/tally/closed-hours.ts'
import type { HourFacts } from '../heartbeat/tally/closed-hours.ts'
import { hasStore, openStore } from '../store/open-store.ts'
import type { Db } from '../store/db.ts'
import type { Report, Run } from './command.ts'
import { plural, shownTime, table } from './print.ts'

// A day and the hour that runs.
const HOURS_SHOWN = 25

/** What `muster intake status` shows, from the running process or from the store that it left. */
export interface IntakeStatus {
  /** Undefined: it does not run here. */
  running: ServiceFigures | undefined
  /** Newest first. */
  hours: HourFacts[]
}

export async function readIntakeStatus(
  db: Db,
  running: ServiceFigures | undefined,
): Promise<IntakeStatus> {
  return { running, hours: await listHours(db, HOURS_SHOWN) }
}

export async function intakeStatusCommand(run: Run): Promise<Report> {
  const status = await askStatus(run)
  return { json: status, lines: statusLines(status) }
}

async function askStatus({ config, clock, signal }: Run): Promise<IntakeStatus> {
  const answer = await askKeeper(
    config.home,
    { name: 'intake status', args: [], options: {} },
    signal,
  )
  if (answer) return answer.json as IntakeStatus
  if (config.databaseUrl === undefined && !hasStore(config.home)) {
    return { running: undefined, hours: [] }
  }
  const db = await openStore({ ...config, clock })
  try {
    return await readIntakeStatus(db, undefined)
  } finally {
    await db.close()
  }
}

function statusLines({ running, hours }: IntakeStatus): string[] {
  const rows = hours.map((hour) => hourRow(hour))
  const header = ['hour', 'begins', 'state', 'intervals', 'online', 'of', 'pushed']
  const listed = rows.length > 0 ? table(header, rows) : ['no hour has been counted yet']
  return [...(running ? runningLines(running) : ['the intake does not run here']), ...listed]
}

function runningLines(figures: ServiceFigures): string[] {
  const { origins, sessions, nodes, counted, tally } = figures
  const refused = Object.entries(figures.refused).map(([code, count]) => `${code} ${count}`)
  const { hour, expected, unsaved, storeDownSince } = tally
  return [
    `listening as ${origins.join(', ')}`,
    `${plural(nodes, 'node')} logged in, ${plural(sessions, 'connection')}; ${plural(counted, 'beat')} counted since the start`,
    `hour ${hour} (${shownHour(hour)}) runs: ${plural(expected, 'interval')} listened so far`,
    ...(unsaved > 0 ? [`  counts of ${plural(unsaved, 'node')} are in memory only`] : []),
    ...(storeDownSince === undefined
      ? []
      : [`  ALERT: the store takes no counts since ${shownTime(storeDownSince)}`]),
    ...(refused.length > 0 ? [`refused since the start: ${refused.join(', ')}`] : []),
  ]
}

function hourRow({ hour, state, expected, online, validators, txHash }: HourFacts): string[] {
  const of = String(validators ?? '-')
  return [
    String(hour),
    shownHour(hour),
    state,
    String(expected),
    String(online ?? '-'),
    of,
    txHash ?? '-',
  ]
}

function shownHour(hour: Hour): string {
  return shownTime(startOfHour(hour))
}
