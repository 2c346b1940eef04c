import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { KeeperError } from '../base/errors.ts'
import { waitFor } from '../base/retry.ts'
import { isoTime } from '../base/time.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'

/** A local chain in a process of its own, as an operator would start it. */
export interface ChainProcess {
  url: string
  pid: number
  /** Resolves when the process is gone: only then is its folder nobody's. */
  stop(): Promise<void>
}

// It is up in half a second; a busy machine may take ten times that.
const START_TIMEOUT_MS = 30_000
const POLL_MS = 50

export async function startChainProcess(
  dir: string,
  initialDate: UnixSeconds,
  clock: Clock,
): Promise<ChainProcess> {
  const log = join(dir, 'chain.log')
  const cli = resolve(import.meta.dirname, '../cli.ts')
  const args = ['chain', '--json', '--port', '0', '--block-every', '0']
  const where = ['--state', join(dir, 'chain'), '--initial-date', isoTime(initialDate)]
  const output = openSync(log, 'w')
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', cli, ...args, ...where],
    {
      // Its own group: with --keep it outlives us, and Ctrl-C reaches it only through us.
      detached: true,
      stdio: ['ignore', output, output],
    },
  )
  closeSync(output)
  const ended = new Promise<void>((done) => {
    child.once('exit', () => done())
    child.once('error', () => done())
  })
  const started = waitFor(async () => urlIn(log), {
    what: 'the local chain',
    timeoutMs: START_TIMEOUT_MS,
    clock,
    firstDelayMs: POLL_MS,
    maxDelayMs: POLL_MS,
    onTimeout: () => broken(log),
  })
  const stop = async (): Promise<void> => {
    child.ref()
    child.kill('SIGTERM')
    await ended
  }
  try {
    const url = await Promise.race([started, ended])
    if (url === undefined) throw broken(log)
    child.unref()
    return { url, pid: child.pid ?? 0, stop }
  } catch (error) {
    await stop()
    throw error
  } finally {
    // Whoever lost the race may still fail later.
    started.catch(() => {})
  }
}

function urlIn(log: string): string | undefined {
  const line = readFileSync(log, 'utf8')
    .split('\n')
    .find((text) => text.startsWith('{"url"'))
  return line === undefined ? undefined : (JSON.parse(line) as { url: string }).url
}

function broken(log: string): KeeperError {
  return new KeeperError('DEMO_WRONG', {
    faults: [`the chain did not start: ${readFileSync(log, 'utf8')}`],
  })
}
