import { HDNodeWallet, Mnemonic } from 'ethers'
import type { Address } from '../base/schema.ts'
import type { Role } from '../config.ts'
import { ROLES } from '../config.ts'

/** Hardhat's and anvil's chain id: test keys, zero delays and replays are for this one alone. */
export const LOCAL_CHAIN_ID = 31_337

// Everybody knows these keys: Hardhat's and anvil's test accounts. Never for anything of value.
const TEST_MNEMONIC = 'test test test test test test test test test test test junk'
/** One account a role, so that the local chain has the same separation of powers as a real one. */
const TEST_ACCOUNTS: Record<Role | 'sponsor', number> = {
  deployer: 0,
  admin: 1,
  guardian: 2,
  reporter: 3,
  keeper: 4,
  sponsor: 5,
  node: 6,
  payer: 7,
}

export function testKey(role: Role | 'sponsor'): string {
  return testWallet(TEST_ACCOUNTS[role]).privateKey
}

export function testAddress(role: Role | 'sponsor'): Address {
  return testWallet(TEST_ACCOUNTS[role]).address as Address
}

export function testAccounts(): { role: string; address: Address; privateKey: string }[] {
  return [...ROLES, 'sponsor' as const].map((role) => ({
    role,
    address: testAddress(role),
    privateKey: testKey(role),
  }))
}

/** Any other of them: for trying out with more than one node. */
export function testKeyAt(index: number): string {
  return testWallet(index).privateKey
}

function testWallet(index: number): HDNodeWallet {
  const mnemonic = Mnemonic.fromPhrase(TEST_MNEMONIC)
  return HDNodeWallet.fromMnemonic(mnemonic, `m/44'/60'/0'/0/${index}`)
}
