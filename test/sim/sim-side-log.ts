import type { Clock } from '../../keeper/base/time.ts'
import { formatLine, parseLine } from '../../keeper/chain/journal/side-log-lines.ts'
import type { SideLine, SideLines, SideLog } from '../../keeper/chain/journal/side-log.ts'
import type { Random } from './random.ts'
import type { SimProcess } from './sim-process.ts'

/** The second book as the lines of its file. What is signed is on the disk at once, the rest later. */
export interface SimSideLog {
  lines: string[]
  /** So many of them a loss of power cannot take. */
  synced: number
}

export function emptySideLog(): SimSideLog {
  return { lines: [], synced: 0 }
}

export function sideLogOf(process: SimProcess, log: SimSideLog, clock: Clock): SideLog {
  const write = (line: SideLine): void => {
    if (!process.isDead) log.lines.push(formatLine(line))
  }
  const writeDurably = (line: SideLine): Promise<void> =>
    process.through('log', async () => {
      write(line)
      log.synced = log.lines.length
    })
  write({ type: 'open', at: clock.now() })
  return {
    signed: (entry, head) => writeDurably({ type: 'signed', head, ...entry }),
    head: (head) => write({ type: 'head', head }),
    voided: (hash) => write({ type: 'void', hash }),
    restarted: (head, lost) => writeDurably({ type: 'restart', head, lost, at: clock.now() }),
    read: async () => ({
      lines: log.lines
        .map((text) => parseLine(text.trimEnd()))
        .filter((line) => line !== undefined),
      damaged: [],
    }),
    close: async () => {},
  }
}

export function readLines({ lines }: SimSideLog): SideLines {
  const parsed = lines.map((text) => parseLine(text.trimEnd()))
  return { lines: parsed.filter((line) => line !== undefined), damaged: [] }
}

/** What was not synced may be there or not, but nothing is there that comes after something lost. */
export function losePower(log: SimSideLog, random: Random): void {
  log.lines.splice(random.between(log.synced, log.lines.length))
}

export function goBack(log: SimSideLog, lines: number): void {
  log.lines.splice(lines)
  log.synced = Math.min(log.synced, lines)
}
