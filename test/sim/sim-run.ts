import { KeeperError, isKeeperError, messageOf } from '../../keeper/base/errors.ts'
import { judge } from './oracle.ts'
import type { Outcome, Verdict } from './oracle.ts'
import { drawDeath } from './schedule.ts'
import type { Random } from './random.ts'
import { runSimDay } from './sim-day.ts'
import { isStoreFailing, schedule, startBlocks } from './sim-faults.ts'
import type { Keepers } from './sim-faults.ts'
import { orderAtRandom, settleByHuman } from './sim-human.ts'
import { openSimKeeper } from './sim-keeper.ts'
import type { SimKeeper } from './sim-keeper.ts'
import { createProcess } from './sim-process.ts'
import type { Fate, Place, SimProcess } from './sim-process.ts'
import { goBack, losePower } from './sim-side-log.ts'
import type { SimStore } from './sim-store.ts'
import { createWorld } from './sim-world.ts'
import type { SimWorld } from './sim-world.ts'

export interface Run extends Verdict {
  seed: number
  /** Times a process touched the world. */
  touches: number
  processes: number
}

// systemd starts a service that ended again after a moment.
const RESTART_MS = { least: 500, most: 20_000 }
// Ends that a restart does not heal: a human is called.
const STOPS = ['QUEUE_STOPPED', 'NONCE_FOREIGN', 'TX_UNKNOWN', 'ATTEMPTS_SPENT'] as const
// What a restart may meet while the world is bad; in good weather a few are enough.
const MAX_QUIET_STARTS = 12
const STOPS_TO_BELIEVE = 4
// A human is called, looks twice, and comes before the end.
const STOPS_FOR_HUMAN = 2

/** One seed from the first block to the verdict. */
export async function runSchedule(
  seed: number,
  store: SimStore,
  note: (line: string) => void = () => {},
): Promise<Run> {
  await store.clear()
  const world = createWorld(seed, store, note)
  const supervisor = supervise(world)
  startBlocks(world)
  schedule(world, supervisor.keepers)
  supervisor.start()
  const isSettled = await world.time.run(() => world.isOver)
  const outcome: Outcome = isSettled
    ? supervisor.outcome()
    : { end: 'stuck', why: 'time ran out without an end' }
  supervisor.keepers.kill()
  const verdict = await judge(world, outcome)
  return { ...verdict, seed, touches: world.touches, processes: supervisor.started() }
}

interface Supervisor {
  keepers: Keepers
  start(): void
  started(): number
  outcome(): Outcome
}

interface Running {
  process: SimProcess
  keeper: SimKeeper | undefined
}

function supervise(world: SimWorld): Supervisor {
  const { time, note } = world
  const random = world.random.fork('processes')
  let running: Running | undefined
  /** Stopped ones that a new one has taken over from; they wake up without knowing. */
  const overtaken = new Set<SimProcess>()
  let started = 0
  let quietStarts = 0
  let stops = 0
  let outcome: Outcome = { end: 'stuck', why: 'nothing ever ran' }
  const finish = (end: Outcome): void => {
    outcome = end
    world.isOver = true
  }
  const startLater = (): void => {
    if (world.isOver) return
    time.after(random.between(RESTART_MS.least, RESTART_MS.most), start)
  }
  const start = (): void => {
    if (running || world.isOver) return
    started += 1
    if (world.isQuiet()) quietStarts += 1
    const name = `keeper-${started}`
    note(`${name} starts`)
    const process = createProcess({
      name,
      fate: fateOf(world, random),
      failure: failureOf,
      onDeath: () => {
        note(`${name} dies`)
        if (running?.process !== process) return
        running = undefined
        startLater()
      },
    })
    const own: Running = { process, keeper: undefined }
    running = own
    void follow(own)
  }
  const follow = async (own: Running): Promise<void> => {
    const { process } = own
    const end = await work(world, own, stops >= STOPS_FOR_HUMAN)
    if (process.isDead) return
    note(`${process.name} ends: ${end.why}`)
    process.isDead = true
    // The rows have moved on under it, and it is told so: that is its end, and no fault.
    const isRefused = overtaken.has(process) && end.why.startsWith('JOURNAL_STATE')
    if (end.end === 'broken' && !isRefused) return finish(end)
    if (overtaken.has(process)) return
    running = undefined
    stops = end.end === 'stopped' ? stops + 1 : 0
    const isBelieved = end.end === 'done' || stops >= STOPS_TO_BELIEVE
    if (world.isQuiet() && (isBelieved || quietStarts >= MAX_QUIET_STARTS)) return finish(end)
    // Once more when all is quiet: what comes after the day must not undo it.
    if (end.end === 'done') time.after(world.quietInMs() + 1, start)
    else startLater()
  }
  const killAll = (): void => {
    running?.process.kill()
    for (const process of overtaken) process.kill()
  }
  const keepers: Keepers = {
    kill: killAll,
    loseStore: (kind) => loseStore(world, random, killAll, kind),
    freeze: (forMs, isOvertaken) => {
      const process = running?.process
      if (!process || process.frozenUntil) return
      if (isOvertaken) {
        overtaken.add(process)
        running = undefined
        startLater()
      }
      process.frozenUntil = new Promise((done) => {
        time.after(forMs, () => {
          process.frozenUntil = undefined
          done()
        })
      })
    },
    order: (step) => void orderAtRandom(world, random, running?.keeper, step),
  }
  return { keepers, start, started: () => started, outcome: () => outcome }
}

