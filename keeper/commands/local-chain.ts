import { mkdirSync, rmSync, truncateSync, readFileSync, existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { createHardhatRuntimeEnvironment } from 'hardhat/hre'
import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'
import { KeeperError, ensure, messageOf } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'
import { isoTime } from '../base/time.ts'
import { lockDirectory } from '../store/directory-lock.ts'
import type { ChainFile, ChainStep, StoredBlock } from './chain-file.ts'
import { openChainFile, readChainFile } from './chain-file.ts'
import { createRecorder, quantity } from './chain-recorder.ts'
import type { Head, Request, RpcBlock } from './chain-recorder.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'

// The budget of a block on Ethereum since 2025.
const BLOCK_GAS_LIMIT = 60_000_000n
const HOST = '127.0.0.1'

export interface LocalChainOptions {
  /** 0: any free port. */
  port: number
  /** Directory that keeps the chain; undefined: it lives in memory only. */
  stateDir?: string | undefined
  /** Time of the first block, for a new chain; undefined: now. */
  initialDate?: UnixSeconds | undefined
  clock: Clock
  onReplay?: (done: number, total: number) => void
}

export interface LocalChain {
  url: string
  /** Blocks taken over from the state directory. */
  replayed: number
  head: Head
  /** Mines an empty block when the last one is older than that. */
  tick(seconds: number): Promise<void>
  close(): Promise<void>
}

/**
 * Hardhat's JSON-RPC server in this process. With a state directory every block is written down with
 * its raw transactions before the caller is answered, and a restart mines the same blocks again.
 */
export async function startLocalChain(options: LocalChainOptions): Promise<LocalChain> {
  await requireFreePort(options.port)
  const { stateDir, clock } = options
  if (stateDir !== undefined) makeStateDir(stateDir)
  const lock = stateDir === undefined ? undefined : await lockDirectory(stateDir, clock)
  try {
    const chain = await openChain(options)
    const server = await chain.hre.network.createServer({ network: 'local' }, HOST, options.port)
    const replayed = await chain.restore()
    const { port } = await server.listen()
    return {
      url: `http://${HOST}:${port}`,
      replayed,
      head: await chain.head(),
      tick: (seconds) => chain.tick(seconds),
      close: async () => {
        await server.close()
        chain.file?.close()
        await lock?.release()
      },
    }
  } catch (error) {
    await lock?.release()
    throw error
  }
}

function makeStateDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true })
  } catch (error) {
    throw new KeeperError('CHAIN_STATE_BROKEN', { file: dir, reason: messageOf(error) })
  }
}

export function stateFileOf(stateDir: string): string {
  return join(stateDir, 'chain.jsonl')
}

export function resetLocalChain(stateDir: string): void {
  rmSync(stateFileOf(stateDir), { force: true })
}

/** Hardhat's server crashes on a busy port; asked before, it is an error of ours. */
async function requireFreePort(port: number): Promise<void> {
  const probe = createServer()
  try {
    await new Promise<void>((done, failed) => {
      probe.once('error', failed)
      probe.listen(port, HOST, done)
    })
    await new Promise<void>((done) => {
      probe.close(() => done())
    })
  } catch (error) {
    throw new KeeperError('PORT_BUSY', { port, reason: messageOf(error) })
  }
}

interface OpenChain {
  hre: HardhatRuntimeEnvironment
  file: ChainFile | undefined
  restore(): Promise<number>
  head(): Promise<Head>
  tick(seconds: number): Promise<void>
}

async function openChain(options: LocalChainOptions): Promise<OpenChain> {
  const path = options.stateDir === undefined ? undefined : stateFileOf(options.stateDir)
  if (path !== undefined) cutTornLine(path)
  const stored = path === undefined ? undefined : readChainFile(path)
  const hre = await hardhat(stored?.genesis.timestamp ?? options.initialDate ?? options.clock.now())
  const recorder = createRecorder(options.clock)
  hre.hooks.registerHandlers('network', recorder.hooks)
  return {
    hre,
    get file() {
      return recorder.file
    },
    head: () => recorder.head(),
    tick: (seconds) => recorder.tick(seconds),
    restore: async () => {
      if (path === undefined) return 0
      const genesis = await recorder.block(0)
      if (stored === undefined) {
        const first = { chainId: LOCAL_CHAIN_ID, timestamp: genesis.timestamp, hash: genesis.hash }
        recorder.start(openChainFile(path), 0, first)
        return 0
      }
      requireSame(path, 0, stored.genesis.hash, genesis.hash)
      const blocks = await replay(recorder.request, stored.steps, path, options)
      recorder.start(openChainFile(path), blocks)
      return blocks
    },
  }
}

/** A torn last line would otherwise be glued to the next one. */
function cutTornLine(path: string): void {
  if (!existsSync(path)) return
  const bytes = readFileSync(path)
  const end = bytes.lastIndexOf(0x0a) + 1
  if (end < bytes.length) truncateSync(path, end)
}

async function hardhat(genesis: UnixSeconds): Promise<HardhatRuntimeEnvironment> {
  const local = {
    type: 'edr-simulated' as const,
    chainType: 'l1' as const,
    hardfork: 'osaka',
    chainId: LOCAL_CHAIN_ID,
    blockGasLimit: BLOCK_GAS_LIMIT,
    initialDate: isoTime(genesis),
  }
  const root = resolve(import.meta.dirname, '../..')
  return createHardhatRuntimeEnvironment({ networks: { local } }, {}, root)
}

/** Mines the stored blocks again, each at its time and with its randomness: the hashes must agree. */
async function replay(
  request: Request,
  steps: ChainStep[],
  path: string,
  { clock, onReplay }: LocalChainOptions,
): Promise<number> {
  let last: StoredBlock | undefined
  await request('evm_setAutomine', [false])
  for (const [index, step] of steps.entries()) {
    if ('call' in step) {
      await request(step.call.method, step.call.params)
      continue
    }
    last = step.block
    await mineAgain(request, last, path)
    onReplay?.(index + 1, steps.length)
  }
  await request('evm_setAutomine', [true])
  if (last === undefined) return 0
  // The chain's clock went on while it was down; Hardhat set it to the last block.
  const goal = last.timestamp + Math.max(0, clock.now() - last.wall)
  await request('evm_increaseTime', [Math.max(0, goal - last.timestamp)])
  return last.number
}

async function mineAgain(request: Request, block: StoredBlock, path: string): Promise<void> {
  for (const raw of block.transactions) await request('eth_sendRawTransaction', [raw])
  await request('hardhat_setPrevRandao', [block.prevRandao])
  await request('evm_setNextBlockTimestamp', [block.timestamp])
  await request('evm_mine')
  const mined = await request<RpcBlock>('eth_getBlockByNumber', [quantity(block.number), false])
  requireSame(path, block.number, block.hash, mined.hash)
}

function requireSame(file: string, number: number, expected: Hex, found: Hex): void {
  ensure(expected === found, 'CHAIN_STATE_DIVERGED', { file, number, expected, found })
}
