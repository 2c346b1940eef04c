import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import type { Clock } from '../../base/time.ts'
import { formatLine, readFiles } from './side-log-lines.ts'
import type { SideLine, SideLines, SideLog } from './side-log.ts'

const datasync = promisify(fdatasync)

// About 4,000 transactions: a start reads two files of this size in a fraction of a second.
const MAX_SIDE_LOG_BYTES = 8 * 1024 * 1024
// With the one being written half a gigabyte: a quarter of a million transactions.
const MAX_OLD_FILES = 64
// What a power loss can take from the store was written within the last minutes: far less than two files.
const RECENT_FILES = 2

const CURRENT = 'signed.log'
const OLD = /^signed\.(\d+)\.log$/
const NEWLINE = 10

export interface SideLogOptions {
  /** The lines are in its subdirectory `journal`. */
  home: string
  clock: Clock
  maxBytes?: number
}

/** Appends to a file that several processes may share; durable where `SideLog` says so. */
export async function openSideLog(options: SideLogOptions): Promise<SideLog> {
  const dir = sideLogDir(options.home)
  const file = new LogFile(dir, options.clock, options.maxBytes ?? MAX_SIDE_LOG_BYTES)
  try {
    file.open()
  } catch (error) {
    throw file.failure(error)
  }
  return {
    signed: (entry, head) => file.appendDurably({ type: 'signed', head, ...entry }),
    head: (head) => file.appendIfPossible({ type: 'head', head }),
    voided: (hash) => file.appendIfPossible({ type: 'void', hash }),
    restarted: (head, lost) =>
      file.appendDurably({ type: 'restart', head, lost, at: options.clock.now() }),
    read: async (scope) => readSideLog(options.home, scope),
    close: async () => file.close(),
  }
}

/** Without opening it: also for a reader beside a running keeper. */
export function readSideLog(home: string, scope: 'recent' | 'all'): SideLines {
  const dir = sideLogDir(home)
  const files = [...oldFiles(dir), CURRENT]
  return readFiles(dir, scope === 'all' ? files : files.slice(-RECENT_FILES))
}

function sideLogDir(home: string): string {
  return join(home, 'journal')
}

/** Oldest first. */
function oldFiles(dir: string): string[] {
  const names = statSync(dir, { throwIfNoEntry: false }) ? readdirSync(dir) : []
  return names.filter((name) => OLD.test(name)).sort((a, b) => numberOf(a) - numberOf(b))
}

function numberOf(name: string): number {
  return Number(OLD.exec(name)?.[1] ?? 0)
}

class LogFile {
  readonly #dir: string
  readonly #path: string
  readonly #clock: Clock
  readonly #maxBytes: number
  #fd: number | undefined
  /** The last write did not end with a whole line. */
  #isTorn = false

  constructor(dir: string, clock: Clock, maxBytes: number) {
    this.#dir = dir
    this.#path = join(dir, CURRENT)
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  open(): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
    const flags = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR
    this.#fd = openSync(this.#path, flags, 0o600)
    this.#syncDirectory()
    this.#isTorn = !endsWithNewline(this.#fd)
    this.#write({ type: 'open', at: this.#clock.now() })
  }

  async appendDurably(line: SideLine): Promise<void> {
    try {
      this.#prepare()
      this.#write(line)
      await datasync(this.#fd ?? -1)
    } catch (error) {
      throw this.failure(error)
    }
  }

  /** The event is in the store already: a full disk is told by the next signed line. */
  appendIfPossible(line: SideLine): void {
    try {
      if (this.#fd !== undefined) this.#write(line)
    } catch {
      this.#isTorn = true
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  failure(error: unknown): KeeperError {
    if (isKeeperError(error)) return error
    const facts = { file: this.#path, reason: messageOf(error) }
    return new KeeperError('SIDE_LOG_FAILED', facts, error)
  }

  /** Another process may have put the file aside, or somebody may have removed it. */
  #prepare(): void {
    const there = statSync(this.#path, { throwIfNoEntry: false })
    const own = this.#fd === undefined ? undefined : fstatSync(this.#fd)
    if (!own || there?.ino !== own.ino) {
      this.close()
      this.open()
    } else if (own.size >= this.#maxBytes) {
      this.close()
      this.#putAside()
      this.open()
    }
  }

  #putAside(): void {
    const old = oldFiles(this.#dir)
    const next = numberOf(old.at(-1) ?? '') + 1
    renameSync(this.#path, join(this.#dir, `signed.${next}.log`))
    for (const name of old.slice(0, Math.max(0, old.length + 1 - MAX_OLD_FILES))) {
      rmSync(join(this.#dir, name), { force: true })
    }
  }

  #write(line: SideLine): void {
    // What is torn ends here, and an 'open' says that it was torn and not damaged later.
    const again: SideLine = { type: 'open', at: this.#clock.now() }
    const mended = this.#isTorn ? `\n${line.type === 'open' ? '' : formatLine(again)}` : ''
    const bytes = Buffer.from(mended + formatLine(line))
    this.#isTorn = true
    const written = writeSync(this.#fd ?? -1, bytes)
    if (written !== bytes.length) throw new KeeperError('SIDE_LOG_FAILED', this.#facts('disk full'))
    this.#isTorn = false
  }

  #facts(reason: string): { file: string; reason: string } {
    return { file: this.#path, reason }
  }

  #syncDirectory(): void {
    const fd = openSync(this.#dir, constants.O_RDONLY)
    fsyncSync(fd)
    closeSync(fd)
  }
}

function endsWithNewline(fd: number): boolean {
  const { size } = fstatSync(fd)
  if (size === 0) return true
  const last = Buffer.alloc(1)
  readSync(fd, last, 0, 1, size - 1)
  return last[0] === NEWLINE
}
