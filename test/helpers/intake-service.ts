import { once } from 'node:events'
import type { Wallet } from 'ethers'
import WebSocket from 'ws'
import type { ClientOptions } from 'ws'
import { logAlerts } from '../../keeper/base/alerts.ts'
import type { Address } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { Clock, UnixSeconds } from '../../keeper/base/time.ts'
import { startIntakeService } from '../../keeper/api/intake/service.ts'
import type { IntakeService, IntakeServiceOptions } from '../../keeper/api/intake/service.ts'
import type { Config } from '../../keeper/config.ts'
import { beatTyped, loginTyped } from '../../keeper/heartbeat/intake/login.ts'
import type { HelloFrame, ServerFrame } from '../../keeper/heartbeat/intake/frames.ts'
import { parseServerFrame } from '../../keeper/heartbeat/intake/server-frames.ts'
import { closeKeeper } from '../../keeper/keeper.ts'
import type { Keeper } from '../../keeper/keeper.ts'
import { STATUS, nodeKey, signed } from './intake-desk.ts'
import type { World } from './muster.ts'
import { createWorld } from './muster.ts'
import { testLog } from './logs.ts'

/** Members whose keys the tests have: node n beats with nodeKey(n). */
export function keyedMembers(count: number): { node: string; fund: string }[] {
  return Array.from({ length: count }, (_, index) => {
    const { address } = nodeKey(index)
    return { node: address, fund: address }
  })
}

/** The machine's time, moved to that moment. */
export function shiftedClock(shows: UnixSeconds): Clock {
  const shiftMs = shows * 1_000 - systemClock.nowMs()
  return {
    ...systemClock,
    now: () => Math.floor((systemClock.nowMs() + shiftMs) / 1_000),
    nowMs: () => systemClock.nowMs() + shiftMs,
  }
}

/** An intake on a free port of its own, before a chain with those nodes on its roster. */
export interface Bench {
  world: World
  keeper: Keeper
  service: IntakeService
  /** http://127.0.0.1:port */
  url: string
  close(): Promise<void>
}

export interface BenchOptions extends Partial<IntakeServiceOptions> {
  nodes?: number
  /** What the intake's clock shows at first. */
  at: UnixSeconds
  config?: Partial<Config>
}

export async function openBench(options: BenchOptions): Promise<Bench> {
  const { nodes = 3, at, config = {}, ...rest } = options
  const world = await createWorld({ members: keyedMembers(nodes), pool: 0n })
  await world.moveTo(at)
  const clock = rest.clock ?? shiftedClock(at)
  const keeper = await world.open({ clock })
  const service = await startIntakeService(
    { ...keeper, config: { ...keeper.config, intakePort: 0, ...config } },
    { alerts: logAlerts(testLog, systemClock), ...rest, clock },
  )
  const scheme = config.intakeTlsCert === undefined ? 'http' : 'https'
  const close = async (): Promise<void> => {
    await service.close()
    await closeKeeper(keeper)
    await world.close()
  }
  return { world, keeper, service, url: `${scheme}://127.0.0.1:${service.port}`, close }
}

/** A connection of a node, as a node in the wild has it. */
export interface WireNode {
  readonly ws: WebSocket
  /** What came, oldest first. */
  readonly heard: ServerFrame[]
  /** The code and reason of the end, once it is there. */
  readonly closed: Promise<{ code: number; reason: string }>
  send(frame: object | string | Buffer): void
  /** The next frame of that kind that has not been asked for yet. */
  next<Kind extends ServerFrame['t']>(kind: Kind): Promise<Extract<ServerFrame, { t: Kind }>>
  login(wallet: Wallet, audience?: string): Promise<Extract<ServerFrame, { t: 'welcome' }>>
  /** Pings until a status is asked for, and answers: what was counted. */
  beat(): Promise<Extract<ServerFrame, { t: 'counted' }>>
  end(): void
}

const PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 5
const MOST_PINGS = 10

export async function connectNode(url: string, options: ClientOptions = {}): Promise<WireNode> {
  const ws = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/session`, {
    perMessageDeflate: false,
    ...options,
  })
  const heard: ServerFrame[] = []
  const asked = new Map<string, number>()
  ws.on('message', (data: Buffer) => void heard.push(parseServerFrame(data.toString())))
  ws.on('error', () => {})
  const closed = once(ws, 'close').then(([code, reason]) => ({
    code: code as number,
    reason: String(reason),
  }))
  await Promise.race([once(ws, 'open'), closed])
  let pings = 0

  const send: WireNode['send'] = (frame) => {
    const isRaw = typeof frame === 'string' || Buffer.isBuffer(frame)
    ws.send(isRaw ? frame : JSON.stringify(frame))
  }
  const next: WireNode['next'] = async (kind) => {
    const from = asked.get(kind) ?? 0
    const end = systemClock.nowMs() + PATIENCE_MS
    while (systemClock.nowMs() < end) {
      const found = heard.filter(({ t }) => t === kind)[from]
      if (found) {
        asked.set(kind, from + 1)
        return found as never
      }
      await systemClock.sleep(LOOK_EVERY_MS)
    }
    throw new Error(`no ${kind} came: ${heard.map(({ t }) => t).join(', ')}`)
  }
  return {
    ws,
    heard,
    closed,
    send,
    next,
    login: async (wallet, audience = new URL(url).origin) => {
      send(await loginFrameOf(await next('hello'), wallet, audience))
      return next('welcome')
    },
    beat: async () => {
      for (let i = 0; i < MOST_PINGS; i += 1) {
        pings += 1
        send({ t: 'ping', n: pings })
        const pong = await next('pong')
        if (!pong.ask) continue
        send({ t: 'status', n: pings, ...STATUS, height: '9' })
        return next('counted')
      }
      throw new Error('no ping was followed by a question')
    },
    end: () => ws.terminate(),
  }
}

async function loginFrameOf(
  { chainId, registry, challenge }: HelloFrame,
  wallet: Wallet,
  audience: string,
): Promise<object> {
  const node = wallet.address as Address
  const typed = loginTyped({ chainId, registry }, { node, audience, challenge })
  return { t: 'login', node, audience, signature: await signed(wallet, typed) }
}

export interface Posted {
  status: number
  json: { hour?: number; count?: number; error?: { code: string; message: string } }
}

/** A single signed beat by HTTP. */
export async function postBeat(
  { url, keeper, service }: Bench,
  wallet: Wallet,
  changes: { at?: number; audience?: string } = {},
): Promise<Posted> {
  const { chainId } = keeper.client
  const { registry } = keeper.contracts.deployment
  const beat = {
    node: wallet.address as Address,
    audience: service.url,
    at: keeper.clock.nowMs(),
    ...STATUS,
    ...changes,
  }
  const signature = await signed(wallet, beatTyped({ chainId, registry }, beat))
  return post(url, JSON.stringify({ ...beat, height: beat.height.toString(), signature }))
}

export async function post(url: string, body: string): Promise<Posted> {
  const response = await fetch(`${url}/v1/beat`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  return { status: response.status, json: (await response.json()) as Posted['json'] }
}
