import { isKeeperError } from '../../base/errors.ts'
import type { KeeperError } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { systemClock } from '../../base/time.ts'
import type { Hour } from '../../base/time.ts'
import type { HelloFacts } from '../intake/frames.ts'
import type { BeatEvents, Beating, BeatingOptions } from './beating.ts'
import type { ReceiptBook } from './receipt-book.ts'
import { ORIGIN_PING_MS, answerTo, jittered, paceOf, slow } from './reconnect.ts'
import { asKeeperError } from './refusal.ts'

export type LinkPhase = 'connecting' | 'beating' | 'waiting' | 'stopped'

/** How it stands with one intake. */
export interface LinkState {
  readonly url: string
  phase: LinkPhase
  /** What the intake counted last: beats of that hour. */
  hour?: Hour
  count?: number
  /** Sessions that were welcome since the start; in HTTP mode, hellos. */
  sessions: number
  receipts: number
  /** Why it waits or has stopped. */
  fault?: KeeperError
  retryInMs?: number
}

export interface LinkOptions extends Omit<BeatingOptions, 'events'> {
  beat: Beating
  log: Logger
  onChange(state: LinkState): void
  book: ReceiptBook | undefined
  random?: () => number
}

// A year of hours in one session; an intake that sends more would fill the disk.
const MAX_RECEIPTS = 8_784
// A session that lived for so many pings was a good one: the next wait is the shortest again.
const PROVEN_PINGS = 4

/** Keeps beating to one intake; rejects only with what no waiting can change. */
export async function keepLink(options: LinkOptions, state: LinkState): Promise<void> {
  const { signal, random = Math.random } = options
  let pace = paceOf(ORIGIN_PING_MS)
  let pingMs = ORIGIN_PING_MS
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const startedMs = monotonicMs()
    const { sessions } = state
    const onHello = (hello: HelloFacts): void => {
      pingMs = hello.pingMs
      pace = paceOf(pingMs)
    }
    const fault = await beatOnce(options, state, onHello)
    if (fault === undefined || signal.aborted) break
    const answer = answerTo(fault.code, state.sessions > 0)
    state.fault = fault
    if (answer === 'stop') {
      change(options, state, 'stopped')
      throw fault
    }
    const isProven = state.sessions > sessions && monotonicMs() - startedMs > pingMs * PROVEN_PINGS
    if (isProven) attempt = 0
    const wait = answer === 'slow' ? slow(pace, random()) : jittered(attempt, pace, random())
    state.retryInMs = wait
    change(options, state, 'waiting')
    await systemClock.sleep(wait, signal).catch(() => {})
  }
  delete state.fault
  delete state.retryInMs
  change(options, state, 'stopped')
}

async function beatOnce(
  options: LinkOptions,
  state: LinkState,
  onHello: (hello: HelloFacts) => void,
): Promise<KeeperError | undefined> {
  const { beat, log, onChange, book, ...rest } = options
  delete state.retryInMs
  change(options, state, 'connecting')
  let known: HelloFacts | undefined
  let receipts = 0
  const events: BeatEvents = {
    hello: (hello) => {
      known = hello
      onHello(hello)
    },
    welcome: (at) => {
      delete state.fault
      state.sessions += 1
      if (at !== undefined) Object.assign(state, { hour: at.hour, count: at.count })
      change(options, state, 'beating')
      if (known !== undefined) book?.catchUp(rest.intake, known)
    },
    counted: ({ hour, count, why }) => {
      Object.assign(state, { hour, count })
      if (why !== undefined) log.debug({ intake: state.url, hour, count, why }, 'beat-not-counted')
      onChange(state)
    },
    receipt: (receipt) => {
      if (known === undefined || receipts >= MAX_RECEIPTS) return
      receipts += 1
      state.receipts += 1
      book?.keep(receipt, known)
    },
  }
  try {
    await beat({ ...rest, events })
    return undefined
  } catch (error) {
    const fault = asKeeperError(error)
    const { code, message } = fault
    if (!isKeeperError(error)) log.error({ intake: state.url, err: error }, 'session-broken')
    // The state tells it to whoever watches; a terminal need not hear it twice.
    else log.info({ intake: state.url, code, reason: message }, 'session-ended')
    return fault
  }
}

function change({ onChange }: LinkOptions, state: LinkState, phase: LinkPhase): void {
  state.phase = phase
  onChange(state)
}

function monotonicMs(): number {
  return systemClock.monotonicMs?.() ?? systemClock.nowMs()
}
