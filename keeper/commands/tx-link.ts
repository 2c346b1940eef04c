import type { Hex } from '../base/schema.ts'

/** Block explorers of public networks, by chain id. */
const EXPLORERS: Readonly<Record<number, string>> = {
  1: 'https://etherscan.io',
  10: 'https://optimistic.etherscan.io',
  56: 'https://bscscan.com',
  100: 'https://gnosisscan.io',
  137: 'https://polygonscan.com',
  8_453: 'https://basescan.org',
  42_161: 'https://arbiscan.io',
  43_114: 'https://snowtrace.io',
  84_532: 'https://sepolia.basescan.org',
  421_614: 'https://sepolia.arbiscan.io',
  560_048: 'https://hoodi.etherscan.io',
  11_155_111: 'https://sepolia.etherscan.io',
  11_155_420: 'https://sepolia-optimism.etherscan.io',
}

/** Makes the address of a transaction's page; undefined where no explorer is known. */
export function linkOf(chainId: number, explorer?: string): (hash: Hex) => string | undefined {
  const base = explorer?.replace(/\/+$/, '') ?? EXPLORERS[chainId]
  return (hash) => (base === undefined ? undefined : `${base}/tx/${hash}`)
}
