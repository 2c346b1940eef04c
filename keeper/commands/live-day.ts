import type { Hex } from '../base/schema.ts'
import { waitFor } from '../base/retry.ts'
import { SECONDS_PER_HOUR, hourOf, hoursOf, startOfHour, systemClock } from '../base/time.ts'
import type { Clock, Cycle, Hour, ScaledClock } from '../base/time.ts'
import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Evidence } from '../heartbeat/evidence.ts'
import type { Keeper } from '../keeper.ts'
import { runDay } from '../validators/day.ts'
import type { DayReport } from '../validators/day.ts'
import { pushHours } from '../validators/push-hours.ts'
import { moveChainTo } from '../validators/replay.ts'
import type { Move } from './live-schedule.ts'

/** An hour as it was pushed. */
export interface LiveHour {
  hour: Hour
  words: readonly bigint[]
  online: number
  hash?: Hex | undefined
}

export interface LiveDay {
  keeper: Keeper
  evidence: Evidence
  clock: ScaledClock
  cycle: Cycle
  signal: AbortSignal
  onHour(hour: LiveHour): void
}

/**
 * A day of real beats by a fast clock. The chain has no clock of its own here: it is set forward as each hour
 * ends, so that the hour can be pushed, and to the cut in the end, so that the day can be settled.
 */
export async function liveDay(day: LiveDay): Promise<DayReport> {
  const { keeper, evidence, clock, cycle, signal } = day
  const hours = hoursOf(hourOf(keeper.contracts.deployment.firstCut), cycle)
  await moveChainTo(keeper, startOfHour(hours[0] ?? 0))
  clock.start()
  for (const hour of hours) {
    const end = startOfHour(hour) + SECONDS_PER_HOUR
    await sleepUntil(clock, end * 1_000, signal)
    await untilClosed(day, hour)
    await moveChainTo(keeper, end)
    await pushHour(day, hour)
  }
  return runDay(keeper, { cycle, evidence, trigger: 'schedule' })
}

// Reading the roster, closing and signing take a fraction of a second of a small set.
const CLOSE_LIMIT_MS = 20_000
const LOOK_EVERY_MS = 20

/** The intake closes an hour by itself, a moment after its end. */
async function untilClosed({ evidence, signal }: LiveDay, hour: Hour): Promise<void> {
  await waitFor(() => evidence.nodesIn(hour), {
    what: `the close of hour ${hour}`,
    timeoutMs: CLOSE_LIMIT_MS,
    clock: systemClock,
    signal,
    firstDelayMs: LOOK_EVERY_MS,
    maxDelayMs: LOOK_EVERY_MS,
    onTimeout: () => new KeeperError('HOUR_UNHEARD', { hour, source: evidence.name }),
  })
}

async function pushHour({ keeper, evidence, cycle, onHour }: LiveDay, hour: Hour): Promise<void> {
  await pushHours(keeper, cycle, {
    job: 'push-hours',
    trigger: 'schedule',
    evidence,
    onHour: ({ hour: pushed, words, online, tx }) => {
      if (pushed === hour) onHour({ hour, words, online, hash: tx?.hash })
    },
  })
}

export type NamedMove = Move & { name: string }

export interface Play {
  moves: readonly NamedMove[]
  clock: ScaledClock
  signal: AbortSignal
  make(move: NamedMove): void
  /** Of his beats in the hour that runs: one more says that he is back. */
  countOf(name: string): number
}

// A process that is started beats within a second, ten on a machine that is very busy. After that the day
// goes on without it, and its hours show it.
const BACK_LIMIT_MS = 30_000

/** The kills and the starts, each at its moment; ends with the last one. */
export async function playMoves(play: Play): Promise<void> {
  const { moves, clock, signal, make } = play
  for (const move of moves.toSorted((a, b) => a.atMs - b.atMs)) {
    await sleepUntil(clock, move.atMs, signal)
    if (move.act === 'kill') make(move)
    else await startAndWait(play, move)
  }
}

/**
 * In a day of minutes the second that a process needs to start would be a quarter of an hour: the clock waits
 * for it. Whoever beats meanwhile loses nothing, for no beat is due while no time passes.
 */
async function startAndWait(
  { clock, signal, make, countOf }: Play,
  move: NamedMove,
): Promise<void> {
  const before = countOf(move.name)
  clock.hold()
  try {
    make(move)
    await waitFor(async () => (countOf(move.name) > before ? true : undefined), {
      what: move.name,
      timeoutMs: BACK_LIMIT_MS,
      clock: systemClock,
      signal,
      firstDelayMs: LOOK_EVERY_MS,
      maxDelayMs: LOOK_EVERY_MS,
    })
  } catch (error) {
    if (!isKeeperError(error, 'DEADLINE_PASSED')) throw error
  } finally {
    clock.start()
  }
}

async function sleepUntil(clock: Clock, untilMs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const left = untilMs - clock.nowMs()
    if (left <= 0) return
    await clock.sleep(left, signal)
  }
}
