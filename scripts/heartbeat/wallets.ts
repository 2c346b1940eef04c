// The nodes of the measurements: their keys are numbers, so that every process knows them without being told.
import { SigningKey, computeAddress } from 'ethers'
import type { Address } from '../../keeper/base/schema.ts'

// Far above the small numbers that others try first; worth nothing anywhere.
const FIRST_KEY = 2n ** 200n

export function keyOf(index: number): string {
  return `0x${(FIRST_KEY + BigInt(index)).toString(16).padStart(64, '0')}`
}

export function addressOf(index: number): Address {
  return computeAddress(new SigningKey(keyOf(index)).publicKey) as Address
}

export function addressesOf(count: number): Address[] {
  return Array.from({ length: count }, (_, index) => addressOf(index))
}
