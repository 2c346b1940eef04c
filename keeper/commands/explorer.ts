import { KeeperError } from '../base/errors.ts'

const EXPLORERS = ['etherscan', 'blockscout', 'sourcify'] as const
export type Explorer = (typeof EXPLORERS)[number]

/** Apart from verify.ts, which loads Hardhat: a misspelt name is refused before anything is sent. */
export function explorerOf(text: string | undefined, command: string): Explorer {
  const explorer = EXPLORERS.find((known) => known === (text ?? 'etherscan'))
  if (explorer !== undefined) return explorer
  const what = `"${text}" is not one of ${EXPLORERS.join(', ')}`
  throw new KeeperError('USAGE', { what, command })
}
