import { KeeperError } from '../base/errors.ts'
import { faultOf } from './client.ts'
import type { ChainClient } from './client.ts'
import { initialFees } from './fees.ts'
import type { Fees, Market } from './fees.ts'
import type { TxIntent } from './journal.ts'
import type { SendContext } from './send-context.ts'
import { simulate } from './simulate.ts'
import type { DecodedRevert } from './simulate.ts'

type Payload = Omit<TxIntent, 'anchor'>

/** Everything that can refuse a transaction before a nonce is spent on it: revert, price, balance. */
export async function prepare(context: SendContext, intent: Payload): Promise<Fees> {
  const { client, signer } = context
  const [revert, market, balance] = await Promise.all([
    findRevert(context, intent),
    readMarket(client),
    client.balanceOf(signer.address),
  ])
  const { kind, key } = intent
  if (revert) throw new KeeperError('TX_WOULD_REVERT', { kind, key, ...revert })
  const fees = initialFees(market, context.fees)
  if (!fees) {
    const needed = market.baseFee + market.tip
    throw new KeeperError('FEE_OVER_CEILING', { needed, ceiling: context.fees.maxFeePerGas })
  }
  const needed = intent.value + intent.gasLimit * fees.maxFeePerGas
  if (balance >= needed) return fees
  const sender = signer.address
  throw new KeeperError('INSUFFICIENT_FUNDS', { sender, balance, needed, kind, key })
}

async function findRevert(
  { client, signer, errors }: SendContext,
  { to, data, value, gasLimit }: Payload,
): Promise<DecodedRevert | undefined> {
  const fields = { from: signer.address, to, data, value, gas: gasLimit }
  return simulate(client, fields, errors).catch((error: unknown) => {
    // Some nodes check the sender's balance in the call: the check of the balance says it better.
    if (faultOf(error) === 'insufficient-funds') return undefined
    throw error
  })
}

export async function readMarket(client: ChainClient): Promise<Market> {
  // Not every node has the method; the policy's own smallest tip then holds.
  const suggested = client.suggestedTip().catch((error: unknown) => {
    if (faultOf(error) === undefined) throw error
    return 0n
  })
  const [latest, tip] = await Promise.all([client.block('latest'), suggested])
  return { baseFee: latest?.baseFee ?? 0n, tip }
}
