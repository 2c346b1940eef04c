import { styleText } from 'node:util'
import { HOURS_PER_CYCLE } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import { shownTime } from './print.ts'

export interface BoardRow {
  name: string
  about: string
  /** The hours that are closed: was it one of his? */
  closed: readonly boolean[]
  /** Beats of the hour that runs. */
  count: number
  isRunning: boolean
}

export interface BoardFacts {
  time: UnixSeconds
  rows: readonly BoardRow[]
  /** Beats that fit into an hour, and how many of them make it. */
  most: number
  least: number
  pushed: number
}

type Paint = (colour: 'green' | 'red' | 'yellow' | 'dim', text: string) => string

const FILLED = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇']
const HOURS_OF_GROUP = 6
const NAME_WIDTH = 6

/** A row a validator, a cell an hour: █ was his, ░ was not, and the one that runs fills up. */
export function boardLines(facts: BoardFacts, paint: Paint = (_colour, text) => text): string[] {
  const { time, rows, most, least, pushed } = facts
  const now = rows[0]?.closed.length ?? 0
  const hour = Math.min(now + 1, HOURS_PER_CYCLE)
  return [
    `${shownTime(time)}  hour ${String(hour).padStart(2)} of ${HOURS_PER_CYCLE}  ` +
      `${String(pushed).padStart(2)} pushed  ${least} of ${most} beats make an hour`,
    '',
    ...rows.map((row) => rowLine(row, most, paint)),
  ]
}

function rowLine(row: BoardRow, most: number, paint: Paint): string {
  const { name, about, closed, count, isRunning } = row
  const hours = closed.filter(Boolean).length
  const isOver = closed.length >= HOURS_PER_CYCLE
  const state = isRunning ? paint('green', 'up  ') : paint('red', 'down')
  const beats = isOver ? '' : `${String(count).padStart(2)}/${most}`
  const parts = [name.padEnd(NAME_WIDTH), stripOf(row, most, paint), `${hours} h`.padStart(4)]
  return `  ${[...parts, state, beats.padStart(5), about].join('  ')}`.trimEnd()
}

export function stripOf(
  { closed, count }: Pick<BoardRow, 'closed' | 'count'>,
  most: number,
  paint: Paint = (_colour, text) => text,
): string {
  const cells = Array.from({ length: HOURS_PER_CYCLE }, (_, hour) => {
    const wasUp = closed[hour]
    if (wasUp !== undefined) return wasUp ? paint('green', '█') : paint('red', '░')
    if (hour > closed.length) return paint('dim', '·')
    const level = Math.min(FILLED.length - 1, Math.floor((count * FILLED.length) / most))
    return paint('yellow', FILLED[level] ?? ' ')
  })
  const groups = Array.from({ length: HOURS_PER_CYCLE / HOURS_OF_GROUP }, (_, group) =>
    cells.slice(group * HOURS_OF_GROUP, (group + 1) * HOURS_OF_GROUP).join(''),
  )
  return groups.join(' ')
}

export interface Board {
  draw(facts: BoardFacts): void
  stop(): void
}

// The rows are written to fit; where they do not, moving the cursor would only make a mess.
const MIN_COLUMNS = 80
const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
const CLEAR_LINE = '\u001b[2K'

/** On a terminal, drawn over and over in the same place; undefined where that is not possible. */
export function openBoard(stream: NodeJS.WriteStream): Board | undefined {
  if (!stream.isTTY || stream.columns < MIN_COLUMNS) return undefined
  let height = 0
  // Honours NO_COLOR.
  const paint: Paint = (colour, text) => styleText(colour, text, { stream })
  const showCursor = (): void => void stream.write(SHOW_CURSOR)
  process.once('exit', showCursor)
  stream.write(HIDE_CURSOR)
  return {
    draw: (facts) => {
      const lines = boardLines(facts, paint)
      const up = height === 0 ? '' : `\u001b[${height}A`
      stream.write(up + lines.map((line) => `${CLEAR_LINE}${line}\n`).join(''))
      height = lines.length
    },
    stop: () => {
      showCursor()
      process.off('exit', showCursor)
    },
  }
}
