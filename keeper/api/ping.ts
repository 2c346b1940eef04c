import type { AlertSink } from '../base/alerts.ts'
import { describe } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { retry } from '../base/retry.ts'
import { isoTime, systemClock } from '../base/time.ts'
import type { Clock, Cycle, UnixSeconds } from '../base/time.ts'
import { readLastSuccess, writeLastSuccess } from './last-success.ts'
import type { LastSuccess } from './last-success.ts'
import { mayEnd, post } from './receiver.ts'

/** The newest slot of the daily job that was completed. */
export interface DoneSlot {
  job: string
  slot: UnixSeconds
  cycle: Cycle | undefined
  finishedAt: UnixSeconds
}

export interface PingOptions {
  file: string
  url: string | undefined
  name: string
  chainId: number
  log: Logger
  clock?: Clock
}

export interface Ping {
  /** Tells of the slot unless that was done before; what could not be told is told at the next call. */
  tell(done: DoneSlot | undefined): Promise<void>
  /** A slot that ended with an error is told at once, so that nobody waits for the grace. */
  sink: AlertSink
}

const ATTEMPTS = 4
const DEADLINE_MS = 60_000
const BACKOFF = { firstDelayMs: 1_000, maxDelayMs: 10_000 }

/**
 * The sign of life for those who watch from outside. It follows the rows, not the run: a settlement by
 * hand counts, and one that was completed just before a crash is told after the restart.
 */
export function openPing(options: PingOptions): Ping {
  const { file, url, log } = options
  let told: UnixSeconds | undefined

  async function write(success: LastSuccess): Promise<void> {
    const last = await readLastSuccess(file).catch(() => undefined)
    if (last !== undefined && last.slot >= success.slot) return
    await writeLastSuccess(file, success)
    log.info({ file, slot: success.slotTime }, 'last-success-written')
  }

  return {
    tell: async (done) => {
      if (!done || (told !== undefined && done.slot <= told)) return
      const success = successOf(done, options)
      try {
        await write(success)
        if (url !== undefined) await ping(url, success, options)
        told = done.slot
      } catch (error) {
        log.error({ slot: success.slotTime, reason: describe(error).message }, 'success-not-told')
      }
    },
    sink: ({ kind, state, key, facts, at }) => {
      if (url === undefined || kind !== 'slot-failed' || state === 'cleared') return
      const body = { keeper: options.name, at: isoTime(at), key, facts }
      void ping(failUrlOf(url), body, options).catch((error: unknown) => {
        log.error({ key, reason: describe(error).message }, 'failure-not-told')
      })
    },
  }
}

function successOf(done: DoneSlot, { name, chainId }: PingOptions): LastSuccess {
  const { job, slot, cycle, finishedAt } = done
  return {
    job,
    slot,
    slotTime: isoTime(slot),
    ...(cycle === undefined ? {} : { cycle }),
    finishedAt: isoTime(finishedAt),
    keeper: name,
    chainId,
  }
}

async function ping(
  url: string,
  body: object,
  { clock = systemClock }: PingOptions,
): Promise<void> {
  await retry(() => post({ url, body }), {
    what: 'the ping',
    attempts: ATTEMPTS,
    deadlineMs: DEADLINE_MS,
    ...BACKOFF,
    clock,
    isRetryable: mayEnd,
  })
}

/** As healthchecks.io and its kin have it: https://hc-ping.com/<id>/fail. */
export function failUrlOf(url: string): string {
  const fail = new URL(url)
  fail.pathname = `${fail.pathname.replace(/\/$/, '')}/fail`
  return fail.href
}
