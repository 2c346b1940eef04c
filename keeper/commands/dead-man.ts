import { KeeperError, describe } from '../base/errors.ts'
import { ALERTS } from '../base/alerts.ts'
import { rememberSecretUrl } from '../base/redact.ts'
import { retry } from '../base/retry.ts'
import { isoTime } from '../base/time.ts'
import { fetchLastSuccess, lastSuccessFile, readLastSuccess } from '../api/last-success.ts'
import type { LastSuccess } from '../api/last-success.ts'
import { judgeLife } from '../api/overdue.ts'
import type { LifeSign } from '../api/overdue.ts'
import { mayEnd, post } from '../api/receiver.ts'
import type { Report, Run } from './command.ts'

interface DeadManOptions {
  /** A path, or the address of a keeper's /last-success. */
  file?: string
  grace?: string
  url?: string
}

const DEFAULT_GRACE_SECONDS = 3_600
// After a day the next slot is due, and the question is another one.
const MAX_GRACE_SECONDS = 86_400
// cron asks again in minutes; until then a receiver that restarts is waited for.
const BACKOFF = { firstDelayMs: 1_000, maxDelayMs: 5_000 }
const PATIENCE = { attempts: 3, deadlineMs: 45_000, ...BACKOFF, isRetryable: mayEnd }
const WATCHER = 'dead man’s switch'

/**
 * The switch itself: it needs neither store nor keys nor the keeper's user, and decides by the clock, the
 * zone and one small file. Exit code 1 and one alert when the day's settlement is overdue.
 */
export async function deadManCommand(run: Run, options: DeadManOptions): Promise<Report> {
  const { config, clock } = run
  const url = options.url ?? config.alertUrl
  rememberSecretUrl(url)
  const from = options.file ?? lastSuccessFile(config)
  const graceSeconds = graceOf(options.grace)
  const { last, fault } = await readFrom(from)
  const { zone, dailyTime: time } = config
  const sign = judgeLife({ last, zone, time, graceSeconds, now: clock.now() })
  if (sign.isAlive) return alive(sign, last)
  const reason = fault ?? (last ? sign.reason : `${sign.reason} (${from})`)
  const facts = { due: isoTime(sign.due), graceSeconds, zone, from, reason, last }
  const alerted = url === undefined ? undefined : await alert(run, url, facts)
  throw new KeeperError('SETTLEMENT_OVERDUE', { ...facts, alerted })
}

function graceOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_GRACE_SECONDS
  if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_GRACE_SECONDS) return Number(text)
  const what = `a grace is 0 to ${MAX_GRACE_SECONDS} seconds, not "${text}"`
  throw new KeeperError('USAGE', { what, command: 'dead-man' })
}

/** What cannot be read is no sign of life, and no reason to stay silent. */
async function readFrom(
  from: string,
): Promise<{ last: LastSuccess | undefined; fault: string | undefined }> {
  const read = /^https?:\/\//.test(from) ? fetchLastSuccess : readLastSuccess
  try {
    return { last: await read(from), fault: undefined }
  } catch (error) {
    return { last: undefined, fault: describe(error).message.replace(/\.$/, '') }
  }
}

function alive({ due, nextCheck, reason }: LifeSign, last: LastSuccess | undefined): Report {
  const json = { alive: true, due: isoTime(due), nextCheck: isoTime(nextCheck), last }
  return { json, lines: [`alive: ${reason}; the next is due by ${isoTime(nextCheck)}`] }
}

/** False: nobody was told, and the exit code is all there is. */
async function alert({ clock, note }: Run, url: string, facts: object): Promise<boolean> {
  const kind = 'dead-man'
  const { severity, says } = ALERTS[kind]
  const at = isoTime(clock.now())
  const text = `${severity}: ${WATCHER}: ${says}`
  const body = { text, kind, severity, state: 'raised', keeper: WATCHER, at, facts }
  try {
    await retry(() => post({ url, body }), { what: 'the alert', clock, ...PATIENCE })
    return true
  } catch (error) {
    note(describe(error).message)
    return false
  }
}
