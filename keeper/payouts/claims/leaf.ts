import { id, keccak256 } from 'ethers'
import type { Address, Hex } from '../../base/schema.ts'

/** Where a tree is claimed; a leaf is good there and nowhere else. */
export interface ClaimsHome {
  chainId: number
  contract: Address
  /** Of the program in the contract. */
  program: number
}

/** All that an account has ever earned, in the smallest unit of the asset. */
export interface Leaf {
  account: Address
  cumulative: bigint
}

/** A leaf of a range is one word: 160 bits of address, 96 of amount. */
export const MAX_CUMULATIVE = (1n << 96n) - 1n

/** In the place of leaves that do not exist: ProgramClaims.PADDING. */
export const PADDING = id('Muster: no leaf') as Hex

/** What the leaves of a home begin with: the first three words of abi.encode. */
export function leafPrefix({ chainId, contract, program }: ClaimsHome): string {
  return word(BigInt(chainId)) + word(BigInt(contract)) + word(BigInt(program))
}

/** LeafTree.leafOf: hashed twice, so that no inner node can pass for a leaf. */
export function leafHash(prefix: string, { account, cumulative }: Leaf): Hex {
  return keccak256(keccak256(`0x${prefix}${word(BigInt(account))}${word(cumulative)}`)) as Hex
}

export function packLeaf({ account, cumulative }: Leaf): bigint {
  return (BigInt(account) << 96n) | cumulative
}

function word(value: bigint): string {
  return value.toString(16).padStart(64, '0')
}
