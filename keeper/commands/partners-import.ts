import { basename, resolve } from 'node:path'
import { KeeperError } from '../base/errors.ts'
import { appendTrail } from '../office/trail.ts'
import { CSV_KINDS, importCsv } from '../programs/partners/intake/csv.ts'
import type { CsvImport, CsvKind, Imported } from '../programs/partners/intake/csv.ts'
import { readCsvMap } from '../programs/partners/intake/csv-map.ts'
import { parseWith } from '../base/schema.ts'
import { sourceSchema } from '../programs/partners/intake/check-rows.ts'
import type { Report, Run } from './command.ts'
import { officeCommand, textOf } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { grouped, plural } from './print.ts'
import { showProgress } from './progress.ts'

interface ImportOptions {
  map?: string
  source?: string
}

/**
 * Files of one system have one source's name, whatever they are called: a key is known by it, and a file under
 * another name would count its votes once more.
 */
const USUAL_SOURCE = 'csv'

/** In the running keeper where there is one: it reads the file itself, so its paths are whole. */
export async function partnersImportCommand(
  run: Run,
  { map, source }: ImportOptions,
  [kind = '', file = '']: string[],
): Promise<Report> {
  requireKind(kind)
  const progress = showProgress(`taking in ${kind}`, run.clock)
  const here: OfficeOrder = (office, args, options) =>
    takeIn(office, args, options, { signal: run.signal, onProgress: progress.update })
  const given = { map: map === undefined ? undefined : resolve(map), source }
  try {
    return await officeCommand('partners import', here)(run, given, [kind, resolve(file)])
  } finally {
    progress.stop()
  }
}

export const partnersImportOrder: OfficeOrder = (office, args, options) =>
  takeIn(office, args, options)

async function takeIn(
  { db, config, clock, log, alerts, actor }: Office,
  [kind = '', file = '']: string[],
  options: Record<string, unknown>,
  more: Pick<CsvImport, 'signal' | 'onProgress'> = {},
): Promise<Report> {
  requireKind(kind)
  const mapFile = textOf(options['map'])
  const map = mapFile === undefined ? {} : await readCsvMap(mapFile)
  const named = textOf(options['source']) ?? map.name ?? USUAL_SOURCE
  const source = parseWith(sourceSchema, named, '--source')
  const room = { db, clock, log, zone: config.partnersZone, ...(alerts ? { alerts } : {}) }
  const imported = await importCsv(room, {
    ...more,
    kind,
    file,
    source,
    map,
    alongside: async (t, after) => {
      // A file that changes nothing leaves no trace: it may be taken in every minute.
      if (after.fresh === 0 && after.conflicts === 0) return
      const target = `${source}/${kind}`
      const note = { actor, action: 'partners.import', target }
      await appendTrail(t, { ...note, after: { file: basename(file), ...after } }, clock.now())
    },
  })
  return reportOf({ kind, file, source }, imported)
}

function requireKind(kind: string): asserts kind is CsvKind {
  if (CSV_KINDS.some((known) => known === kind)) return
  const what = `"${kind}" is not one of ${CSV_KINDS.join(', ')}`
  throw new KeeperError('USAGE', { what, command: 'partners import' })
}

function reportOf(
  asked: { kind: CsvKind; file: string; source: string },
  imported: Imported,
): Report {
  const { kind, file, source } = asked
  const { rows, fresh, known, late, conflicts } = imported
  const taken = `${grouped(fresh)} new, ${grouped(known)} on record before`
  const lateLine =
    kind === 'votes'
      ? `${plural(late, 'vote')} came after the hour was distributed: recorded, and without effect until muster partners correct`
      : `${grouped(late)} for days that are distributed: recorded, and without effect there`
  return {
    json: { ...asked, ...imported },
    // What was set aside is for a person to look at.
    exitCode: conflicts > 0 ? 1 : 0,
    lines: [
      `${plural(rows, 'row')} of ${kind} in ${basename(file)}, source ${source}: ${taken}`,
      ...(late > 0 ? [lateLine] : []),
      ...(conflicts > 0
        ? [
            `${plural(conflicts, 'row')} set aside: another content is on record under that key, or the period is over; they lie in partner_conflict`,
          ]
        : []),
    ],
  }
}
