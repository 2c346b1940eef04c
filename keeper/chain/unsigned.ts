import { Transaction, keccak256 } from 'ethers'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Fees } from './fees.ts'

/** The payload as it is built, before anybody signs it. EIP-1559 always. */
export interface UnsignedTx extends Fees {
  chainId: number
  nonce: number
  to: Address
  data: Hex
  value: Wei
  gasLimit: bigint
}

export interface SignedTx {
  raw: Hex
  /** Computed here, never taken from a node. */
  hash: Hex
}

export function toTransaction(unsigned: UnsignedTx): Transaction {
  return Transaction.from({ type: 2, accessList: [], ...unsigned })
}

/** A signer may be another machine: every field and the recovered address must be what was asked. */
export function checkSigned(raw: Hex, unsigned: UnsignedTx, sender: Address): SignedTx {
  const signed = parse(raw)
  const asked = toTransaction(unsigned)
  const fields = {
    signature: signed.isSigned(),
    sender: signed.from?.toLowerCase() === sender.toLowerCase(),
    type: signed.type === 2,
    fields: signed.unsignedSerialized === asked.unsignedSerialized,
    bytes: signed.isSigned() && signed.serialized === raw.toLowerCase(),
  }
  const field = Object.entries(fields).find(([, isRight]) => !isRight)?.[0]
  if (field) throw new KeeperError('SIGNATURE_WRONG', { field })
  return { raw, hash: keccak256(raw) as Hex }
}

function parse(raw: Hex): Transaction {
  try {
    return Transaction.from(raw)
  } catch (error) {
    throw new KeeperError('SIGNATURE_WRONG', { field: 'encoding' }, error)
  }
}
