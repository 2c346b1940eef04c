import { KeeperError } from '../base/errors.ts'
import { trackProcess } from '../base/processes.ts'
import { hourOf, parseIso, startOfHour } from '../base/time.ts'
import type { Hour } from '../base/time.ts'
import { dueAt } from '../jobs/queue/partner-times.ts'
import { readShares } from '../programs/partners/distribution/share-rows.ts'
import type { PartnersRoom } from '../programs/partners/room.ts'
import { lastCycle } from '../programs/partners/rules/plan-steps.ts'
import { runPartners } from '../programs/partners/distribution/run.ts'
import type { Asked, Done } from '../programs/partners/distribution/run.ts'
import { countBefore } from '../programs/partners/standing.ts'
import { readState } from '../programs/partners/distribution/state.ts'
import type { Report, Run } from './command.ts'
import { limitOf, officeCommand, textOf } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { assetOf, partnersAsset, partnersRoom } from './partners-room.ts'
import { periodLines, stepLines } from './partners-tables.ts'
import type { Shown } from './partners-tables.ts'
import { plural } from './print.ts'
import { showProgress } from './progress.ts'

export interface PartnersRunOptions {
  hour?: string
  day?: string
  shadow?: boolean
  test?: boolean
  top: string
}

/** In the running keeper where there is one: its store is its own. */
export async function partnersRunCommand(
  run: Run,
  options: PartnersRunOptions,
  args: string[],
): Promise<Report> {
  const asset = await partnersAsset(run)
  const untrack = trackProcess(run.config.home, 'partners run', run.clock)
  const progress = showProgress('distributing', run.clock)
  const here: OfficeOrder = (office, _args, given) =>
    distribute(office, given, { signal: run.signal, onProgress: progress.update })
  try {
    return await officeCommand('partners run', here)(run, { ...options, ...asset }, args)
  } finally {
    progress.stop()
    untrack()
  }
}

export const partnersRunOrder: OfficeOrder = (office, _args, options) => distribute(office, options)

async function distribute(
  office: Office,
  options: Record<string, unknown>,
  more: Pick<PartnersRoom, 'signal' | 'onProgress'> = {},
): Promise<Report> {
  const { asset, ...unit } = assetOf(options)
  const limit = limitOf(options['top'], 'partners run')
  const shadow = options['shadow'] === true
  const room = { ...(await partnersRoom(office, { asset, shadow })), ...more }
  const asked = askedOf(office, options)
  const done = await runPartners(room, asked)
  const shown = await readShown(room, wantedOf(asked, done), limit)
  const before = await votesBefore(room, done)
  return {
    json: { shadow: room.shadow, votesBefore: before, done: done.map(stepOf), periods: shown },
    lines: [
      ...(room.shadow ? ['shadow: nothing was posted, nothing is paid'] : []),
      ...stepLines(done, unit),
      ...(before > 0
        ? [`${plural(before, 'vote')} of before the first hour: counted nowhere`]
        : []),
      ...shown.flatMap((each) => periodLines(each, unit)),
    ],
  }
}

/** Told once, when it all begins. */
async function votesBefore({ db, shadow }: PartnersRoom, done: readonly Done[]): Promise<number> {
  const { firstHour } = await readState(db, shadow)
  const isFirst = done.some((each) => each.kind === 'hour' && each.isNew && each.hour === firstHour)
  return isFirst && firstHour !== undefined ? countBefore(db, firstHour) : 0
}

/** Without a period what is due now, as for the keeper. */
function askedOf({ config, clock }: Office, options: Record<string, unknown>): Asked {
  const [hour, day] = [textOf(options['hour']), textOf(options['day'])]
  const { partnersFrom: from } = config
  const now = clock.now()
  if (options['test'] === true) {
    if (hour !== undefined || day !== undefined) {
      throw usage('--test takes the last hour and the last day: leave out --hour and --day')
    }
    return { ...lastCycle(config.partnersZone, now), from }
  }
  if (hour === undefined && day === undefined) return { due: dueAt(now, config), from }
  return {
    from,
    ...(hour === undefined ? {} : { hour: hourIn(hour) }),
    ...(day === undefined ? {} : { day }),
  }
}

// Beyond it no instant is a safe integer of milliseconds.
const MAX_HOUR_DIGITS = 9

export function hourIn(text: string, command = 'partners run'): Hour {
  if (/^\d+$/.test(text) && text.length <= MAX_HOUR_DIGITS) return Number(text)
  const at = parseIso(text)
  if (startOfHour(hourOf(at)) === at) return hourOf(at)
  throw usage(`--hour ${text} is not the start of an hour`, command)
}

function usage(what: string, command = 'partners run'): KeeperError {
  return new KeeperError('USAGE', { what, command })
}

/** What was asked for; of what was due, the last hour and the last day. */
function wantedOf({ hour, day, due }: Asked, done: readonly Done[]): Done[] {
  const last = (kind: Done['kind']): Done[] => done.filter((each) => each.kind === kind).slice(-1)
  if (due) return [...last('hour'), ...last('day')]
  return done.filter((each) => (each.kind === 'hour' ? each.hour === hour : each.day === day))
}

async function readShown(
  { db, shadow }: PartnersRoom,
  wanted: readonly Done[],
  limit: number,
): Promise<Shown[]> {
  const shown: Shown[] = []
  for (const done of wanted) {
    const period = done.kind === 'hour' ? done.hour : done.day
    const shares = await readShares(db, { table: done.kind, shadow, period }, limit)
    shown.push({ ...done, shares })
  }
  return shown
}

function stepOf(done: Done): object {
  const { kind, isNew, day, voters, votes, inflow, pool, paid, carry } = done
  const hour = done.kind === 'hour' ? { hour: done.hour } : {}
  return { kind, isNew, ...hour, day, voters, votes, inflow, pool, paid, carry }
}
