import { mkdtemp, rm } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import hre from 'hardhat'
import { Wallet, getAddress } from 'ethers'
import type { Address, Finality } from '../../keeper/base/schema.ts'
import { hourOf, hoursOf, startOfHour } from '../../keeper/base/time.ts'
import { openChain } from '../../keeper/chain/rpc/client.ts'
import { writeDeployment } from '../../keeper/chain/contracts.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { loadConfig } from '../../keeper/config.ts'
import type { Config } from '../../keeper/config.ts'
import { closeKeeper, openKeeper } from '../../keeper/keeper.ts'
import type { Keeper, KeeperDeps } from '../../keeper/keeper.ts'
import { pushHour } from '../../keeper/heartbeat/snapshot.ts'
import { toWords } from '../../keeper/heartbeat/words.ts'
import { withToken } from './canaries.ts'
import type { TestNode } from './chain.ts'
import { KEYS, deployMuster } from './deploy.ts'
import type { DeployOptions, Member, Muster } from './deploy.ts'
import { testLog } from './logs.ts'
import { placeStore } from './store.ts'

/** 22 November 2024, 18:00 UTC: the first whole cycle of the data file. */
export const FIRST_CUT = 1_732_298_400
export const ETHER = 10n ** 18n

/** Hardhat's node with its clock at a past day. */
async function startNodeAt(unix: number): Promise<TestNode> {
  const override = { initialDate: new Date(unix * 1000).toISOString() }
  const server = await hre.network.createServer({ network: 'node', override }, '127.0.0.1', 0)
  const { port } = await server.listen()
  const url = withToken(`http://127.0.0.1:${port}`)
  const client = await openChain({ rpcUrl: url, timeoutMs: 30_000 })
  const close = async (): Promise<void> => {
    client.close()
    await server.close()
  }
  return { url, client, request: client.request, close }
}

/** The same in a process of its own: for measuring, so that node and keeper do not share one thread. */
async function startNodeProcess(unix: number): Promise<TestNode> {
  const file = fileURLToPath(new URL('./node-child.ts', import.meta.url))
  const date = new Date(unix * 1000).toISOString()
  const child = spawn(process.execPath, [file, date], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const url = withToken(line.toString().trim())
  const client = await openChain({ rpcUrl: url, timeoutMs: 30_000 })
  const close = async (): Promise<void> => {
    client.close()
    child.kill()
    await once(child, 'exit')
  }
  return { url, client, request: client.request, close }
}

/** A whole installation in a temporary directory: node, contracts, roster, pool, settings. */
export interface World {
  node: TestNode
  muster: Muster
  home: string
  config: Config
  /** Opens the keeper; with another home the store is a new one. */
  open(deps?: KeeperDeps, home?: string): Promise<Keeper>
  moveTo(unix: number): Promise<void>
  close(): Promise<void>
}

export interface WorldOptions extends Partial<DeployOptions> {
  members: readonly Member[]
  pool?: bigint
  batchSize?: number
  /** The node in a process of its own. */
  isNodeApart?: boolean
  /** Another node than Hardhat's, its clock at that time. */
  startNode?: (unix: number) => Promise<TestNode>
  /** Where Hardhat's is not right for it. */
  finality?: Finality
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const { members, pool = ETHER, batchSize = 10, firstCut = FIRST_CUT } = options
  const start = options.startNode ?? (options.isNodeApart ? startNodeProcess : startNodeAt)
  const node = await start(firstCut - 3 * 3_600)
  const home = await mkdtemp(join(tmpdir(), 'muster-world-'))
  await placeStore(home)
  const muster = await deployMuster(node.client, { ...options, firstCut })
  await writeDeployment(join(home, 'deployments'), muster.deployment)
  await muster.addMembers(members)
  if (pool > 0n) await muster.fund(pool)
  const { finality = 'finalized' } = options
  const config = { ...configOf(node.url, home, batchSize), finality }
  const moveTo = async (unix: number): Promise<void> => {
    await node.request('evm_setNextBlockTimestamp', [unix])
    await node.request('evm_mine')
  }
  return {
    node,
    muster,
    home,
    config,
    moveTo,
    open: (deps = {}, other = home) =>
      openKeeper(
        {
          ...config,
          home: other,
        },
        {
          ...testDeps(),
          ...deps,
        },
      ),
    close: async () => {
      await node.close()
      await rm(home, {
        recursive: true,
        force: true,
      })
    },
  }
}

export function configOf(rpcUrl: string, home: string, batchSize: number): Config {
  const settings = { rpcUrl, home, deploymentsDir: join(home, 'deployments'), pollMs: '20' }
  return loadConfig({}, { ...settings, batchSize: String(batchSize), nonceWaitMs: '10000' })
}

export function testDeps(): KeeperDeps {
  const signers = { reporter: walletSigner(KEYS.reporter), keeper: walletSigner(KEYS.keeper) }
  return { log: testLog, signers }
}

/** Nodes and funds made from their index: distinct, and without code. */
export function makeMembers(count: number, weights: readonly bigint[] = []): Member[] {
  const at = (prefix: bigint, i: number): Address =>
    getAddress(`0x${((prefix << 144n) | BigInt(i + 1)).toString(16).padStart(40, '0')}`) as Address
  return Array.from({ length: count }, (_, i) => ({
    node: at(4096n, i),
    fund: at(8192n, i),
    ...(weights[i] === undefined ? {} : { weight: weights[i] }),
  }))
}

/** Pushes a cycle: `hoursOnline[i]` is in how many of its first hours validator i is up. */
export async function pushCycle(
  world: World,
  keeper: Keeper,
  cycle: number,
  hoursOnline: readonly number[],
): Promise<void> {
  const hours = hoursOf(hourOf(world.muster.deployment.firstCut), cycle)
  const count = Math.ceil(hoursOnline.length / 256)
  for (const [h, hour] of hours.entries()) {
    await world.moveTo(startOfHour(hour + 1) + (h === 23 ? 0 : 5))
    const online = hoursOnline.flatMap((up, i) => (h < up ? [i] : []))
    await pushHour(keeper, { hour, words: toWords(online, count), source: 'test' })
  }
}

export async function withKeeper<T>(
  world: World,
  use: (keeper: Keeper) => Promise<T>,
  deps: KeeperDeps = {},
  home?: string,
): Promise<T> {
  const keeper = await world.open(deps, home)
  try {
    return await use(keeper)
  } finally {
    await closeKeeper(keeper)
  }
}

export const strangerOf = (world: World): Wallet =>
  new Wallet(KEYS.stranger, world.node.client.provider)
