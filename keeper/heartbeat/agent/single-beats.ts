import { toJson } from '../../base/json.ts'
import { systemClock } from '../../base/time.ts'
import type { Hour } from '../../base/time.ts'
import type { HelloFacts } from '../intake/frames.ts'
import { parseHelloFacts } from '../intake/server-frames.ts'
import type { BeatingOptions } from './beating.ts'
import { refuseOtherChain, signBeat } from './node-key.ts'
import { Refusal, notMuster, readAnswer } from './refusal.ts'
import { askIntake } from './web-request.ts'

/** What the intake told, and when by our clock. */
interface Greeting {
  hello: HelloFacts
  offsetMs: number
}

// The intake's clock counts. Refused for its time twice in a row, a beat waits for the next interval.
const TIME_TRIES = 2
// Nothing was counted yet, so none is known.
const NO_HOUR = -1

/** Beats one by one over plain HTTPS, each with a signature: for networks without WebSockets. */
export async function runSingleBeats(options: BeatingOptions): Promise<void> {
  const { events, signal } = options
  let greeting = await greet(options)
  let lastAt = 0
  let hour: Hour | undefined
  while (!signal.aborted) {
    const startedMs = systemClock.nowMs()
    for (let tries = 1; tries <= TIME_TRIES; tries += 1) {
      // Two beats of one time would be a replay.
      const at = Math.max(lastAt + 1, systemClock.nowMs() + greeting.offsetMs)
      const counted = await sendBeat(options, greeting.hello, at)
      if (counted === 'wrong-time') {
        greeting = await greet(options)
        continue
      }
      lastAt = at
      if (counted === 'too-soon') {
        // Another agent of this node was first: it is up all the same.
        if (hour === undefined) events.welcome()
        hour ??= NO_HOUR
        break
      }
      // Nobody sends receipts to whom is not connected: each new hour is a new welcome.
      if (counted.hour === hour) events.counted(counted)
      else events.welcome(counted)
      hour = counted.hour
      break
    }
    const { pingMs, statusEvery } = greeting.hello
    const leftMs = pingMs * statusEvery - (systemClock.nowMs() - startedMs)
    await systemClock.sleep(Math.max(0, leftMs), signal).catch(() => {})
  }
}

async function greet({ intake, expected, events, signal }: BeatingOptions): Promise<Greeting> {
  const answer = await askIntake({ intake, url: intake.hello, signal })
  if ('refusal' in answer) throw new Refusal(answer.refusal, { origin: intake.url })
  const hello = readAnswer(() => parseHelloFacts(answer.fields), intake.url)
  refuseOtherChain(hello, expected, intake)
  events.hello(hello)
  return { hello, offsetMs: hello.at - systemClock.nowMs() }
}

type Sent = { hour: Hour; count: number } | 'too-soon' | 'wrong-time'

async function sendBeat(options: BeatingOptions, hello: HelloFacts, at: number): Promise<Sent> {
  const { intake, key, status, signal } = options
  const fields = { node: key.address, audience: intake.audience, at, ...(await status()) }
  const body = toJson(await signBeat(key, hello, fields))
  const answer = await askIntake({ intake, url: intake.beat, body, signal })
  if ('fields' in answer) return countOf(answer.fields, intake.url)
  const facts = { origin: intake.url, node: key.address, ...hello }
  const refusal = new Refusal(answer.refusal, facts)
  if (refusal.code === 'BEAT_TOO_SOON') return 'too-soon'
  if (refusal.code === 'BEAT_TOO_OLD' || refusal.code === 'BEAT_FROM_FUTURE') return 'wrong-time'
  throw refusal
}

function countOf(fields: unknown, origin: string): { hour: Hour; count: number } {
  const { hour, count } = (fields ?? {}) as { hour?: unknown; count?: unknown }
  if (Number.isSafeInteger(hour) && Number.isSafeInteger(count)) {
    return { hour: Number(hour), count: Number(count) }
  }
  throw notMuster(origin, 'hour or count is missing')
}
