import { option } from './command-row.ts'
import type { CommandRow } from './command-row.ts'
import { READING_OPTIONS } from './open-reading.ts'

/** What the chain has of validators and of those who watch them; readable without a key. */
export const RECORDS: readonly CommandRow[] = [
  {
    usage: 'validator <address>',
    about: 'its hours, whether it will be paid, what it earned; from the chain, without a key',
    example: './muster validator 0xNODE --rewards 0xREWARDS --rpc-url http://127.0.0.1:8545',
    options: [
      option('--cycle <n>', 'one cycle, with the transaction that proves each hour'),
      option('--cycles <n>', 'decided cycles to look back', '7'),
      option('--explorer <url>', 'base of transaction links (default: of known chains)'),
      ...READING_OPTIONS,
    ],
    load: async () => (await import('./validator.ts')).validatorCommand,
  },
  {
    usage: 'reporters',
    about: 'who pushes the hours: how many, how late, and where they disagree about whom',
    example: './muster reporters --cycle 3',
    options: [
      option('--cycle <n>', 'this cycle (default: the open one and the one before)'),
      ...READING_OPTIONS,
    ],
    load: async () => (await import('./reporters.ts')).reportersCommand,
  },
  {
    usage: 'reporters add <address>',
    about: 'one more reporter from the next cycle on; a majority of them decides (timelock)',
    example: './muster reporters add 0xREPORTER',
    load: async () => (await import('./reporters.ts')).addReporterCommand,
  },
  {
    usage: 'reporters remove <address>',
    about: 'one reporter less from the next cycle on (timelock)',
    example: './muster reporters remove 0xREPORTER',
    load: async () => (await import('./reporters.ts')).removeReporterCommand,
  },
  {
    usage: 'reporters expel <address>',
    about: 'silence a reporter at once and drop what it pushed for open cycles (guardian)',
    example: './muster reporters expel 0xREPORTER',
    load: async () => (await import('./reporters.ts')).expelReporterCommand,
  },
]
