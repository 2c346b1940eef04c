import { getAddress } from 'ethers'
import type { Wei } from '../../base/amount.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Fees } from '../sending/fees.ts'

export type TxState =
  | 'planned'
  | 'signed'
  | 'broadcast'
  | 'included'
  | 'final'
  | 'reverted'
  | 'cancelled'
  | 'unknown'
  | 'foreign'

export type AttemptPurpose = 'send' | 'bump' | 'cancel'

export interface TxRecord {
  id: bigint
  chainId: number
  contract: Address
  kind: string
  key: string
  payloadHash: Hex
  sender: Address
  /** Undefined once released, which only happens before anything was signed. */
  nonce: number | undefined
  data: Hex
  value: Wei
  gasLimit: bigint
  state: TxState
  reason: string | undefined
  /** Of the attempt that was mined; before that, of the last one signed. */
  hash: Hex | undefined
  /** The journal's head at the moment of the plan, which the sender appends to the calldata. */
  anchor: Hex | undefined
  succeeded: boolean | undefined
  blockNumber: number | undefined
  blockHash: Hex | undefined
  gasUsed: bigint | undefined
  gasPrice: Wei | undefined
  createdAt: UnixSeconds
  updatedAt: UnixSeconds
}

export interface TxAttempt extends Fees {
  hash: Hex
  raw: Hex
  purpose: AttemptPurpose
  signedAt: UnixSeconds
  broadcastAt: UnixSeconds | undefined
}

export interface TxRow {
  id: bigint
  chain_id: bigint
  contract: string
  kind: string
  key: string
  payload_hash: Hex
  sender: string
  nonce: bigint | null
  data: Hex
  value: string
  gas_limit: bigint
  state: TxState
  reason: string | null
  hash: Hex | null
  anchor: Hex | null
  succeeded: boolean | null
  block_number: bigint | null
  block_hash: Hex | null
  gas_used: bigint | null
  gas_price: string | null
  created_at: bigint
  updated_at: bigint
}

export interface AttemptRow {
  hash: Hex
  raw: Hex
  purpose: AttemptPurpose
  max_fee: string
  tip: string
  signed_at: bigint
  broadcast_at: bigint | null
}

// One keeper knows a handful of addresses; a list of payees never comes here.
const MAX_REMEMBERED = 1_000
const remembered = new Map<string, Address>()

/** A checksum is a Keccak hash, which costs as much as the rest of a row: each is computed once. */
export function checksummed(text: string): Address {
  const known = remembered.get(text)
  if (known) return known
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  const address = getAddress(text) as Address
  remembered.set(text, address)
  return address
}

export const SELECT_TX = 'select * from tx'

export function txOf(row: TxRow): TxRecord {
  return {
    id: row.id,
    chainId: Number(row.chain_id),
    contract: checksummed(row.contract),
    kind: row.kind,
    key: row.key,
    payloadHash: row.payload_hash,
    sender: checksummed(row.sender),
    nonce: numberOf(row.nonce),
    data: row.data,
    value: BigInt(row.value),
    gasLimit: row.gas_limit,
    state: row.state,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
    ...outcomeOf(row),
  }
}

type Outcome = Pick<
  TxRecord,
  'reason' | 'hash' | 'anchor' | 'succeeded' | 'blockNumber' | 'blockHash' | 'gasUsed' | 'gasPrice'
>

function outcomeOf(row: TxRow): Outcome {
  return {
    reason: row.reason ?? undefined,
    hash: row.hash ?? undefined,
    anchor: row.anchor ?? undefined,
    succeeded: row.succeeded ?? undefined,
    blockNumber: numberOf(row.block_number),
    blockHash: row.block_hash ?? undefined,
    gasUsed: row.gas_used ?? undefined,
    gasPrice: row.gas_price === null ? undefined : BigInt(row.gas_price),
  }
}

function numberOf(value: bigint | null): number | undefined {
  return value === null ? undefined : Number(value)
}

export function attemptOf(row: AttemptRow): TxAttempt {
  return {
    hash: row.hash,
    raw: row.raw,
    purpose: row.purpose,
    maxFeePerGas: BigInt(row.max_fee),
    maxPriorityFeePerGas: BigInt(row.tip),
    signedAt: Number(row.signed_at),
    broadcastAt: numberOf(row.broadcast_at),
  }
}