async function work(world: SimWorld, own: Running, isCalled: boolean): Promise<Outcome> {
  try {
    own.keeper = await openSimKeeper(world, own.process)
    const isHelped = isCalled && world.schedule.hasHuman && world.isQuiet()
    if (isHelped) await settleByHuman(world, own.keeper)
    await runSimDay(own.keeper, { ...world.schedule, contract: world.contract })
    return { end: 'done', why: 'the day is done' }
  } catch (error) {
    if (!isKeeperError(error)) {
      // A write that failed because we made it fail.
      const isOurs = messageOf(error).includes('no space left')
      return isOurs
        ? { end: 'stuck', why: messageOf(error) }
        : { end: 'broken', why: (error as Error).stack ?? messageOf(error) }
    }
    const why = `${error.code}: ${error.message}`
    if (isKeeperError(error, 'INTERNAL', 'JOURNAL_STATE', 'ROW_MISSING', 'IDEMPOTENCY_PAYLOAD')) {
      return { end: 'broken', why }
    }
    return { end: isKeeperError(error, ...STOPS) ? 'stopped' : 'stuck', why }
  }
}

function failureOf(place: Place): Error {
  const reason = 'no space left on device'
  if (place === 'log') return new KeeperError('SIDE_LOG_FAILED', { file: 'signed.log', reason })
  return new Error(reason)
}

/** One death at most a process, and failing writes while the disk is full. */
function fateOf(world: SimWorld, random: Random): (place: Place) => Fate {
  const death = world.isQuiet() ? undefined : drawDeath(random)
  let left = death?.count ?? 0
  return (place) => {
    world.touches += 1
    if (world.isQuiet()) return 'lives'
    const isWrite = place === 'write' || place === 'log'
    if (isWrite && isStoreFailing(world)) {
      return place === 'write' && random.chance(300) ? 'fails-after' : 'fails-before'
    }
    if (!death || place !== death.place) return 'lives'
    left -= 1
    return left === 0 ? death.fate : 'lives'
  }
}

async function loseStore(
  world: SimWorld,
  random: Random,
  kill: () => void,
  kind: 'power' | 'backup' | 'whole-home',
): Promise<void> {
  const { copies, store, sideLog, truth, time, note } = world
  kill()
  if (copies.length === 0) return
  // The disk syncs now and then: after a loss of power the newest are likelier than the oldest.
  const least = kind === 'power' ? Math.floor(copies.length / 2) : 0
  const { copy, lines } = copies[random.between(least, copies.length - 1)] as (typeof copies)[0]
  if (kind === 'whole-home') {
    goBack(sideLog, lines)
    truth.isMemoryLost = true
  } else {
    if (kind === 'power') losePower(sideLog, random)
    truth.isStoreLost = true
  }
  note(`the store goes back to ${JSON.stringify(copy.map(({ rows }) => rows.length))}`)
  await time.busy(() => store.restore(copy))
}
