import { createHash } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { KeeperError, describe, isKeeperError } from '../base/errors.ts'
import type { ErrorDescription } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import type { Logger } from '../base/log.ts'
import { parseWith } from '../base/schema.ts'

/** What a command asks of the running keeper: its name and flags, as the command line had them. */
export interface ControlRequest {
  name: string
  args: string[]
  options: Record<string, unknown>
}

export interface ControlAnswer {
  json: unknown
  lines: string[]
  exitCode?: number
}

export interface Control {
  readonly path: string
  close(): Promise<void>
}

// A command line with a few ids; the answer may list a journal.
const MAX_REQUEST_BYTES = 64 * 1024
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
// On one machine: whoever connects and says nothing is let go.
const REQUEST_DEADLINE_MS = 5_000
// The kernel's sun_path holds 108 bytes.
const MAX_PATH = 100

/** In the home, or for a home of a long name in the system's folder for temporary files. */
export function controlPath(home: string): string {
  const path = join(resolve(home), 'keeper.sock')
  if (Buffer.byteLength(path) <= MAX_PATH) return path
  const name = createHash('sha256').update(path).digest('hex').slice(0, 24)
  return join(tmpdir(), `muster-${name}.sock`)
}

/**
 * A unix socket that only this user may open: who can read the keys' files may give orders. One request a
 * connection, a line of JSON each way. The socket of a process that was killed is replaced.
 */
export async function startControl(
  home: string,
  log: Logger,
  handle: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<Control> {
  const path = controlPath(home)
  rmSync(path, { force: true })
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    answer(socket, handle).catch((error: unknown) => {
      log.warn(describe(error), 'control-failed')
      socket.destroy()
    })
  })
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen(path, done)
  })
  chmodSync(path, 0o600)
  server.unref()
  const close = async (): Promise<void> => {
    // An answer that is due still gets out; an order that never ends does not hold up the end.
    for (const socket of open) socket.setTimeout(REQUEST_DEADLINE_MS)
    await new Promise<void>((done) => {
      server.close(() => done())
    })
    rmSync(path, { force: true })
  }
  return { path, close }
}

type Reply = { report: ControlAnswer } | { error: ErrorDescription }

async function answer(
  socket: Socket,
  handle: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<void> {
  let reply: Reply
  try {
    socket.setTimeout(REQUEST_DEADLINE_MS, () => socket.destroy())
    const request = requestOf(await readAll(socket, MAX_REQUEST_BYTES))
    socket.setTimeout(0)
    reply = { report: await handle(request) }
  } catch (error) {
    reply = { error: describe(error) }
  }
  // Whoever does not read the answer must not keep the keeper from closing.
  socket.setTimeout(REQUEST_DEADLINE_MS)
  socket.resume().end(toJson(reply))
}

const requestSchema = z.object({
  name: z.string(),
  args: z.array(z.string()),
  options: z.record(z.string(), z.unknown()),
})

function requestOf(text: string): ControlRequest {
  return parseWith(requestSchema, jsonOf(text), 'request')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Undefined: no keeper runs for this home. Throws what the keeper threw, with its code and facts. */
export async function askKeeper(
  home: string,
  request: ControlRequest,
  signal: AbortSignal,
): Promise<ControlAnswer | undefined> {
  const socket = await connect(controlPath(home))
  if (!socket) return undefined
  if (signal.aborted) socket.destroy()
  signal.throwIfAborted()
  const stop = (): void => void socket.destroy(signal.reason as Error)
  signal.addEventListener('abort', stop, { once: true })
  try {
    socket.end(JSON.stringify(request))
    const reply = await readReply(socket, signal)
    if ('error' in reply) throw new KeeperError(reply.error.code, reply.error.facts)
    return reply.report
  } finally {
    signal.removeEventListener('abort', stop)
    socket.destroy()
  }
}

/** A line that breaks, or an answer that breaks off, is a keeper that went away. */
async function readReply(socket: Socket, signal: AbortSignal): Promise<Reply> {
  try {
    const reply = jsonOf(await readAll(socket, MAX_ANSWER_BYTES)) as Reply | undefined
    if (reply !== undefined) return reply
  } catch (error) {
    signal.throwIfAborted()
    if (isKeeperError(error)) throw error
  }
  throw new KeeperError('CONTROL_CLOSED', {})
}

/** Undefined: nobody listens there. */
async function connect(path: string): Promise<Socket | undefined> {
  return new Promise((done) => {
    const socket = createConnection({ path, allowHalfOpen: true })
    socket.once('connect', () => done(socket))
    socket.once('error', () => done(undefined))
  })
}

async function readAll(socket: Socket, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  // Refused half-way, the socket must live on: it still has to carry the refusal.
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > limit) throw new KeeperError('CONTROL_TOO_LONG', { limit })
    chunks.push(bytes)
  }
  if (size === 0) throw new KeeperError('CONTROL_CLOSED', {})
  return Buffer.concat(chunks).toString('utf8')
}
