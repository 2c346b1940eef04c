import { ALERTS } from '../base/alerts.ts'
import type { AlertSink, Notice } from '../base/alerts.ts'
import { describe } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { retry } from '../base/retry.ts'
import { isoTime, systemClock } from '../base/time.ts'
import type { Clock } from '../base/time.ts'
import { within } from './deadline.ts'
import { mayEnd, post } from './receiver.ts'

export interface Webhook {
  sink: AlertSink
  /** Waits for what is queued, but not for long; what is left then is logged as not told. */
  close(): Promise<void>
}

export interface WebhookOptions {
  url: string
  /** What this keeper is called in the message. */
  name: string
  log: Logger
  clock?: Clock
  onOutcome?: (outcome: 'delivered' | 'failed' | 'dropped') => void
}

// As many as alerts are kept apart: only a receiver that is down for hours lets them pile up.
export const MAX_QUEUED = 100
// 1 + 2 + 4 + 8 + 16 + 32 + 60 s …: a receiver that restarts is waited for, one that is gone is given up.
const ATTEMPTS = 8
const DELIVERY_DEADLINE_MS = 5 * 60_000
const BACKOFF = { firstDelayMs: 1_000, maxDelayMs: 60_000 }
// Part of the time a stop may take (MUSTER_STOP_LIMIT_MS).
const CLOSE_LIMIT_MS = 3_000

/** Alerts as JSON to one URL, in order, off the path of whoever raised them. */
export function openWebhook(options: WebhookOptions): Webhook {
  const { url, name, log, clock = systemClock, onOutcome = () => {} } = options
  const stop = new AbortController()
  const queue: Notice[] = []
  let work: Promise<void> | undefined

  async function deliver(notice: Notice): Promise<void> {
    const body = messageOf(notice, name)
    try {
      await retry(() => post({ url, body, signal: stop.signal }), {
        what: 'an alert',
        attempts: ATTEMPTS,
        deadlineMs: DELIVERY_DEADLINE_MS,
        ...BACKOFF,
        clock,
        signal: stop.signal,
        isRetryable: mayEnd,
      })
      onOutcome('delivered')
    } catch (error) {
      onOutcome('failed')
      const { kind, key, state } = notice
      log.error({ kind, key, state, reason: describe(error).message }, 'alert-not-told')
    }
  }

  async function drain(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await deliver(next)
  }

  return {
    sink: (notice) => {
      if (queue.length >= MAX_QUEUED) {
        onOutcome('dropped')
        const { kind, key, state } = notice
        return log.error({ kind, key, state, reason: 'the queue is full' }, 'alert-not-told')
      }
      queue.push(notice)
      work ??= drain().finally(() => {
        work = undefined
      })
    },
    close: async () => {
      const patience = within(CLOSE_LIMIT_MS, 'the last alerts', async () => work)
      await patience.catch(() => {})
      stop.abort()
      await work
    },
  }
}

/** `text` is one sentence: chat receivers show it, programs read the rest. */
export function messageOf(notice: Notice, name: string): object {
  const { kind, severity, state, key, count, facts, since, at } = notice
  return {
    text: sentenceOf(notice, name),
    kind,
    severity,
    state,
    keeper: name,
    at: isoTime(at),
    since: isoTime(since),
    count,
    key,
    facts,
  }
}

function sentenceOf({ kind, severity, state, key, count, since }: Notice, name: string): string {
  const about = key === '' ? '' : ` (${key})`
  const subject = `${name}: ${kind}${about}`
  if (state === 'cleared') return `over: ${subject}, after ${isoTime(since)}`
  const lasting = state === 'lasting' ? `, ${count} times since ${isoTime(since)}` : ''
  return `${severity}: ${subject}: ${ALERTS[kind].says}${lasting}`
}
