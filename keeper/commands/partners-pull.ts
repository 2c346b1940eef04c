import { KeeperError } from '../base/errors.ts'
import { isoTime, parseIso } from '../base/time.ts'
import { appendTrail } from '../office/trail.ts'
import { openSource, pull } from '../programs/partners/intake/pull.ts'
import type { PullOptions, Pulled } from '../programs/partners/intake/pull.ts'
import { readSourceFile } from '../programs/partners/intake/source-file.ts'
import type { Report, Run } from './command.ts'
import { officeCommand, textOf } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { grouped, plural, table } from './print.ts'
import { showProgress } from './progress.ts'

/** In the running keeper where there is one: the source's password is in its settings. */
export async function partnersPullCommand(run: Run, options: { since?: string }): Promise<Report> {
  const progress = showProgress('rows read', run.clock)
  const here: OfficeOrder = (office, _args, given) =>
    pullNow(office, given, {
      signal: run.signal,
      // How many there are nobody knows before they are read.
      onProgress: (_kind, rows) => progress.update(rows, rows),
    })
  try {
    return await officeCommand('partners pull', here)(run, { ...options }, [])
  } finally {
    progress.stop()
  }
}

export const partnersPullOrder: OfficeOrder = (office, _args, options) => pullNow(office, options)

async function pullNow(
  office: Office,
  options: Record<string, unknown>,
  more: PullOptions = {},
): Promise<Report> {
  const { db, config, clock, log, alerts, actor } = office
  const text = textOf(options['since'])
  const since = text === undefined ? {} : { since: parseIso(text) }
  if (config.partnersSource === undefined) {
    throw new KeeperError('PARTNERS_SOURCE_MISSING', { what: 'MUSTER_PARTNERS_SOURCE' })
  }
  const description = await readSourceFile(config.partnersSource)
  const source = await openSource(description, config.partnersSourceUrl)
  const room = { db, clock, log, zone: config.partnersZone, ...(alerts ? { alerts } : {}) }
  try {
    const pulled = await pull(room, source, { ...more, ...since })
    // What comes by itself every hour is in the log; what a person asks for is in the trail.
    const after = { ...since, ...pulled }
    const entry = { actor, action: 'partners.pull', target: source.name, after }
    await db.begin((t) => appendTrail(t, entry, clock.now()))
    return reportOf(source.name, since.since, pulled)
  } finally {
    await source.close()
  }
}

function reportOf(source: string, since: number | undefined, pulled: Pulled): Report {
  const counts = Object.entries(pulled)
  const sum = (of: 'rows' | 'late' | 'conflicts'): number =>
    counts.reduce((total, [, each]) => total + each[of], 0)
  const [late, conflicts] = [sum('late'), sum('conflicts')]
  const from = since === undefined ? '' : `, from ${isoTime(since)} on`
  return {
    json: { source, ...(since === undefined ? {} : { since: isoTime(since) }), pulled },
    // What was set aside is for a person to look at.
    exitCode: conflicts > 0 ? 1 : 0,
    lines: [
      `${plural(sum('rows'), 'row')} read of ${source}${from}`,
      ...table(
        ['kind', 'rows', 'new', 'on record before', 'set aside'],
        counts.map(([kind, { rows, fresh, known, conflicts: aside }]) => [
          kind,
          ...[rows, fresh, known, aside].map(grouped),
        ]),
      ),
      ...(late > 0
        ? [
            `${grouped(late)} came after what they are for was distributed: recorded, and without effect until muster partners correct`,
          ]
        : []),
      ...(conflicts > 0
        ? [`${plural(conflicts, 'row')} set aside: why is in partner_conflict`]
        : []),
    ],
  }
}
