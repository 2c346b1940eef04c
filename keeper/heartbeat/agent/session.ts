import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { KeeperError, messageOf } from '../../base/errors.ts'
import { systemClock } from '../../base/time.ts'
import { encodeFrame } from '../intake/frames.ts'
import type { ClientFrame, HelloFrame, ServerFrame, WelcomeFrame } from '../intake/frames.ts'
import { MAX_SERVER_FRAME, parseServerFrame } from '../intake/server-frames.ts'
import type { BeatingOptions } from './beating.ts'
import { refuseOtherChain, signLogin } from './node-key.ts'
import {
  Refusal,
  asKeeperError,
  notMuster,
  parseRefusal,
  printable,
  readAnswer,
} from './refusal.ts'
import type { Said } from './refusal.ts'

// TCP, TLS and the upgrade: three round trips; more than 10 s is no line to beat on.
const CONNECT_MS = 10_000
// The hello comes with the connection.
const HELLO_MS = 20_000
// An intake that was restarted checks 10,000 logins one after the other and gives up on none in 60 s. Who
// leaves before has made it work for nothing, and stands at the end of the queue again.
const WELCOME_MS = 90_000
// So many pings without any answer: the line is dead, whatever TCP says of it.
const SILENT_PINGS = 3
const LEAST_SILENCE_MS = 5_000
// The intake's words for a session that a newer login took over (close code 4001).
const CLOSED_REPLACED = 4_001
// What a close handshake may take before the socket is torn down.
const CLOSE_MS = 1_000
const MAX_REFUSAL_CHARS = 4_096

/** One session: resolves when it was asked to stop, rejects with the reason when it ended otherwise. */
export async function runSession(options: BeatingOptions): Promise<void> {
  const { intake, signal } = options
  if (signal.aborted) return
  const socket = new WebSocket(intake.session, {
    handshakeTimeout: CONNECT_MS,
    maxPayload: MAX_SERVER_FRAME,
    perMessageDeflate: false,
    followRedirects: false,
  })
  const session = new Session(socket, options)
  try {
    await session.ended
  } finally {
    session.release()
  }
}

class Session {
  readonly ended: Promise<void>
  readonly #socket: WebSocket
  readonly #options: BeatingOptions
  #end: (fault?: unknown) => void = () => {}
  #pinger: NodeJS.Timeout | undefined
  #watch: NodeJS.Timeout | undefined
  #hello: HelloFrame | undefined
  #isWelcome = false
  #heardMs = monotonicMs()
  #pings = 0

