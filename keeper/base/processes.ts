import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { toJson } from './json.ts'
import { isoTime } from './time.ts'
import type { Clock } from './time.ts'

/** A process of ours that works in this home now. */
export interface TrackedProcess {
  pid: number
  command: string
  /** ISO 8601. */
  startedAt: string
}

export const PROCESSES_FILE = 'processes.json'

const fileSchema = z.array(
  z.object({ pid: z.number().int().positive(), command: z.string(), startedAt: z.string() }),
)

// Two that write at the same moment may each miss the other's row; the one that misses its own writes again.
const MAX_WRITES = 5

/**
 * D-24: its row is in the home's processes.json until it ends, however it ends short of SIGKILL; what such a death
 * leaves is dropped by the next one. What is returned ends the tracking early.
 */
export function trackProcess(home: string, command: string, clock: Clock): () => void {
  const own = { pid: process.pid, command, startedAt: isoTime(clock.now()) }
  const isOwn = ({ pid }: TrackedProcess): boolean => pid === own.pid
  mkdirSync(home, { recursive: true })
  for (let tries = 0; tries < MAX_WRITES; tries += 1) {
    writeProcesses(home, [...aliveIn(home).filter((each) => !isOwn(each)), own])
    if (readProcesses(home).some(isOwn)) break
  }
  const remove = (): void => {
    process.off('exit', remove)
    removeOwn(home, isOwn)
  }
  process.once('exit', remove)
  return remove
}

/** As the file has them, also those that died; none where it cannot be read. */
export function readProcesses(home: string): TrackedProcess[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(join(home, PROCESSES_FILE), 'utf8')))
  } catch {
    // A file that somebody else wrote is no reason not to start: it is replaced.
    return []
  }
}

function aliveIn(home: string): TrackedProcess[] {
  return readProcesses(home).filter(({ pid }) => isAlive(pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The home may be gone before us, as a test's is; then nothing is left to remove. */
function removeOwn(home: string, isOwn: (each: TrackedProcess) => boolean): void {
  try {
    const others = aliveIn(home).filter((each) => !isOwn(each))
    if (others.length > 0) writeProcesses(home, others)
    else rmSync(join(home, PROCESSES_FILE), { force: true })
  } catch {
    return
  }
}

/** A reader sees the file before or the file after, never half of one. */
function writeProcesses(home: string, processes: readonly TrackedProcess[]): void {
  const file = join(home, PROCESSES_FILE)
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${toJson(processes)}\n`, { mode: 0o600 })
  renameSync(draft, file)
}
