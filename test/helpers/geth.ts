// geth, which a test drives through its Engine API as a beacon client would: blocks come when they are
// wanted and have the time that is wanted. A second kind is its dev mode, which has its own will in both.
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Wallet, toQuantity } from 'ethers'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import type { TestNode } from './chain.ts'
import { KEYS } from './deploy.ts'
import type { ForeignNode, NodeOptions } from './foreign-nodes.ts'
import { HOST, clientWhenUp, endChild, freePort, stopChild } from './programs.ts'

const GETH_CHAIN_ID = 1337
const REQUEST_LIMIT_MS = 30_000
const FUNDS = 10_000n * 10n ** 18n
const ZERO_HASH = `0x${'0'.repeat(64)}`
const BLOCK_GAS_LIMIT = 60_000_000

const ADDRESSES = Object.values(KEYS).map((key) => new Wallet(key).address as Address)

/** Every fork up to Osaka from the first block on, and our accounts have coin. */
function genesisAt(unix: number): object {
  const blocks = ['homestead', 'eip150', 'eip155', 'eip158', 'byzantium', 'constantinople']
  const later = ['petersburg', 'istanbul', 'muirGlacier', 'berlin', 'london']
  const times = ['shanghai', 'cancun', 'prague', 'osaka']
  const blobs = { target: 6, max: 9, baseFeeUpdateFraction: 5_007_716 }
  return {
    config: {
      chainId: GETH_CHAIN_ID,
      ...Object.fromEntries([...blocks, ...later].map((fork) => [`${fork}Block`, 0])),
      ...Object.fromEntries(times.map((fork) => [`${fork}Time`, 0])),
      terminalTotalDifficulty: 0,
      blobSchedule: { cancun: blobs, prague: blobs, osaka: blobs },
    },
    timestamp: toQuantity(unix),
    gasLimit: toQuantity(BLOCK_GAS_LIMIT),
    difficulty: '0x0',
    baseFeePerGas: toQuantity(1_000_000_000),
    alloc: Object.fromEntries(ADDRESSES.map((one) => [one, { balance: toQuantity(FUNDS) }])),
  }
}

interface Home {
  program: string
  dir: string
  port: number
  enginePort: number
}

const QUIET = ['--ipcdisable', '--nodiscover', '--maxpeers', '0', '--port', '0', '--verbosity', '1']

function startGeth({ program, dir, port, enginePort }: Home): ChildProcess {
  const api = ['--http', '--http.port', String(port), '--http.api', 'eth,net,txpool,debug']
  const secret = ['--authrpc.port', String(enginePort), '--authrpc.jwtsecret', join(dir, 'jwt')]
  const store = ['--datadir', dir, '--syncmode', 'full', '--gcmode', 'archive']
  // What waits is not written down: a restart loses it, as a full pool loses what is cheap.
  const pool = ['--txpool.nolocals', '--txpool.journal', '']
  const flags = [...store, ...api, ...secret, ...pool, ...QUIET]
  return spawn(program, flags, { stdio: ['ignore', 'ignore', 'inherit'] })
}

