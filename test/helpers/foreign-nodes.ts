// Nodes that nobody here wrote, each in a process of its own, behind one interface.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ContractFactory, Wallet } from 'ethers'
import type { Address, Finality, Hex } from '../../keeper/base/schema.ts'
import { openChain } from '../../keeper/chain/rpc/client.ts'
import type { TestNode } from './chain.ts'
import { COUNTER } from './chain.ts'
import { KEYS } from './deploy.ts'
import { startGethDev, startGethEngine } from './geth.ts'
import { endChild, lineOf } from './programs.ts'

export interface NodeOptions {
  /** Mines at once what it gets; false: only when told. */
  automine: boolean
  /** Time of the first block. */
  unix?: number
}

export interface ForeignNode extends TestNode {
  mine(blocks?: number): Promise<void>
  /** It no longer knows the transaction; one that cannot forget one alone forgets all that wait. */
  drop(hash: Hex): Promise<void>
}

export interface NodeKind {
  name: string
  /** The setting that an operator would choose there. */
  finality: Finality
  /** Of both fees, in percent, before it takes a replacement; 0: any raise will do. */
  smallestRaise: bigint
  start(options: NodeOptions): Promise<ForeignNode>
}

const HARDHAT: NodeKind = {
  name: "Hardhat's node",
  finality: 'finalized',
  smallestRaise: 10n,
  start: async ({ automine, unix }) => {
    const file = fileURLToPath(new URL('./node-child.ts', import.meta.url))
    const date = unix === undefined ? '' : new Date(unix * 1000).toISOString()
    const child = spawn(process.execPath, [file, date, String(automine)], PIPED)
    return nodeOf(await lineOf(child, /(http:\S+)/), child, 'hardhat_dropTransaction')
  },
}

const ANVIL: NodeKind = {
  name: 'anvil',
  // Its finalized block is 64 behind, and without a transaction it mines nothing.
  finality: 1,
  smallestRaise: 0n,
  start: async ({ automine, unix }) => {
    const chain = ['--port', '0', '--gas-limit', '60000000', '--hardfork', 'osaka']
    const time = unix === undefined ? [] : ['--timestamp', String(unix)]
    const mining = automine ? [] : ['--no-mining']
    const child = spawn(anvilProgram(), [...chain, ...time, ...mining], PIPED)
    const url = `http://${await lineOf(child, /Listening on (\S+)/)}`
    return nodeOf(url, child, 'anvil_dropTransaction')
  },
}

/** The program that scripts/install-geth.sh builds. */
const GETH = process.env['GETH'] ?? ''

const GETH_ENGINE: NodeKind = {
  name: 'geth',
  finality: 'finalized',
  smallestRaise: 10n,
  start: (options) => startGethEngine(GETH, options),
}

function gethDev(periodSeconds: 0 | 1): NodeKind {
  return {
    name: `geth --dev --dev.period ${periodSeconds}`,
    // Its finalized block moves every 32 blocks only.
    finality: 'safe',
    smallestRaise: 10n,
    start: () => startGethDev(GETH, periodSeconds),
  }
}

// NODES=geth: geth alone, which has to be built; without it what npm brings.
const isGeth = process.env['NODES'] === 'geth'
export const KINDS: readonly NodeKind[] = isGeth ? [GETH_ENGINE] : [HARDHAT, ANVIL]
/** Those whose blocks come by themselves, at the machine's time. */
export const DEV_KINDS: readonly NodeKind[] = isGeth ? [gethDev(0), gethDev(1)] : []

const PIPED: { stdio: ['ignore', 'pipe', 'inherit'] } = { stdio: ['ignore', 'pipe', 'inherit'] }
const REQUEST_LIMIT_MS = 30_000

/** Not the package's own launcher: it would stay behind when we end it. */
function anvilProgram(): string {
  const cpu = process.arch === 'x64' ? 'amd64' : process.arch
  const name = `@foundry-rs/anvil-${process.platform}-${cpu}/package.json`
  return join(dirname(createRequire(import.meta.url).resolve(name)), 'bin', 'anvil')
}

async function nodeOf(url: string, child: ChildProcess, dropMethod: string): Promise<ForeignNode> {
  const client = await openChain({ rpcUrl: url, timeoutMs: REQUEST_LIMIT_MS })
  return {
    url,
    client,
    request: client.request,
    mine: async (blocks = 1) => {
      for (let i = 0; i < blocks; i += 1) await client.request('evm_mine')
    },
    drop: async (hash) => void (await client.request(dropMethod, [hash])),
    close: async () => {
      client.close()
      await endChild(child)
    },
  }
}

/** The counter as an ordinary deployment: no node has to know a method for it. */
export async function deployCounter(node: ForeignNode): Promise<Address> {
  const deployer = new Wallet(KEYS.stranger, node.client.provider)
  const size = ((COUNTER.length - 2) / 2).toString(16).padStart(2, '0')
  const creation = `0x60${size}600a5f3960${size}5ff3${COUNTER.slice(2)}`
  const contract = await new ContractFactory([], creation, deployer).deploy({ gasLimit: 200_000 })
  await node.mine()
  await contract.waitForDeployment()
  return (await contract.getAddress()) as Address
}
