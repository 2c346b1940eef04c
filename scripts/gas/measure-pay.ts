// Gas of a program's batch: what one more payee costs, what stands beside them, what a bad one adds.
import { ethers } from 'ethers'
import type { Figures } from './goals.ts'
import { openGasChain } from './chain.ts'
import type { Asset, Hand } from './hand.ts'
import { openHand, paymentsOf } from './hand.ts'
import { perUnit } from './measure-evidence.ts'

const SMALL = 100
const LARGE = 200
/** The contract's MAX_PAYMENTS. */
const LARGEST = 1_500
const FEW = 10
const MORE = 30

/** Runtime code of payees that misbehave. */
const BAD_CODE = {
  reverting: '0x5f5ffd', // REVERT(0, 0)
  burning: '0x5b5f56', // JUMPDEST, JUMP(0): until the gas is gone
} as const

interface PayGas {
  payee: number
  freshPayee: number
  fixed: number
}

async function withPaid<T>(asset: Asset, work: (hand: Hand) => Promise<T>): Promise<T> {
  const chain = await openGasChain()
  try {
    const hand = await openHand(chain, asset)
    // Payees 0 to 199 have been paid before, and the numbers' word is in use.
    await hand.pay(paymentsOf('payee', 0, LARGE))
    return await work(hand)
  } finally {
    await chain.close()
  }
}

async function measurePay(asset: Asset): Promise<PayGas> {
  return withPaid(asset, async (hand) => {
    const gas = async (what: string, count: number): Promise<bigint> =>
      hand.chain.aside(async () => (await hand.pay(paymentsOf(what, 0, count))).gasUsed)
    const small = await gas('payee', SMALL)
    const payee = perUnit((await gas('payee', LARGE)) - small, LARGE - SMALL)
    const few = await gas('newcomer', FEW)
    const freshPayee = perUnit((await gas('newcomer', MORE)) - few, MORE - FEW)
    return { payee, freshPayee, fixed: Number(small) - payee * SMALL }
  })
}

async function measureBad(kind: keyof typeof BAD_CODE): Promise<number> {
  return withPaid('native', async (hand) => {
    const payments = paymentsOf('payee', 0, SMALL)
    const good = await hand.chain.aside(async () => hand.pay(payments))
    const [bad] = payments[SMALL / 2] ?? [ethers.ZeroAddress]
    await hand.chain.request('hardhat_setCode', [bad, BAD_CODE[kind]])
    return Number((await hand.pay(payments)).gasUsed - good.gasUsed)
  })
}

async function measureLargest(): Promise<number> {
  return withPaid('native', async (hand) => {
    const payments = paymentsOf('many', 0, LARGEST)
    for (const [to] of payments) await hand.chain.request('hardhat_setBalance', [to, '0x1'])
    return Number((await hand.pay(payments)).gasUsed)
  })
}

export async function measurePays(): Promise<
  Pick<Figures, Extract<keyof Figures, `pay${string}`>>
> {
  const token = await measurePay('GasToken')
  const coin = await measurePay('native')
  return {
    'pay, a payee, ERC-20': token.payee,
    'pay, a payee, native': coin.payee,
    'pay, a fresh payee, ERC-20': token.freshPayee,
    'pay, a fresh payee, native': coin.freshPayee,
    'pay, beside the payees, ERC-20': token.fixed,
    'pay, beside the payees, native': coin.fixed,
    'pay, one reverting payee in 100, extra': await measureBad('reverting'),
    'pay, one gas-burning payee in 100, extra': await measureBad('burning'),
    'pay, the largest batch: 1,500 payees, native': await measureLargest(),
  }
}
