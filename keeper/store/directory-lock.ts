import { createHash } from 'node:crypto'
import { readFileSync, realpathSync, rmSync, utimesSync, writeFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { KeeperError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'

export interface DirectoryLock {
  release(): Promise<void>
}

interface Holder {
  pid: number
  host: string
}

// The holder touches its file this often …
const TOUCH_EVERY_MS = 5_000
// … and one from another host that was not touched for six turns belongs to a process that died.
const STALE_AFTER_MS = 30_000

const FILE = 'store.lock'

/**
 * Two guards. An abstract unix socket, which the kernel releases even after SIGKILL, holds within one
 * machine; a file with pid and host holds between containers that share the volume.
 */
export async function lockDirectory(dir: string, clock: Clock): Promise<DirectoryLock> {
  const real = realpathSync(dir)
  const socket = await listenOn(real)
  const file = join(real, FILE)
  try {
    refuseForeignHolder(file, dir, clock)
    writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname() }))
  } catch (error) {
    await closeServer(socket)
    throw error
  }
  return holdFile(file, socket, clock)
}

/** Removes what a dead holder left. STORE_LOCKED while it lives; false when there is nothing. */
export async function unlockDirectory(
  dir: string,
  clock: Clock,
  { dryRun = false } = {},
): Promise<boolean> {
  const file = join(dir, FILE)
  if (!statSync(file, { throwIfNoEntry: false })) return false
  if (dryRun) {
    await closeServer(await listenOn(realpathSync(dir)))
    refuseForeignHolder(file, dir, clock)
    return true
  }
  await (await lockDirectory(dir, clock)).release()
  return true
}

function holdFile(file: string, socket: Server | undefined, clock: Clock): DirectoryLock {
  const touch = setInterval(() => touchFile(file, clock), TOUCH_EVERY_MS)
  touch.unref()
  return {
    release: async () => {
      clearInterval(touch)
      rmSync(file, { force: true })
      await closeServer(socket)
    },
  }
}

// The file may vanish with a temporary directory while a test ends; the socket still holds.
function touchFile(file: string, clock: Clock): void {
  try {
    utimesSync(file, clock.now(), clock.now())
  } catch {
    return
  }
}

/** Linux alone has abstract sockets; elsewhere the file is the only guard. */
async function listenOn(dir: string): Promise<Server | undefined> {
  if (process.platform !== 'linux') return undefined
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 32)
  const server = createServer((client) => client.destroy())
  server.unref()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(`\0muster-store-${name}`, resolve)
    })
    return server
  } catch {
    throw locked(dir, readHolder(join(dir, FILE)))
  }
}

async function closeServer(server: Server | undefined): Promise<void> {
  if (!server) return
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
}

function refuseForeignHolder(file: string, dir: string, clock: Clock): void {
  const holder = readHolder(file)
  if (!holder) return
  const isHere = holder.host === hostname()
  const isHeld = isHere ? isOtherProcessAlive(holder.pid) : !isStale(file, clock)
  // On Linux the socket has just shown that nobody on this machine holds it: the pid was reused.
  if (isHeld && !(isHere && process.platform === 'linux')) throw locked(dir, holder)
}

function isOtherProcessAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function isStale(file: string, clock: Clock): boolean {
  return clock.nowMs() - statSync(file).mtimeMs > STALE_AFTER_MS
}

function readHolder(file: string): Holder | undefined {
  try {
    const { pid, host } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Holder>
    return typeof pid === 'number' && typeof host === 'string' ? { pid, host } : undefined
  } catch {
    return undefined
  }
}

function locked(dir: string, holder: Holder | undefined): KeeperError {
  return new KeeperError('STORE_LOCKED', {
    dir,
    pid: holder?.pid ?? 'unknown',
    host: holder?.host ?? hostname(),
  })
}
