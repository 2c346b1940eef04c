// The same work by others, measured as ours and in the same run: a loop of OpenZeppelin's parts, thirdweb's Airdrop,
// and Uniswap's MerkleDistributor as published. For comparing only: nothing of theirs is built or deployed with ours.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { SimpleMerkleTree } from '@openzeppelin/merkle-tree'
import { ethers } from 'ethers'
import { ensure } from '../../keeper/base/errors.ts'
import type { GasChain, Receipt } from './chain.ts'
import { openGasChain } from './chain.ts'
import type { Metric } from './goals.ts'
import { call, mint, paymentsOf } from './hand.ts'
import type { Payment } from './hand.ts'
import { perUnit } from './measure-evidence.ts'
import { abiOf, create } from './system.ts'

const SMALL = 100
const LARGE = 200
const LEAVES = 1_024
const OWN = 700
const FUNDS = 2n ** 90n

export interface PeerFigure {
  peer: string
  /** Ours that it stands beside. */
  metric: Metric
  gas: number
}

/** Pays tokens, or coin where there is no token, in one transaction. */
type Airdrop = (token: string | undefined, payments: readonly Payment[]) => Promise<Receipt>

export async function measurePeers(): Promise<PeerFigure[]> {
  return [
    ...(await measureAirdrop('OpenZeppelin loop', openLoop)),
    ...(await measureAirdrop('thirdweb Airdrop', openThirdweb)),
    ...(await measureUniswap()),
  ]
}

async function measureAirdrop(
  peer: string,
  open: (chain: GasChain) => Promise<{ address: string; pay: Airdrop }>,
): Promise<PeerFigure[]> {
  const chain = await openGasChain()
  try {
    const { address, pay } = await open(chain)
    const token = await fundedToken(chain, address)
    const marginal = async (asset: string | undefined): Promise<number> => {
      const gas = async (count: number): Promise<bigint> =>
        chain.aside(async () => (await pay(asset, paymentsOf('payee', 0, count))).gasUsed)
      await pay(asset, paymentsOf('payee', 0, LARGE))
      const small = await gas(SMALL)
      return perUnit((await gas(LARGE)) - small, LARGE - SMALL)
    }
    return [
      { peer, metric: 'pay, a payee, ERC-20', gas: await marginal(token) },
      { peer, metric: 'pay, a payee, native', gas: await marginal(undefined) },
    ]
  } finally {
    await chain.close()
  }
}

/** A token that the airdrop holds, and may take from its owner; who has coin enough. */
async function fundedToken(chain: GasChain, airdrop: string): Promise<string> {
  const [admin = ''] = chain.accounts
  const token = await create(chain, 'GasToken', [])
  for (const holder of [admin, airdrop]) {
    await mint(chain, token, holder, FUNDS)
    await chain.request('hardhat_setBalance', [holder, ethers.toQuantity(FUNDS)])
  }
  await call(chain, admin, token, await abiOf('GasToken'), 'approve', [airdrop, FUNDS])
  return token
}

async function openLoop(chain: GasChain): Promise<{ address: string; pay: Airdrop }> {
  const [admin = ''] = chain.accounts
  const address = await create(chain, 'PlainAirdrop', [admin])
  const abi = await abiOf('PlainAirdrop')
  return {
    address,
    pay: async (token, payments) => {
      const lists = [payments.map(([to]) => to), payments.map(([, amount]) => amount)]
      return token === undefined
        ? call(chain, admin, address, abi, 'payCoin', lists)
        : call(chain, admin, address, abi, 'payTokens', [token, ...lists])
    },
  }
}

