import { option } from './command-row.ts'
import type { CommandRow } from './command-row.ts'

/** What intakes signed of a validator. */
export const RECEIPTS: readonly CommandRow[] = [
  {
    usage: 'receipts list <node>',
    about: 'what this intake signed of a node, out of its own store; --json gives the receipts',
    example: './muster receipts list 0xNODE',
    options: [
      option('--from <hour>', 'hour number, unix seconds or ISO time (default: 48 hours before)'),
      option('--to <hour>', 'last hour (default: the present one)'),
    ],
    load: async () => (await import('./receipts.ts')).listReceiptsCommand,
  },
  {
    usage: 'receipts fetch <node>',
    about: 'fetch a node’s receipts from an intake into files; each is checked before it is kept',
    example: './muster receipts fetch 0xNODE --intake https://intake.example --out receipts',
    options: [
      option('--intake <url>', 'where the node beats').makeOptionMandatory(),
      option('--out <dir>', 'where they are kept').makeOptionMandatory(),
      option('--from <hour>', 'first hour (default: after the last one that is kept)'),
    ],
    load: async () => (await import('./receipts.ts')).fetchReceiptsCommand,
  },
  {
    usage: 'receipts verify <path...>',
    about: 'files or folders of receipts against the chain: a node and one address are enough',
    example: './muster receipts verify receipts/ --registry 0xREGISTRY',
    options: [
      option('--registry <address>', 'instead of a recorded deployment'),
      option('--from-block <n>', 'read events from here on (default: the deployment’s block)'),
      option('--offline', 'without a chain: only whether each proves itself'),
    ],
    load: async () => (await import('./receipts-verify.ts')).verifyReceiptsCommand,
  },
]
