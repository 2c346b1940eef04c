// A node that lies, in a process of its own, until it is killed.
//   node liar-child.ts '{"kind", "url", "key", "victim"?}'
import { setTimeout as delay } from 'node:timers/promises'
import { Wallet } from 'ethers'
import WebSocket from 'ws'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { toJson } from '../../keeper/base/json.ts'
import type { TypedData } from '../../keeper/chain/keys/typed-data.ts'
import { encodeFrame } from '../../keeper/heartbeat/intake/frames.ts'
import type { HelloFacts, HelloFrame, ServerFrame } from '../../keeper/heartbeat/intake/frames.ts'
import { beatTyped, loginTyped, originOf } from '../../keeper/heartbeat/intake/login.ts'
import type { Beat } from '../../keeper/heartbeat/intake/login.ts'
import { parseHelloFacts, parseServerFrame } from '../../keeper/heartbeat/intake/server-frames.ts'

export interface LiarOrder {
  kind: 'impersonator' | 'flooder' | 'replayer' | 'dater' | 'hurrier'
  /** http://HOST:PORT */
  url: string
  key: string
  /** In whose name the impersonator logs in. */
  victim?: Address
  /** Its own network address: what it spoils there is nobody else's. */
  localAddress: string
}

const order = JSON.parse(process.argv[2] ?? '{}') as LiarOrder
const wallet = new Wallet(order.key)
const address = wallet.address as Address
const audience = originOf(order.url)
const STATUS = { cpuBps: 1, memoryBps: 1, diskBps: 1, height: 1n, version: 'liar' }

const LIES = {
  impersonator: () => again(impersonate, 500),
  flooder: () => again(flood, 1_000),
  replayer: replay,
  dater: dateAhead,
  hurrier: () => again(hurry, 1_000),
} satisfies Record<LiarOrder['kind'], () => Promise<void>>

/** Over and over: a session that is refused is opened again after a while. */
async function again(lie: (socket: WebSocket) => void, pauseMs: number): Promise<void> {
  for (;;) {
    const url = `${order.url.replace(/^http/, 'ws')}/v1/session`
    const socket = new WebSocket(url, { localAddress: order.localAddress })
    const closed = new Promise((done) => socket.once('close', done))
    socket.on('error', () => {})
    lie(socket)
    await closed
    await delay(pauseMs)
  }
}

/** As another node, with the key at hand. */
function impersonate(socket: WebSocket): void {
  hear(socket, (frame) => {
    if (frame.t === 'hello') logIn(socket, frame, order.victim ?? address)
  })
}

/** Pings without end, and statuses that nobody asked for. */
function flood(socket: WebSocket): void {
  hear(socket, (frame) => {
    if (frame.t === 'hello') logIn(socket, frame, address)
    if (frame.t !== 'welcome') return
    for (let n = 1; n <= 500; n += 1) {
      socket.send(encodeFrame({ t: 'status', n, ...STATUS }))
      socket.send(encodeFrame({ t: 'ping', n }))
    }
  })
}

/** Twice as fast as it was told, and each question answered: within the limits, but it wants two beats for one. */
function hurry(socket: WebSocket): void {
  let n = 0
  let timer: NodeJS.Timeout | undefined
  socket.once('close', () => clearInterval(timer))
  hear(socket, (frame) => {
    if (frame.t === 'hello') {
      logIn(socket, frame, address)
      timer = setInterval(() => {
        n += 1
        socket.send(encodeFrame({ t: 'ping', n }))
      }, frame.pingMs / 2)
    }
    if (frame.t === 'pong' && frame.ask) {
      socket.send(encodeFrame({ t: 'status', n: frame.n, ...STATUS }))
    }
  })
}

/** One true beat, and the same bytes for the rest of the day. */
async function replay(): Promise<void> {
  const body = await signedBeat(0)
  for (;;) {
    await post(body)
    await delay(300)
  }
}

// Two hours by the clock of the intake.
const AHEAD_MS = 7_200_000

/** Beats for hours in which it will not be there. */
async function dateAhead(): Promise<void> {
  for (;;) {
    await post(await signedBeat(AHEAD_MS))
    await delay(300)
  }
}

function hear(socket: WebSocket, take: (frame: ServerFrame) => void): void {
  socket.on('message', (data: Buffer) => take(parseServerFrame(data.toString())))
}

function logIn(socket: WebSocket, hello: HelloFrame, node: Address): void {
  const typed = loginTyped(hello, { node, audience, challenge: hello.challenge })
  void sign(typed).then((signature) =>
    socket.send(encodeFrame({ t: 'login', node, audience, signature })),
  )
}

async function signedBeat(aheadMs: number): Promise<string> {
  const hello = await readHello()
  const beat: Beat = { node: address, audience, at: hello.at + aheadMs, ...STATUS }
  return toJson({ ...beat, signature: await sign(beatTyped(hello, beat)) })
}

async function sign({ domain, types, value }: TypedData): Promise<Hex> {
  return (await wallet.signTypedData(domain, types, value)) as Hex
}

async function readHello(): Promise<HelloFacts> {
  for (;;) {
    try {
      return parseHelloFacts(await (await fetch(`${order.url}/v1/hello`)).json())
    } catch {
      await delay(300)
    }
  }
}

async function post(body: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  await fetch(`${order.url}/v1/beat`, { method: 'POST', headers, body }).catch(() => {})
}

await LIES[order.kind]()