/** Behind a minimal proxy, as its own deployments are. */
async function openThirdweb(chain: GasChain): Promise<{ address: string; pay: Airdrop }> {
  const [admin = ''] = chain.accounts
  const { abi, bytecode } = compileThirdweb()
  const code = await deploy(chain, bytecode)
  const proxy = `0x3d602d80600a3d3981f3363d3d373d3d3d363d73${code.slice(2)}5af43d82803e903d91602b57fd5bf3`
  const address = await deploy(chain, proxy)
  await call(chain, admin, address, abi, 'initialize', [admin, ''])
  return {
    address,
    pay: async (token, payments) => {
      if (token !== undefined)
        return call(chain, admin, address, abi, 'airdropERC20', [token, payments])
      const data = abi.encodeFunctionData('airdropNativeToken', [payments])
      const value = payments.reduce((sum, [, amount]) => sum + amount, 0n)
      return chain.send({ from: admin, to: address, data, value })
    },
  }
}

async function deploy(chain: GasChain, data: string): Promise<string> {
  const { contractAddress } = await chain.send({ from: chain.accounts[0] ?? '', data })
  return ethers.getAddress(contractAddress ?? '')
}

interface Compiled {
  abi: ethers.Interface
  bytecode: string
}

/** By the compiler and settings of ours; its package has no bytecode. */
function compileThirdweb(): Compiled {
  const require = createRequire(import.meta.url)
  const solc = require('solc') as {
    compile(input: string, callbacks: { import(path: string): { contents: string } }): string
  }
  const file = '@thirdweb-dev/contracts/prebuilts/airdrop/Airdrop.sol'
  const roots = createRequire(require.resolve(file))
  const read = (path: string): { contents: string } => ({
    contents: readFileSync(roots.resolve(path), 'utf8'),
  })
  const input = {
    language: 'Solidity',
    sources: { [file]: { content: read(file).contents } },
    settings: {
      viaIR: true,
      optimizer: { enabled: true, runs: 1_000_000 },
      evmVersion: 'osaka',
      outputSelection: { [file]: { Airdrop: ['abi', 'evm.bytecode.object'] } },
    },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read })) as {
    contracts?: Record<string, { Airdrop?: { abi: []; evm: { bytecode: { object: string } } } }>
  }
  const airdrop = output.contracts?.[file]?.Airdrop
  ensure(airdrop !== undefined, 'INTERNAL', { reason: `${dirname(file)} does not compile` })
  return { abi: new ethers.Interface(airdrop.abi), bytecode: `0x${airdrop.evm.bytecode.object}` }
}

/** One-shot claims, a bit each: the first of 256 opens a word, the next ones share it. */
async function measureUniswap(): Promise<PeerFigure[]> {
  const chain = await openGasChain()
  try {
    const owner = chain.accounts[3] ?? ''
    const require = createRequire(import.meta.url)
    const { abi, bytecode } =
      require('@uniswap/merkle-distributor/build/MerkleDistributor.json') as {
        abi: []
        bytecode: string
      }
    const leaves = paymentsOf('leaf', 0, LEAVES).map(([to, amount], i): Payment => [
      i === OWN || i === OWN + 1 ? owner : to,
      amount,
    ])
    const hashes = leaves.map(([to, amount], i) =>
      ethers.solidityPackedKeccak256(['uint256', 'address', 'uint256'], [i, to, amount]),
    )
    const tree = SimpleMerkleTree.of(hashes, { sortLeaves: false })
    const token = await create(chain, 'GasToken', [])
    const face = new ethers.Interface(abi)
    const distributor = await deploy(
      chain,
      bytecode + face.encodeDeploy([token, tree.root]).slice(2),
    )
    for (const holder of [distributor, owner]) await mint(chain, token, holder, FUNDS)
    const claim = async (i: number): Promise<number> => {
      const args = [i, owner, leaves[i]?.[1], tree.getProof(i)]
      return Number((await call(chain, owner, distributor, face, 'claim', args)).gasUsed)
    }
    const peer = 'Uniswap MerkleDistributor 1.0.1'
    return [
      { peer, metric: 'claim, first, 1,024 leaves', gas: await claim(OWN) },
      { peer, metric: 'claim, next, 1,024 leaves', gas: await claim(OWN + 1) },
    ]
  } finally {
    await chain.close()
  }
}
