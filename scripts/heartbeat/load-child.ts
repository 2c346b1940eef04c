// The nodes, in a process of their own: each logs in with its own signature, pings at the pace that the intake
// tells it and answers its questions.
//   node load-child.ts '{"url", "nodes", "perAddress"}'       the rest over the channel: LoadCommand
import { createHistogram } from 'node:perf_hooks'
import { SigningKey } from 'ethers'
import WebSocket from 'ws'
import type { Address } from '../../keeper/base/schema.ts'
import { typedDigest } from '../../keeper/chain/keys/typed-data.ts'
import { ORIGIN_PING_MS, jittered, paceOf } from '../../keeper/heartbeat/agent/reconnect.ts'
import { encodeFrame } from '../../keeper/heartbeat/intake/frames.ts'
import type { HelloFrame, ServerFrame } from '../../keeper/heartbeat/intake/frames.ts'
import { loginTyped, originOf } from '../../keeper/heartbeat/intake/login.ts'
import { parseServerFrame } from '../../keeper/heartbeat/intake/server-frames.ts'
import { latencyOf, recordSince } from './latency.ts'
import type { LoadCommand, LoadFigures, LoadOrder } from './load.ts'
import { addressOf, keyOf } from './wallets.ts'

interface Node {
  index: number
  address: Address
  socket?: WebSocket
  isWelcome: boolean
  /** Tries since the last welcome. */
  attempt: number
  pings: number
  pingedAt: number
  statusAt: number
  timer?: NodeJS.Timeout
}

const order = JSON.parse(process.argv[2] ?? '{}') as LoadOrder
const audience = originOf(order.url)
const STATUS = { cpuBps: 1_234, memoryBps: 5_678, diskBps: 4_321, height: 7_654_321n, version: '1' }
// As long as an agent waits for a connection, and for its welcome.
const CONNECT_MS = 10_000
const ANSWER_MS = 20_000
// 127.0.0.2 and on: each stands for a network address of its own.
const FIRST_HOST = 2

const pongs = createHistogram()
const counts = createHistogram()
let tally = fresh()
let toldMs = ORIGIN_PING_MS
let hurriedMs: number | undefined
let welcomes = 0
let isStopping = false
let outage: { lostAt: number; backMs?: number } | undefined

const nodes = Array.from({ length: order.nodes }, (_, index): Node => {
  const idle = { isWelcome: false, attempt: 0, pings: 0, pingedAt: 0, statusAt: 0 }
  return { index, address: addressOf(index), ...idle }
})
process.on('message', (command: LoadCommand) => obey(command))
say({ type: 'ready' })

function fresh(): Pick<LoadFigures, 'pings' | 'counted' | 'uncounted' | 'lost' | 'refused'> {
  return { pings: 0, counted: 0, uncounted: 0, lost: 0, refused: {} }
}

function obey(command: LoadCommand): void {
  if (command.type === 'connect') nodes.forEach(connectSoon)
  else if (command.type === 'reset') reset()
  else if (command.type === 'figures') say({ type: 'figures', ...figures() })
  else if (command.type === 'pace') hurry(command.pingMs)
  else stop()
}

function hurry(pingMs: number): void {
  hurriedMs = pingMs
  nodes.forEach(keepPinging)
}

function reset(): void {
  tally = fresh()
  pongs.reset()
  counts.reset()
  outage = undefined
}

function figures(): LoadFigures {
  const { lostAt, backMs } = outage ?? {}
  const isOut = lostAt !== undefined
  return {
    ...tally,
    welcome: welcomes,
    pong: latencyOf(pongs),
    status: latencyOf(counts),
    ...(isOut && backMs !== undefined ? { reconnectMs: backMs } : {}),
  }
}

function stop(): void {
  isStopping = true
  for (const { socket, timer } of nodes) {
    clearInterval(timer)
    socket?.terminate()
  }
  process.disconnect()
}

/** As agents come back after a lost session: each at a moment of its own. */
function connectSoon(node: Node): void {
  const wait = jittered(node.attempt, paceOf(toldMs), Math.random())
  node.attempt += 1
  setTimeout(() => connect(node), wait)
}

function connect(node: Node): void {
  const host = FIRST_HOST + Math.floor(node.index / order.perAddress)
  const socket = new WebSocket(order.url, {
    localAddress: `127.0.0.${host}`,
    perMessageDeflate: false,
    handshakeTimeout: CONNECT_MS,
  })
  node.socket = socket
  node.timer = setTimeout(() => socket.terminate(), CONNECT_MS + ANSWER_MS)
  socket.on('message', (data: Buffer) => hear(node, parseServerFrame(data.toString())))
  // A close follows.
  socket.on('error', () => {})
  socket.on('close', () => drop(node))
}

function drop(node: Node): void {
  clearInterval(node.timer)
  if (isStopping) return
  if (node.isWelcome) {
    welcomes -= 1
    tally.lost += 1
    outage ??= { lostAt: performance.now() }
  }
  node.isWelcome = false
  connectSoon(node)
}

function hear(node: Node, frame: ServerFrame): void {
  if (frame.t === 'pong') {
    recordSince(pongs, node.pingedAt)
    if (frame.ask === true) tell(node, frame.n)
  } else if (frame.t === 'counted') {
    recordSince(counts, node.statusAt)
    if (frame.why === undefined) tally.counted += 1
    else tally.uncounted += 1
  } else if (frame.t === 'hello') {
    logIn(node, frame)
  } else if (frame.t === 'welcome') {
    welcome(node)
  } else if (frame.t === 'refused') {
    tally.refused[frame.code] = (tally.refused[frame.code] ?? 0) + 1
  }
}

function logIn({ index, address, socket }: Node, { pingMs, challenge, ...home }: HelloFrame): void {
  toldMs = pingMs
  const digest = typedDigest(loginTyped(home, { node: address, audience, challenge }))
  const signature = new SigningKey(keyOf(index)).sign(digest).serialized as `0x${string}`
  socket?.send(encodeFrame({ t: 'login', node: address, audience, signature }))
}

function welcome(node: Node): void {
  node.isWelcome = true
  node.attempt = 0
  welcomes += 1
  if (outage && welcomes === nodes.length) outage.backMs = performance.now() - outage.lostAt
  if (welcomes === nodes.length) say({ type: 'connected' })
  keepPinging(node)
}

function keepPinging(node: Node): void {
  clearInterval(node.timer)
  const every = hurriedMs ?? toldMs
  // Somewhere in the first interval, then regularly: ten thousand nodes are never in step.
  const first = Math.random() * every
  node.timer = setTimeout(() => {
    ping(node)
    node.timer = setInterval(() => ping(node), every)
  }, first)
}

function ping(node: Node): void {
  if (node.socket?.readyState !== WebSocket.OPEN) return
  node.pings += 1
  tally.pings += 1
  node.pingedAt = performance.now()
  node.socket.send(encodeFrame({ t: 'ping', n: node.pings }))
}

function tell(node: Node, n: number): void {
  node.statusAt = performance.now()
  node.socket?.send(encodeFrame({ t: 'status', n, ...STATUS }))
}

function say(message: object): void {
  process.send?.(message)
}