  constructor(socket: WebSocket, options: BeatingOptions) {
    this.#socket = socket
    this.#options = options
    this.ended = new Promise<void>((resolve, reject) => {
      this.#end = (fault) => (fault === undefined ? resolve() : reject(asKeeperError(fault)))
    })
    this.#await('the connection', CONNECT_MS + HELLO_MS)
    options.signal.addEventListener('abort', this.#onAbort)
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    socket.on('close', (code, reason) => this.#onClose(code, reason.toString()))
    socket.on('error', (error) => this.#end(this.#unreachable(messageOf(error))))
    socket.on('unexpected-response', (_request, response) => this.#onHttp(response))
  }

  release(): void {
    clearTimeout(this.#pinger)
    clearTimeout(this.#watch)
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    // What still comes belongs to a session that is over; faults are listened to until the socket is gone.
    this.#socket.removeAllListeners('message')
    this.#socket.close()
    setTimeout(() => this.#socket.terminate(), CLOSE_MS).unref()
  }

  readonly #onAbort = (): void => this.#end()

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#heardMs = monotonicMs()
    try {
      const { url } = this.#options.intake
      if (isBinary) throw notMuster(url, 'a binary frame')
      this.#on(readAnswer(() => parseServerFrame(data.toString()), url))
    } catch (error) {
      this.#end(error)
    }
  }

  #on(answer: ServerFrame): void {
    const { events } = this.#options
    switch (answer.t) {
      case 'hello':
        return void this.#login(answer).catch(this.#end)
      case 'welcome':
        return this.#onWelcome(answer)
      case 'pong':
        return answer.ask ? void this.#tellStatus(answer.n).catch(this.#end) : undefined
      case 'counted':
        return events.counted(answer)
      case 'receipt':
        return events.receipt(answer.receipt)
      case 'refused':
        throw this.#refusal(answer)
      default:
        answer satisfies never
    }
  }

  async #login(hello: HelloFrame): Promise<void> {
    const { intake, key, expected, events } = this.#options
    if (this.#hello !== undefined) throw notMuster(intake.url, 'a second hello')
    refuseOtherChain(hello, expected, intake)
    this.#hello = hello
    events.hello(hello)
    this.#await('the login', WELCOME_MS)
    this.#send(await signLogin(key, hello, intake))
  }

  #onWelcome(answer: WelcomeFrame): void {
    const hello = this.#hello
    if (hello === undefined || this.#isWelcome) {
      throw notMuster(this.#options.intake.url, 'a welcome out of turn')
    }
    this.#isWelcome = true
    clearTimeout(this.#watch)
    this.#options.events.welcome(answer)
    this.#ping(hello.pingMs, monotonicMs())
  }

  /** Due times are added up, not waits: a slow machine pings late, not seldom. */
  #ping(pingMs: number, dueMs: number): void {
    const now = monotonicMs()
    const silenceMs = now - this.#heardMs
    if (silenceMs > Math.max(LEAST_SILENCE_MS, pingMs * SILENT_PINGS)) {
      return this.#end(this.#silent('pings', silenceMs))
    }
    this.#pings += 1
    this.#send({ t: 'ping', n: this.#pings })
    // After a sleep of the machine the missed ones are gone: they are not made up for.
    const nextMs = Math.max(dueMs + pingMs, now)
    this.#pinger = setTimeout(() => this.#ping(pingMs, nextMs), nextMs - now)
  }

  async #tellStatus(n: number): Promise<void> {
    this.#send({ t: 'status', n, ...(await this.#options.status()) })
  }

  #send(frame: ClientFrame): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(encodeFrame(frame))
  }

  #await(what: string, ms: number): void {
    clearTimeout(this.#watch)
    this.#watch = setTimeout(() => this.#end(this.#silent(what, ms)), ms)
  }

  #onClose(code: number, reason: string): void {
    const { intake, key } = this.#options
    if (code === CLOSED_REPLACED) {
      return this.#end(
        new KeeperError('SESSION_REPLACED', { node: key.address, origin: intake.url }),
      )
    }
    this.#end(this.#unreachable(`it closed the session (${code} ${printable(reason)})`))
  }

  /** A standby or a full intake says so by HTTP, in place of the upgrade. */
  #onHttp(response: IncomingMessage): void {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => (text = `${text}${chunk}`.slice(0, MAX_REFUSAL_CHARS)))
    response.once('end', () => {
      const refusal = parseRefusal(text)
      const status = response.statusCode ?? 0
      this.#end(refusal ? this.#refusal(refusal) : this.#unreachable(`HTTP ${status}`))
    })
    response.once('error', (error) => this.#end(this.#unreachable(messageOf(error))))
  }

  #refusal(said: Said): Refusal {
    const { intake, key } = this.#options
    const { chainId, registry } = this.#hello ?? {}
    return new Refusal(said, { origin: intake.url, node: key.address, chainId, registry })
  }

  #unreachable(reason: string): KeeperError {
    return new KeeperError('INTAKE_UNREACHABLE', { origin: this.#options.intake.url, reason })
  }

  #silent(what: string, ms: number): KeeperError {
    return this.#unreachable(`no answer to ${what} for ${Math.round(ms)} ms`)
  }
}

function monotonicMs(): number {
  return systemClock.monotonicMs?.() ?? systemClock.nowMs()
}
