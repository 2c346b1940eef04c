import { KeeperError } from '../base/errors.ts'
import { faultOf } from './client.ts'
import type { ChainClient } from './client.ts'
import { initialFees } from './fees.ts'
import type { Fees, Market } from './fees.ts'
import type { TxIntent } from './journal.ts'
import type { SendContext } from './send-context.ts'
import { simulate } from './simulate.ts'

/** Everything that can refuse a transaction before a nonce is spent on it: revert, price, balance. */
export async function prepare(context: SendContext, intent: TxIntent): Promise<Fees> {
  await refuseRevert(context, intent)
  const market = await readMarket(context.client)
  const fees = initialFees(market, context.fees)
  if (!fees) {
    const needed = market.baseFee + market.tip
    throw new KeeperError('FEE_OVER_CEILING', { needed, ceiling: context.fees.maxFeePerGas })
  }
  await refusePoverty(context, intent, fees)
  return fees
}

async function refuseRevert(context: SendContext, intent: TxIntent): Promise<void> {
  const { client, signer, errors } = context
  const { kind, key, to, data, value, gasLimit } = intent
  const fields = { from: signer.address, to, data, value, gas: gasLimit }
  const revert = await simulate(client, fields, errors).catch((error: unknown) => {
    // Some nodes check the sender's balance in the call: the check below says it better.
    if (faultOf(error) === 'insufficient-funds') return undefined
    throw error
  })
  if (revert) throw new KeeperError('TX_WOULD_REVERT', { kind, key, ...revert })
}

async function refusePoverty(context: SendContext, intent: TxIntent, fees: Fees): Promise<void> {
  const sender = context.signer.address
  const needed = intent.value + intent.gasLimit * fees.maxFeePerGas
  const balance = await context.client.balanceOf(sender)
  if (balance >= needed) return
  const { kind, key } = intent
  throw new KeeperError('INSUFFICIENT_FUNDS', { sender, balance, needed, kind, key })
}

export async function readMarket(client: ChainClient): Promise<Market> {
  const latest = await client.block('latest')
  // Not every node has the method; the policy's own smallest tip then holds.
  const tip = await client.suggestedTip().catch((error: unknown) => {
    if (faultOf(error) === undefined) throw error
    return 0n
  })
  return { baseFee: latest?.baseFee ?? 0n, tip }
}
