import { HOURS_PER_CYCLE, hourOf, startOfHour, systemClock } from '../base/time.ts'
import type { Clock } from '../base/time.ts'
import { mostPerHour } from '../heartbeat/hour-rule.ts'
import type { Tally } from '../heartbeat/tally/tally.ts'
import { indicesOf } from '../heartbeat/words.ts'
import type { Agents } from './live-agents.ts'
import { openBoard } from './live-board.ts'
import type { BoardFacts } from './live-board.ts'
import type { Member } from './live-cast.ts'
import type { LiveHour, NamedMove } from './live-day.ts'
import { LIVE_RULE } from './live-schedule.ts'
import { shortHash, shownTime } from './print.ts'

/** How the day looks while it passes: a board on a terminal, a line an hour elsewhere. */
export interface Show {
  /** By the hours that were pushed so far. */
  readonly hours: readonly LiveHour[]
  pushed(hour: LiveHour): void
  moved(move: NamedMove): void
  stop(): Promise<void>
}

export interface ShowOptions {
  members: readonly Member[]
  agents: Agents
  clock: Clock
  tally: Pick<Tally, 'countOf'>
  note(line: string): void
}

// Fast enough to see an hour fill up, slow enough to cost nothing.
const DRAW_EVERY_MS = 100

export function openShow(options: ShowOptions): Show {
  const { members, note } = options
  const hours: LiveHour[] = []
  const board = openBoard(process.stderr)
  const draw = (): void => board?.draw(factsOf(options, hours))
  const stop = new AbortController()
  const drawing = drawUntil(stop.signal, draw)
  // What fails in it is told where it is waited for.
  drawing.catch(() => {})
  return {
    hours,
    pushed: (hour) => {
      hours.push(hour)
      if (!board) note(hourLine(members, hour, hours.length))
    },
    moved: ({ act, name }) => {
      if (!board) note(`      ${name} is ${act === 'kill' ? 'killed' : 'started'}`)
    },
    stop: async () => {
      stop.abort()
      await drawing
      draw()
      board?.stop()
    },
  }
}

async function drawUntil(signal: AbortSignal, draw: () => void): Promise<void> {
  while (!signal.aborted) {
    draw()
    await systemClock.sleep(DRAW_EVERY_MS, signal).catch(() => {})
  }
}

function factsOf({ members, agents, clock, tally }: ShowOptions, hours: LiveHour[]): BoardFacts {
  const time = clock.now()
  const online = hours.map(({ words }) => new Set(indicesOf(words)))
  const rows = members.map(({ name, about, node }, index) => ({
    name,
    about,
    closed: online.map((set) => set.has(index)),
    // A moment passes between the end of an hour and its push: its cell stays full until then.
    count: tally.countOf(node, (hours.at(-1)?.hour ?? hourOf(time) - 1) + 1),
    isRunning: agents.isRunning(name),
  }))
  return { time, rows, most: mostPerHour(LIVE_RULE), least: LIVE_RULE.least, pushed: hours.length }
}

function hourLine(members: readonly Member[], { hour, words, hash }: LiveHour, n: number): string {
  const online = new Set(indicesOf(words))
  const out = members.flatMap(({ name }, index) => (online.has(index) ? [] : [name]))
  const at = `hour ${String(n).padStart(2)} of ${HOURS_PER_CYCLE}  ${shownTime(startOfHour(hour))}`
  const who = out.length === 0 ? '' : `, without ${out.join(', ')}`
  const tx = hash === undefined ? '' : `  ${shortHash(hash)}`
  return `${at}  ${online.size} of ${members.length} online${who}${tx}`
}
