import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../keeper/base/time.ts'
import type { DaemonOrder } from './daemon-child.ts'

const CHILD = fileURLToPath(new URL('./daemon-child.ts', import.meta.url))
const PATIENCE_MS = 60_000
const LOOK_EVERY_MS = 10

export interface LogLine {
  time: string
  event: string
  [fact: string]: unknown
}

/** A keeper in a process of its own, seen through its log. */
export interface Daemon {
  kill(signal: NodeJS.Signals): void
  /** Exit code and signal. */
  ended: Promise<[number | null, NodeJS.Signals | null]>
  lines(): Promise<LogLine[]>
  /** The n-th line with that event, as soon as it is there: the process writes each before it goes on. */
  says(event: string, times?: number): Promise<LogLine>
}

export function startDaemon(order: DaemonOrder): Daemon {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], { stdio: 'ignore' })
  const ended = once(child, 'exit') as Daemon['ended']
  const lines = async (): Promise<LogLine[]> => {
    const text = await readFile(order.logFile, 'utf8').catch(() => '')
    const whole = text.split('\n').slice(0, -1)
    return whole.map((line) => JSON.parse(line) as LogLine)
  }
  const says = async (event: string, times = 1): Promise<LogLine> => {
    const end = systemClock.nowMs() + PATIENCE_MS
    while (systemClock.nowMs() < end) {
      const found = (await lines()).filter(({ event: said }) => said === event)[times - 1]
      if (found) return found
      await systemClock.sleep(LOOK_EVERY_MS)
    }
    const said = (await lines()).map(({ event: said }) => said)
    throw new Error(`no ${event} in the log: ${said.join(', ')}`)
  }
  return { kill: (signal) => void child.kill(signal), ended, lines, says }
}
