import { EXIT } from '../base/error-catalogue.ts'
import { KeeperError } from '../base/errors.ts'
import { silentLogger } from '../base/log.ts'
import { isoTime, startOfHour } from '../base/time.ts'
import { readOpen, readSent, readWaiting } from '../programs/partners/special/outbox-rows.ts'
import type { OpenRow, SentFigures, Waiting } from '../programs/partners/special/outbox-rows.ts'
import { sendSpecial, stuckSince } from '../programs/partners/special/send.ts'
import { openSpecial } from '../programs/partners/special/target.ts'
import type { Office, OfficeOrder } from './office.ts'
import { plural, shownTime, table } from './print.ts'

// The oldest show what is wrong; the total says whether there are more.
const MAX_SHOWN = 100

/** What waits too long is for a person to look at: then the exit code is 1. */
export const showSpecialOrder: OfficeOrder = async ({ db, clock }) => {
  const figures = { ...(await readWaiting(db)), ...(await readSent(db)) }
  const rows = await readOpen(db, 0n, MAX_SHOWN)
  const isStuck = stuckSince(figures, clock.now()) !== undefined
  const { open, sent, lastSentAt, openSince } = figures
  const last = lastSentAt === undefined ? '' : `, the last one at ${shownTime(lastSentAt)}`
  const since = openSince === undefined ? '' : `, the oldest since ${shownTime(openSince)}`
  return {
    json: { ...figuresOf(figures), isStuck, rows: rows.map(shown) },
    lines: [
      `${plural(sent, 'hourly sum')} sent to the second database${last}`,
      `${plural(open, 'hourly sum')} to be sent${since}`,
      ...tableOf(rows),
    ],
    exitCode: isStuck ? EXIT.failed : EXIT.ok,
  }
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

/** At once, instead of with the next run of the keeper. */
export const sendSpecialOrder: OfficeOrder = async (office, args, options) => {
  const { db, clock, config } = office
  const { partnersSpecialUrl: url, partnersSpecialTable } = config
  if (url === undefined) throw new KeeperError('PARTNERS_SPECIAL_UNSET')
  const target = openSpecial(url, partnersSpecialTable)
  const done = await sendSpecial({ db, clock, log: silentLogger }, target)
  if (done.isBusy) throw new KeeperError('PARTNERS_SPECIAL_BUSY', { ...partnersSpecialTable })
  const { sent } = done
  const state = await showSpecialOrder(office, args, options)
  return {
    json: { ...done, ...(state.json as object) },
    lines: [`${plural(sent, 'hourly sum')} sent now`, ...state.lines],
    exitCode: done.left === 0 ? EXIT.ok : EXIT.failed,
  }
}
