// Nodes and other programs that a test starts in a process of their own.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { openChain } from '../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'

export const HOST = '127.0.0.1'
// A cold start on a machine that does other work: geth needs the most, a second on an idle one.
const START_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 5_000
const POLL_MS = 50

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => {
    server.listen(0, HOST, () => done())
  })
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** What the pattern finds in the first line that has it. */
export async function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  if (!child.stdout) throw new Error('its output is not piped')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const found = pattern.exec(line)?.[1]
    if (found !== undefined) return found
    lines.push(line)
  }
  throw new Error(`it ended before it said ${String(pattern)}:\n${lines.join('\n')}`)
}

/** A client of a node whose output does not tell when it listens. */
export async function clientWhenUp(rpcUrl: string, timeoutMs: number): Promise<ChainClient> {
  const limit = performance.now() + START_LIMIT_MS
  for (;;) {
    try {
      return await openChain({ rpcUrl, timeoutMs })
    } catch (error) {
      if (performance.now() > limit) throw error
    }
    await delay(POLL_MS)
  }
}

/** Asked to stop, then killed; resolves when it is gone. */
export async function stopChild(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await endChild(child, 'SIGTERM')
  clearTimeout(timer)
}

/** At once, for one whose state nobody needs. */
export async function endChild(
  child: ChildProcess,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}
