import { EXIT } from '../base/error-catalogue.ts'
import { KeeperError } from '../base/errors.ts'
import { isoTime, startOfHour } from '../base/time.ts'
import { readOpen, readSent, readWaiting } from '../programs/partners/special/outbox-rows.ts'
import type { OpenRow, SentFigures, Waiting } from '../programs/partners/special/outbox-rows.ts'
import { sendSpecial, stuckSince } from '../programs/partners/special/send.ts'
import { openSpecial } from '../programs/partners/special/target.ts'
import type { Office, OfficeOrder } from './office.ts'
import { plural, shownTime, table } from './print.ts'

// The oldest show what is wrong; the total says whether there are more.
const MAX_SHOWN = 100

/** With --send at once, instead of with the next run. What waits too long is for a person: the exit code is 1. */
export const specialOrder: OfficeOrder = async (office, _args, { send }) => {
  const now = send === true ? await sendNow(office) : undefined
  const { db, clock } = office
  const figures = { ...(await readWaiting(db)), ...(await readSent(db)) }
  const rows = await readOpen(db, 0n, MAX_SHOWN)
  const isStuck = stuckSince(figures, clock.now()) !== undefined
  const { open, sent, lastSentAt, openSince } = figures
  const last = lastSentAt === undefined ? '' : `, the last one at ${shownTime(lastSentAt)}`
  const since = openSince === undefined ? '' : `, the oldest since ${shownTime(openSince)}`
  return {
    json: { ...figuresOf(figures), sentNow: now ?? null, isStuck, rows: rows.map(shown) },
    lines: [
      ...(now === undefined ? [] : [`${plural(now, 'hourly sum')} sent now`]),
      `${plural(sent, 'hourly sum')} sent to the second database${last}`,
      `${plural(open, 'hourly sum')} to be sent${since}`,
      ...tableOf(rows),
    ],
    exitCode: isStuck || (send === true && open > 0) ? EXIT.failed : EXIT.ok,
  }
}

async function sendNow({ db, clock, log, config }: Office): Promise<number> {
  const { partnersSpecialUrl: url, partnersSpecialTable: form } = config
  if (url === undefined) throw new KeeperError('PARTNERS_SPECIAL_UNSET')
  const { sent, isBusy } = await sendSpecial({ db, clock, log }, openSpecial(url, form))
  if (isBusy) throw new KeeperError('PARTNERS_SPECIAL_BUSY', { table: form.table })
  return sent
}

function figuresOf({ lastSentAt, openSince, lastError, ...counts }: Waiting & SentFigures): object {
  return {
    ...counts,
    lastSentAt: lastSentAt === undefined ? null : isoTime(lastSentAt),
    openSince: openSince === undefined ? null : isoTime(openSince),
    lastError: lastError ?? null,
  }
}

function shown({ hour, partner, ccReward, revision, attempts, lastError }: OpenRow): object {
  const time = isoTime(startOfHour(hour))
  return { time, partner, ccReward, revision, attempts, lastError: lastError ?? null }
}

function tableOf(rows: readonly OpenRow[]): string[] {
  if (rows.length === 0) return []
  const cells = rows.map(({ hour, partner, ccReward, attempts, lastError }) => [
    shownTime(startOfHour(hour)),
    partner,
    String(ccReward),
    String(attempts),
    lastError ?? '',
  ])
  return table(['hour', 'partner', 'amount', 'attempts', 'last error'], cells)
}
