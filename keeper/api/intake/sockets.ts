import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import type { ErrorCode } from '../../base/error-catalogue.ts'
import { describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { systemClock } from '../../base/time.ts'
import type { Intake } from '../../heartbeat/intake/intake.ts'
import { MAX_CLIENT_FRAME } from '../../heartbeat/intake/frames.ts'
import type { Peer } from '../../heartbeat/intake/session.ts'

/** The sessions' sockets: frames in and out, and nothing about what they mean. */
export interface Sockets {
  take(request: IncomingMessage, socket: Duplex, head: Buffer, seat: Seat): void
  /** Every session ends with that code; resolves when their sockets are gone. */
  endAll(code: number, reason: string): Promise<void>
  close(): void
}

export interface Seat {
  address: string
  intake: Intake
}

export interface SocketsOptions {
  log: Logger
  /** What is refused below the frames: it never reaches a session. */
  onRefused(code: ErrorCode): void
}

// Twice the longest frame: what lies between is refused by name, what is longer is not even read.
const MAX_MESSAGE_BYTES = 2 * MAX_CLIENT_FRAME
// Nobody has to send a frame of 2 KB in pieces; each piece costs a buffer until the last one is there.
const MAX_PIECES = 16
// A node that does not read its answers: some thousand pongs, then its memory is ours no more.
const MAX_UNSENT_BYTES = 64 * 1024
// The other side has this long to agree to the end of a session; afterwards there is only the socket's.
const CLOSE_TIMEOUT_MS = 2_000
// A node that pings every 5 ms sends 20 KB a second. Frames are limited by the session, one by one; this
// also stops floods of what never becomes a frame (control frames, pieces).
const SWEEP_MS = 1_000
const MAX_BYTES_A_SWEEP = 128 * 1024
const LIMITS = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  maxFragments: MAX_PIECES,
  maxBufferedChunks: MAX_PIECES,
  closeTimeout: CLOSE_TIMEOUT_MS,
} as const
// Stands for a binary message, which no frame is: the session refuses it in its own words.
const BINARY = '(binary)'

export function openSockets({ log, onRefused }: SocketsOptions): Sockets {
  const server = new WebSocketServer(LIMITS)
  const open = new Map<WebSocket, Traffic>()
  const stop = new AbortController()

  function seat(ws: WebSocket, socket: Socket, { address, intake }: Seat): void {
    open.set(ws, { socket, bytes: socket.bytesRead })
    const session = intake.open(peerOf(ws, address))
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      session.receive(isBinary ? BINARY : data.toString())
    })
    ws.on('error', (error: NodeJS.ErrnoException) => onRefused(codeOf(error)))
    ws.on('close', () => {
      open.delete(ws)
      session.ended()
    })
  }

  void sweepOften(open, stop.signal, (ws) => {
    onRefused('RATE_LIMITED')
    ws.terminate()
  }).catch((error: unknown) => log.error(describe(error), 'intake-sweep-failed'))

  return {
    take: (request, socket, head, given) => {
      server.handleUpgrade(request, socket, head, (ws) => seat(ws, socket as Socket, given))
    },
    endAll: async (code, reason) => {
      const all = [...open.keys()]
      const ended = all.map((ws) => new Promise((done) => ws.once('close', done)))
      for (const ws of all) ws.close(code, reason)
      await Promise.all(ended)
    },
    close: () => stop.abort(),
  }
}

function peerOf(ws: WebSocket, address: string): Peer {
  return {
    address,
    send: (text) => {
      if (ws.bufferedAmount > MAX_UNSENT_BYTES) ws.terminate()
      else ws.send(text)
    },
    close: (code, reason) => ws.close(code, reason),
  }
}

/** ws has closed the connection with the code of the protocol by then (1002, 1007, 1008, 1009). */
function codeOf({ code }: NodeJS.ErrnoException): ErrorCode {
  const isLong = code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
  return isLong ? 'FRAME_TOO_LARGE' : 'FRAME_INVALID'
}

interface Traffic {
  socket: Socket
  bytes: number
}

async function sweepOften(
  open: ReadonlyMap<WebSocket, Traffic>,
  signal: AbortSignal,
  end: (ws: WebSocket) => void,
): Promise<void> {
  while (!signal.aborted) {
    for (const [ws, traffic] of open) {
      const { bytesRead } = traffic.socket
      if (bytesRead - traffic.bytes > MAX_BYTES_A_SWEEP) end(ws)
      traffic.bytes = bytesRead
    }
    await systemClock.sleep(SWEEP_MS, signal).catch(() => {})
  }
}
