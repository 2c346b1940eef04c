import { Option } from 'commander'
import type { Report, Run } from './command.ts'

type Handler = (run: Run, options: never, args: string[]) => Promise<Report | void>

export interface CommandRow {
  /** As commander reads it: 'validators import <file>'. */
  usage: string
  about: string
  example: string
  options?: Option[]
  /** Loaded when the command runs: Hardhat and the database are not needed for a listing. */
  load(): Promise<Handler>
}

export function option(flags: string, about: string, fallback?: string): Option {
  return fallback === undefined
    ? new Option(flags, about)
    : new Option(flags, about).default(fallback)
}

export const keyOption = option(
  '--key <role>',
  'which of our keys sends: deployer, admin, guardian, reporter, keeper, payer, node',
)
export const keystoreOption = option(
  '--keystore <file>',
  'sign with this keystore; password in MUSTER_PASSWORD_FILE',
)
export const cycleOption = (fallback: string): Option =>
  option('--cycle <n>', `cycle (default: ${fallback})`)
