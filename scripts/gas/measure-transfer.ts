// Gas of phase 2: what one more payee costs, what the transaction costs beside them, and what a bad payee adds.
import { ethers } from 'ethers'
import type { Figures } from './goals.ts'
import type { GasChain } from './chain.ts'
import { openGasChain } from './chain.ts'
import { fullWords, pushDay, reachSteadyState, STEADY_CYCLE } from './evidence.ts'
import { perUnit, POOL, weightOf } from './measure-evidence.ts'
import type { System, SystemOptions } from './system.ts'
import { abiOf, addressOf, openSystem, WORD } from './system.ts'

const SMALL = 100
const LARGE = 200

/** Two full roster words: the second one's overhead is a figure of its own. */
const VALIDATORS = 2 * WORD

export interface TransferGas {
  /** (gas(200) - gas(100)) / 100 in one roster word. */
  payee: number
  freshPayee: number
  /** gas(100) - 100 payees. */
  fixed: number
  /** gas(100 in each of two words) - gas(200 in one). */
  furtherWord: number
}

export async function measureTransfer(
  asset: SystemOptions['asset'],
  weighted: boolean,
): Promise<TransferGas> {
  const chain = await openGasChain()
  try {
    const system = await openPaying(chain, asset, weighted)
    const gas = async (words: number[], masks: bigint[]): Promise<bigint> =>
      chain.aside(async () => (await system.transfer(STEADY_CYCLE, words, masks)).gasUsed)
    const small = await gas([0], [lowest(SMALL)])
    const large = await gas([0], [lowest(LARGE)])
    const two = await gas([0, 1], [lowest(SMALL), lowest(SMALL)])
    // Positions from 220 on have never been paid.
    const few = await gas([1], [lowest(10) << 220n])
    const more = await gas([1], [lowest(30) << 220n])
    const payee = perUnit(large - small, LARGE - SMALL)
    return {
      payee,
      freshPayee: perUnit(more - few, 20),
      fixed: Number(small) - payee * SMALL,
      furtherWord: Number(two - large),
    }
  } finally {
    await chain.close()
  }
}

/** A system whose steady cycle is extracted; payees 0 to 219 of both words have been paid before. */
async function openPaying(
  chain: GasChain,
  asset: SystemOptions['asset'],
  weighted: boolean,
): Promise<System> {
  const system = await openSystem(chain, { asset, weighted, validators: VALIDATORS, weightOf })
  await reachSteadyState(system, POOL, { words: [0, 1], masks: [lowest(220), lowest(220)] })
  await pushDay(system, STEADY_CYCLE, fullWords)
  await system.extract(STEADY_CYCLE)
  return system
}

function lowest(count: number): bigint {
  return 2n ** BigInt(count) - 1n
}

/** Runtime code of payees that misbehave. */
const BAD_CODE = {
  reverting: '0x5f5ffd', // REVERT(0, 0)
  burning: '0x5b5f56', // JUMPDEST, JUMP(0): until the gas is gone
  bombing: '0x620170005ffd', // REVERT(0, 94,208): as much as a stipend of 30,000 can buy
} as const

export interface BadPayeeGas {
  extra: number
  paid: number
  credited: number
}

export async function measureBadPayee(
  kind: keyof typeof BAD_CODE | 'blocklisted',
): Promise<BadPayeeGas> {
  const chain = await openGasChain()
  try {
    const asset = kind === 'blocklisted' ? 'GasTokenBlocklist' : 'native'
    const system = await openPaying(chain, asset, false)
    const good = await chain.aside(async () => system.transfer(STEADY_CYCLE, [0], [lowest(SMALL)]))
    await spoil(chain, system, kind, addressOf('fund', SMALL / 2))
    const bad = await system.transfer(STEADY_CYCLE, [0], [lowest(SMALL)])
    const [credit] = await system.read('creditOf', [addressOf('fund', SMALL / 2)])
    const abi = await abiOf('ValidatorRewards')
    const paid = bad.logs.map((log) => abi.parseLog(log)).find((event) => event?.name === 'Paid')
      ?.args as unknown as { words: { mask: bigint }[] }
    return {
      extra: Number(bad.gasUsed - good.gasUsed),
      paid: paid.words.reduce((sum, { mask }) => sum + popCount(mask), 0),
      credited: credit === 0n ? 0 : 1,
    }
  } finally {
    await chain.close()
  }
}

async function spoil(
  chain: GasChain,
  system: System,
  kind: keyof typeof BAD_CODE | 'blocklisted',
  payee: string,
): Promise<void> {
  if (kind !== 'blocklisted') {
    await chain.request('hardhat_setCode', [payee, BAD_CODE[kind]])
    return
  }
  const data = (await abiOf('GasTokenBlocklist')).encodeFunctionData('setBlocked', [payee, true])
  await chain.send({ from: chain.accounts[0] ?? ethers.ZeroAddress, to: system.token, data })
}

function popCount(mask: bigint): number {
  return mask.toString(2).replaceAll('0', '').length
}

export type TransferMetric = Extract<keyof Figures, `transfer${string}`>
export type BadPayeeMetric = Extract<keyof Figures, `one${string}`>

export async function measureTransfers(): Promise<Pick<Figures, TransferMetric>> {
  const token = await measureTransfer('GasToken', false)
  const tokenWeighted = await measureTransfer('GasToken', true)
  const coin = await measureTransfer('native', false)
  const coinWeighted = await measureTransfer('native', true)
  return {
    'transfer, a payee, ERC-20, equal': token.payee,
    'transfer, a payee, ERC-20, weighted': tokenWeighted.payee,
    'transfer, a payee, native, equal': coin.payee,
    'transfer, a payee, native, weighted': coinWeighted.payee,
    'transfer, a fresh payee, ERC-20': token.freshPayee,
    'transfer, a fresh payee, native': coin.freshPayee,
    'transfer, beside the payees, ERC-20, equal': token.fixed,
    'transfer, beside the payees, ERC-20, weighted': tokenWeighted.fixed,
    'transfer, beside the payees, native, equal': coin.fixed,
    'transfer, beside the payees, native, weighted': coinWeighted.fixed,
    'transfer, a further roster word, ERC-20, equal': token.furtherWord,
    'transfer, a further roster word, ERC-20, weighted': tokenWeighted.furtherWord,
    'transfer, a further roster word, native, equal': coin.furtherWord,
    'transfer, a further roster word, native, weighted': coinWeighted.furtherWord,
  }
}

export type BadPayees = Record<BadPayeeMetric, BadPayeeGas>

export async function measureBadPayees(): Promise<BadPayees> {
  return {
    'one reverting payee in 100, extra': await measureBadPayee('reverting'),
    'one gas-burning payee in 100, extra': await measureBadPayee('burning'),
    'one return-bombing payee in 100, extra': await measureBadPayee('bombing'),
    'one blocklisted payee in 100, extra': await measureBadPayee('blocklisted'),
  }
}
