import { Signature, TypedDataEncoder, keccak256, recoverAddress } from 'ethers'
import type { TypedDataDomain, TypedDataField } from 'ethers'
import { KeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { TxSignature } from './unsigned.ts'

/** A statement as EIP-712 has it: for whom, of which form, what it says. */
export interface TypedData {
  domain: TypedDataDomain
  types: Record<string, TypedDataField[]>
  value: Record<string, unknown>
}

/** The bytes that are hashed and signed. They begin with 0x19, as no transaction does. */
export function typedBytes({ domain, types, value }: TypedData): Hex {
  return TypedDataEncoder.encode(domain, types, value) as Hex
}

export function typedDigest(typed: TypedData): Hex {
  return keccak256(typedBytes(typed)) as Hex
}

// The v of a signed message: parity + 27.
const FIRST_V = 27

/** r, s and v in 65 bytes, as everybody who checks signatures takes it. */
export function joinSignature({ r, s, yParity }: TxSignature): Hex {
  const word = (value: bigint): string => value.toString(16).padStart(64, '0')
  return `0x${word(r)}${word(s)}${(FIRST_V + yParity).toString(16)}`
}

const SIGNATURE = /^0x[0-9a-f]{128}(1b|1c)$/

/** Who signed it; undefined when these bytes are the canonical signature of nobody. */
export function signerOf(typed: TypedData, signature: Hex): Address | undefined {
  return signerOfDigest(typedDigest(typed), signature)
}

/** The same for a digest that was made already. */
export function signerOfDigest(digest: Hex, signature: Hex): Address | undefined {
  if (!SIGNATURE.test(signature)) return undefined
  try {
    // Refuses the larger of the two values of s, too.
    return recoverAddress(digest, Signature.from(signature)) as Address
  } catch {
    return undefined
  }
}

/** A signer may be another machine: what it returns is checked before anybody is shown it. */
export function checkTyped(signature: Hex, typed: TypedData, signer: Address): Hex {
  if (signerOf(typed, signature) === signer) return signature
  throw new KeeperError('SIGNATURE_WRONG', { field: 'signature' })
}
