import { mulDivUp } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import { isoTime } from '../base/time.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { faultOf } from '../chain/rpc/client.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { decodeRevert, simulate } from '../chain/rpc/simulate.ts'
import type { DecodedRevert } from '../chain/rpc/simulate.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import type { SendingSession } from './session.ts'

export interface Call {
  kind: string
  key: string
  to: Address
  data: Hex
  value?: Wei
}

// EIP-7825: no transaction may use more.
const MAX_GAS = 2n ** 24n
// Between the estimate and the block, storage may have changed from warm to new.
const MARGIN_NUMERATOR = 5n
const MARGIN_DENOMINATOR = 4n

/**
 * Sends what a person asked for. Estimating is right here and only here: these calls do their whole
 * work or revert, where a batch of payments could succeed cheaply by paying nobody.
 */
export async function sendCall(session: SendingSession, call: Call): Promise<TxRecord> {
  const { client, sender, contracts } = session
  const value = call.value ?? 0n
  const gasLimit = await gasFor(session, { ...call, value })
  const { errors } = contracts
  return sender.send({ ...call, value, gasLimit }, { until: finalOn(client), errors })
}

/** A person waits for the block, not for its finality; the journal goes on from there. */
function finalOn({ chainId }: ChainClient): 'included' | 'final' {
  return chainId === LOCAL_CHAIN_ID ? 'final' : 'included'
}

async function gasFor(session: SendingSession, call: Required<Call>): Promise<bigint> {
  const { client, sender, contracts } = session
  const { kind, key, to, data, value } = call
  const fields = { from: sender.address, to, data, value: `0x${value.toString(16)}` }
  try {
    const estimate = BigInt(await client.request<Hex>('eth_estimateGas', [fields]))
    const withMargin = mulDivUp(estimate, MARGIN_NUMERATOR, MARGIN_DENOMINATOR)
    return withMargin < MAX_GAS ? withMargin : MAX_GAS
  } catch (error) {
    const fault = faultOf(error)
    if (fault === undefined) throw error
    const facts = (error as KeeperError).facts
    if (fault === 'insufficient-funds') {
      const balance = await client.balanceOf(sender.address)
      const needed = `more than ${value}`
      throw new KeeperError('INSUFFICIENT_FUNDS', {
        sender: sender.address,
        balance,
        needed,
        kind,
        key,
      })
    }
    const revert = decodeRevert(
      facts['data'] as Hex | undefined,
      [contracts.errors],
      facts['message'],
    )
    throw wouldRevert(call, revert)
  }
}

// Unix seconds of 2017 to 2096: no amount of coin that a rule names is so small.
const UNIX_SECONDS = /^(1[5-9]|[23]\d)\d{8}$/

/** 'SweepTooEarly(1, 1735243200)' says little to a person: times are told as such. */
function wouldRevert(
  { kind, key }: Pick<Call, 'kind' | 'key'>,
  { error, args }: DecodedRevert,
): KeeperError {
  const told = args.map((arg) => (UNIX_SECONDS.test(arg) ? isoTime(Number(arg)) : arg))
  return new KeeperError('TX_WOULD_REVERT', { kind, key, error, args: told })
}

/** Would the call succeed if `from` made it now? Throws what the contract says when not. */
export async function rehearse(session: SendingSession, from: Address, call: Call): Promise<void> {
  const { to, data, value = 0n } = call
  const fields = { from, to, data, value }
  const revert = await simulate(session.client, fields, [session.contracts.errors])
  if (revert) throw wouldRevert(call, revert)
}
