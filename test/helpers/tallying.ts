import type { Alerts } from '../../keeper/base/alerts.ts'
import { createLogger } from '../../keeper/base/log.ts'
import type { Logger } from '../../keeper/base/log.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { Address } from '../../keeper/base/schema.ts'
import { MS_PER_HOUR, ORIGIN_RULE } from '../../keeper/heartbeat/hour-rule.ts'
import { openTally } from '../../keeper/heartbeat/tally/tally.ts'
import type { NodeStatus, RunningTally, TallyOptions } from '../../keeper/heartbeat/tally/tally.ts'
import type { Db } from '../../keeper/store/db.ts'
import type { ClosedHour } from '../../keeper/heartbeat/tally/closed-hours.ts'
import type { TestClock } from './clock.ts'
import { testClock } from './clock.ts'
import { faultyDb } from './faulty-db.ts'
import { makeMembers } from './muster.ts'
import { freshDb } from './store.ts'

export const HOUR = 500_000
export const START = HOUR * (MS_PER_HOUR / 1_000)
export const NODES = makeMembers(5).map(({ node }) => node as Address)
export const STATUS: NodeStatus = {
  cpuBps: 1_250,
  memoryBps: 4_000,
  diskBps: 9_999,
  height: 2n ** 64n - 1n,
  version: 'node/1.2.3',
}

export interface TallyBench {
  clock: TestClock
  /** Events of the log, with their facts. */
  events: Record<string, unknown>[]
  alerts: { raised: string[]; cleared: string[] }
  /** Opens one more on that store; the loop writes only when a test wakes it. */
  open(db: Db, options?: Partial<TallyOptions>): Promise<RunningTally>
  eventNames(): unknown[]
}

// The loop of real time writes once, a second after the start, and not again in a test.
const NEVER_MS = 1_000_000_000

export function tallyBench(startSeconds = START): TallyBench {
  const clock = testClock(startSeconds)
  const events: Record<string, unknown>[] = []
  const told = { raised: [] as string[], cleared: [] as string[] }
  const log: Logger = createLogger({
    level: 'debug',
    write: (line) => void events.push(JSON.parse(line) as Record<string, unknown>),
  })
  const alerts: Pick<Alerts, 'raise' | 'clear'> = {
    raise: (kind) => void told.raised.push(kind),
    clear: (kind) => void told.cleared.push(kind),
  }
  const open = (db: Db, options: Partial<TallyOptions> = {}): Promise<RunningTally> =>
    openTally({
      db,
      clock,
      log,
      alerts,
      rule: ORIGIN_RULE,
      validators: async () => NODES,
      flushMs: NEVER_MS,
      ...options,
    })
  return { clock, events, alerts: told, open, eventNames: () => events.map(({ event }) => event) }
}

/** Each node beats so many times, from now on one beat an interval; the clock ends an hour later. */
export async function beatHour(
  { clock }: Pick<TallyBench, 'clock'>,
  tally: RunningTally,
  beats: readonly number[],
): Promise<void> {
  for (let i = 0; i < 80; i += 1) {
    for (const [n, count] of beats.entries()) {
      if (i < count) tally.count(NODES[n] as Address, clock.nowMs())
    }
    clock.advance(45)
    await Promise.resolve()
  }
}

/** Tallies on a store of their own for each test, stopped after it. */
export function useTallies() {
  let db: Db
  let bench: TallyBench
  let open: RunningTally[]

  beforeEach(async () => {
    db = await freshDb()
    bench = tallyBench()
    open = []
  })
  afterEach(async () => {
    for (const tally of open) await tally.stop()
    await db.close()
  })

  return {
    now: () => ({ db, bench }),
    /** Of another bench: stopped with the others. */
    keep: (tally: RunningTally) => void open.push(tally),
    start: async (...given: Parameters<TallyBench['open']> | []): Promise<RunningTally> => {
      const tally = await bench.open(given[0] ?? db, given[1])
      open.push(tally)
      return tally
    },
    /** A process that is killed: what it has not written by now is lost. */
    startMortal: async (): Promise<{ tally: RunningTally; kill(): Promise<void> }> => {
      const mortal = faultyDb(db)
      const tally = await bench.open(mortal.db)
      const kill = async (): Promise<void> => {
        mortal.fail(/./)
        await tally.stop()
      }
      return { tally, kill }
    },
  }
}

export const seenOf = (hour: ClosedHour | undefined): [number, boolean][] | undefined =>
  hour?.rows.map(({ seen, online }) => [seen, online])

/** The first node beats in that many intervals. */
export async function beatFor(
  { clock }: TallyBench,
  tally: RunningTally,
  times: number,
): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    tally.count(NODES[0] as Address, clock.nowMs())
    clock.advance(45)
  }
  await Promise.resolve()
}

// Twenty seconds: what is waited for is done in one of an idle machine.
const MAX_LOOKS = 200
const LOOK_MS = 100

export async function waitUntil(check: () => boolean): Promise<void> {
  for (let i = 0; i < MAX_LOOKS && !check(); i += 1) await systemClock.sleep(LOOK_MS)
  if (!check()) throw new Error('it did not come')
}
