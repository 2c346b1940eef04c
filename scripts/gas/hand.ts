// ProgramPayouts and its claims, deployed for measuring: one program with more money and budget than it needs.
import { SimpleMerkleTree } from '@openzeppelin/merkle-tree'
import { ethers } from 'ethers'
import { SECONDS_PER_HOUR } from '../../keeper/base/time.ts'
import type { GasChain, Receipt } from './chain.ts'
import { abiOf, addressOf, create } from './system.ts'

const PROGRAM = 1
const FUNDS = 2n ** 90n
const CLAIM_DELAY = SECONDS_PER_HOUR
/** A moment in 2100: later than any clock at which the harness starts, and the same in every run. */
const START = 4_102_509_600

export type Asset = 'native' | 'GasToken'
export type Payment = readonly [to: string, amount: bigint]

export interface Hand {
  chain: GasChain
  payouts: string
  token: string
  /** Each call uses the next number. */
  pay(payments: readonly Payment[]): Promise<Receipt>
}

export async function openHand(chain: GasChain, asset: Asset): Promise<Hand> {
  const [admin = '', , payer = ''] = chain.accounts
  await chain.warp(START)
  const native = asset === 'native'
  const token = native ? ethers.ZeroAddress : await create(chain, asset, [])
  const payouts = await create(chain, 'ProgramPayouts', [admin, admin, token])
  const abi = await abiOf('ProgramPayouts')
  const terms = {
    payer,
    capacity: FUNDS,
    perDay: FUNDS,
    stipend: native ? 30_000 : 150_000,
    maxRefused: 16,
  }
  await call(chain, admin, payouts, abi, 'addProgram', [PROGRAM, terms])
  if (native) {
    await chain.request('hardhat_setBalance', [admin, ethers.toQuantity(2n * FUNDS)])
    const data = abi.encodeFunctionData('fund', [PROGRAM, FUNDS])
    await chain.send({ from: admin, to: payouts, data, value: FUNDS })
  } else {
    await mint(chain, token, admin, FUNDS)
    const erc20 = await abiOf('GasToken')
    await call(chain, admin, token, erc20, 'approve', [payouts, FUNDS])
    await call(chain, admin, payouts, abi, 'fund', [PROGRAM, FUNDS])
  }
  let seq = 0
  return {
    chain,
    payouts,
    token,
    pay: async (payments) =>
      call(chain, payer, payouts, abi, 'pay', [PROGRAM, seq++, payments.map(pack)]),
  }
}

/** In the second of the call before: a budget that has refilled meanwhile is cheaper to read, by 108 gas. */
export async function call(
  chain: GasChain,
  from: string,
  to: string,
  abi: ethers.Interface,
  name: string,
  args: unknown[],
): Promise<Receipt> {
  await chain.warp(START)
  return chain.send({ from, to, data: abi.encodeFunctionData(name, args) })
}

export async function mint(
  chain: GasChain,
  token: string,
  to: string,
  amount: bigint,
): Promise<void> {
  const [admin = ''] = chain.accounts
  await call(chain, admin, token, await abiOf('GasToken'), 'mint', [to, amount])
}

export function pack([to, amount]: Payment): bigint {
  return (BigInt(to) << 96n) | amount
}

/** Payees with amounts of eight bytes, none of them zero: as real ones, they cost full calldata gas. */
export function paymentsOf(what: string, from: number, count: number): Payment[] {
  return Array.from({ length: count }, (_, i): Payment => {
    const digits = BigInt(ethers.id(`amount ${what} ${from + i}`)) & 0x7fffffffffffffffn
    return [addressOf(what, from + i), digits | 0x0101010101010101n]
  })
}

// ------------------------------------------------------------------ claims

export interface Claims {
  address: string
  abi: ethers.Interface
}

export interface ClaimTree {
  root: string
  proof(index: number): string[]
}

export async function openClaims(hand: Hand): Promise<Claims> {
  const { chain, payouts } = hand
  const address = await create(chain, 'ProgramClaims', [payouts, PROGRAM, CLAIM_DELAY])
  const abi = await abiOf('ProgramPayouts')
  await call(chain, chain.accounts[0] ?? '', payouts, abi, 'setClaims', [PROGRAM, address])
  return { address, abi: await abiOf('ProgramClaims') }
}

/** Makes these leaves the root in force; they are as many as a power of two. */
export async function publish(
  { chain }: Hand,
  claims: Claims,
  leaves: readonly Payment[],
): Promise<ClaimTree> {
  const [, stranger = '', payer = ''] = chain.accounts
  const coder = ethers.AbiCoder.defaultAbiCoder()
  const chainId = BigInt(String(await chain.request('eth_chainId')))
  const hashes = leaves.map(([account, cumulative]) =>
    ethers.keccak256(
      ethers.keccak256(
        coder.encode(
          ['uint256', 'address', 'uint32', 'address', 'uint256'],
          [chainId, claims.address, PROGRAM, account, cumulative],
        ),
      ),
    ),
  )
  const tree = SimpleMerkleTree.of(hashes, { sortLeaves: false })
  const total = leaves.reduce((sum, [, cumulative]) => sum + cumulative, 0n)
  const { address, abi } = claims
  await call(chain, payer, address, abi, 'submit', [tree.root, total, ethers.ZeroHash])
  const block = (await chain.request('eth_getBlockByNumber', ['latest', false])) as {
    timestamp: string
  }
  await chain.warp(Number(block.timestamp) + CLAIM_DELAY)
  await call(chain, stranger, address, abi, 'accept', [])
  return { root: tree.root, proof: (index) => tree.getProof(index) }
}