export async function startGethEngine(
  program: string,
  { automine, unix = 1_700_000_000 }: NodeOptions,
): Promise<ForeignNode> {
  const dir = await mkdtemp(join(tmpdir(), 'muster-geth-'))
  const secret = randomBytes(32)
  await writeFile(join(dir, 'jwt'), secret.toString('hex'))
  await writeFile(join(dir, 'genesis.json'), JSON.stringify(genesisAt(unix)))
  const init = ['--verbosity', '0', 'init', '--datadir', dir, join(dir, 'genesis.json')]
  await promisify(execFile)(program, init)
  const home = { program, dir, port: await freePort(), enginePort: await freePort() }
  const url = `http://${HOST}:${home.port}`
  let child = startGeth(home)
  const client = await clientWhenUp(url, REQUEST_LIMIT_MS)
  const engine = driverOf(client.request, engineRequest(home.enginePort, secret))
  const stopMining = automine
    ? mineWhenAsked(client.request, engine)
    : async (): Promise<void> => {}
  return {
    url,
    client,
    request: withTime(client.request, engine),
    mine: async (blocks = 1) => {
      for (let i = 0; i < blocks; i += 1) await engine.seal()
    },
    drop: async () => {
      await stopChild(child)
      child = startGeth(home)
      await clientWhenUp(url, REQUEST_LIMIT_MS)
    },
    close: async () => {
      await stopMining()
      client.close()
      await endChild(child)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

type Request = TestNode['request']

const LOOK_MS = 10

interface Driver {
  seal(unix?: number): Promise<void>
}

interface Payload {
  blockHash: Hex
  transactions: Hex[]
}

// geth fills a block in the background, and the first filling takes a few milliseconds.
const FILL_MS = 60
// Its pool forgets what was mined in the background as well; with new transactions coming in, that is not seen.
const FORGET_LIMIT_MS = 500

/** The five steps by which a beacon client makes a block; what is sealed is final at once. */
function driverOf(request: Request, engine: Request): Driver {
  let tail: Promise<unknown> = Promise.resolve()
  const choose = (hash: Hex, attributes: object | null): Promise<{ payloadId: Hex }> => {
    const state = { headBlockHash: hash, safeBlockHash: hash, finalizedBlockHash: hash }
    return engine('engine_forkchoiceUpdatedV3', [state, attributes])
  }
  const pending = async (): Promise<number> =>
    Number((await request<{ pending: Hex }>('txpool_status')).pending)
  const forgotten = async (left: number): Promise<void> => {
    const limit = performance.now() + FORGET_LIMIT_MS
    while ((await pending()) > left && performance.now() < limit) await delay(LOOK_MS)
  }
  const seal = async (unix?: number): Promise<void> => {
    const before = await pending()
    const head = await request<{ hash: Hex; timestamp: Hex }>('eth_getBlockByNumber', [
      'latest',
      false,
    ])
    const { payloadId } = await choose(head.hash, {
      timestamp: toQuantity(unix ?? Number(head.timestamp) + 1),
      prevRandao: `0x${randomBytes(32).toString('hex')}`,
      suggestedFeeRecipient: `0x${'c'.repeat(40)}`,
      withdrawals: [],
      parentBeaconBlockRoot: ZERO_HASH,
    })
    await delay(FILL_MS)
    const built = await engine<{ executionPayload: Payload; executionRequests: Hex[] }>(
      'engine_getPayloadV5',
      [payloadId],
    )
    const { executionPayload, executionRequests } = built
    const block = [executionPayload, [], ZERO_HASH, executionRequests]
    const { status } = await engine<{ status: string }>('engine_newPayloadV4', block)
    if (status !== 'VALID') throw new Error(`geth calls its own block ${status}`)
    await choose(executionPayload.blockHash, null)
    await forgotten(before - executionPayload.transactions.length)
  }
  return {
    seal: (unix) => {
      const sealed = tail.then(() => seal(unix))
      tail = sealed.catch(() => {})
      return sealed
    },
  }
}

function engineRequest(port: number, secret: Buffer): Request {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (): string => {
    const claims = { iat: Math.floor(Date.now() / 1000) }
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
  }
  return async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    const answer = await fetch(`http://${HOST}:${port}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token()}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    const { result, error } = (await answer.json()) as { result: T; error?: { message: string } }
    if (error) throw new Error(`${method}: ${error.message}`)
    return result
  }
}

/** A block as soon as something waits that can be mined. */
function mineWhenAsked(request: Request, engine: Driver): () => Promise<void> {
  const off = new AbortController()
  const loop = async (): Promise<void> => {
    while (!off.signal.aborted) {
      const { pending } = await request<{ pending: Hex }>('txpool_status')
      if (Number(pending) > 0) await engine.seal()
      else await delay(LOOK_MS)
    }
  }
  const running = loop()
  return async () => {
    off.abort()
    await running
  }
}

/** The two methods by which tests move the clock of the other nodes. */
function withTime(request: Request, engine: Driver): Request {
  let next: number | undefined
  return async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    if (method === 'evm_setNextBlockTimestamp') next = params[0] as number
    else if (method === 'evm_mine') await engine.seal(next)
    else return request<T>(method, params)
    if (method === 'evm_mine') next = undefined
    return undefined as T
  }
}

/** Its clock is the machine's, and its blocks come by themselves. */
export async function startGethDev(program: string, periodSeconds: 0 | 1): Promise<ForeignNode> {
  const port = await freePort()
  const api = ['--http', '--http.port', String(port), '--http.api', 'eth,net,txpool']
  const dev = ['--dev', '--dev.period', String(periodSeconds), '--dev.gaslimit', '60000000']
  const flags = [...dev, ...api, '--authrpc.port', '0', ...QUIET]
  const child = spawn(program, flags, { stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://${HOST}:${port}`
  const client = await clientWhenUp(url, REQUEST_LIMIT_MS)
  const [from] = await client.request<[Address]>('eth_accounts')
  const value = toQuantity(FUNDS)
  for (const to of ADDRESSES) await client.request('eth_sendTransaction', [{ from, to, value }])
  for (const to of ADDRESSES) while ((await client.balanceOf(to)) === 0n) await delay(LOOK_MS)
  return {
    url,
    client,
    request: client.request,
    mine: () => delay(periodSeconds * 1_000 + 200),
    drop: () => Promise.reject(new Error('geth in dev mode cannot forget')),
    close: async () => {
      client.close()
      await endChild(child)
    },
  }
}
