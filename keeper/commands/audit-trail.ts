import { EXIT } from '../base/error-catalogue.ts'
import { KeeperError } from '../base/errors.ts'
import { parseIso } from '../base/time.ts'
import { checkTrail } from '../office/check-trail.ts'
import { publicEntry, readTrail } from '../office/trail.ts'
import type { TrailEntry, TrailHead } from '../office/trail.ts'
import { limitOf, textOf } from './office.ts'
import type { OfficeOrder } from './office.ts'
import { plural, shownTime, table } from './print.ts'

export const trailOrder: OfficeOrder = async ({ db }, _args, options) => {
  const limit = limitOf(options['limit'], 'trail')
  const [actor, action] = [textOf(options['actor']), textOf(options['action'])]
  const since = textOf(options['since'])
  const entries = await readTrail(db, {
    limit,
    ...(actor === undefined ? {} : { actor }),
    ...(action === undefined ? {} : { action }),
    ...(since === undefined ? {} : { since: parseIso(since) }),
  })
  const rows = entries.map((entry) => [
    entry.seq.toString(),
    shownTime(entry.at),
    entry.actor,
    entry.role,
    entry.action,
    entry.target,
    changeOf(entry),
  ])
  const head = ['no', 'when', 'actor', 'role', 'action', 'target', 'change']
  const count = plural(entries.length, 'action')
  return {
    json: { entries: entries.map(publicEntry) },
    lines: [
      entries.length < limit ? `${count}, newest first` : `The newest ${count}`,
      ...(rows.length > 0 ? table(head, rows) : []),
    ],
  }
}

function changeOf({ before, after }: TrailEntry): string {
  if (before !== null && after !== null) return `${before} → ${after}`
  return after ?? (before === null ? '-' : `was ${before}`)
}

export const checkTrailOrder: OfficeOrder = async ({ db }, _args, options) => {
  const { entries, head, findings } = await checkTrail(db, notedOf(textOf(options['head'])))
  const place = `${head.seq}:${head.hash}`
  const sound = `${plural(entries, 'action')}, each follows the one before it`
  return {
    json: { entries, head: place, findings },
    lines: [
      findings.length === 0
        ? sound
        : `${plural(findings.length, 'finding')}: the trail was changed`,
      ...findings.map(({ seq, says }) => `  entry ${seq} ${says}`),
      ...(head.seq === 0n
        ? []
        : [`head ${place} (write it down elsewhere, and give it to --head)`]),
    ],
    exitCode: findings.length === 0 ? EXIT.ok : EXIT.failed,
  }
}

function notedOf(text: string | undefined): TrailHead | undefined {
  if (text === undefined) return undefined
  const [, seq = '', hash = ''] = /^(\d{1,18}):([0-9a-f]{64})$/.exec(text) ?? []
  if (hash !== '') return { seq: BigInt(seq), hash }
  const what = `"${text}" is not a head as \`trail check\` prints it`
  throw new KeeperError('USAGE', { what, command: 'trail check' })
}
