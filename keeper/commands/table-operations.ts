import { option } from './command-row.ts'
import type { CommandRow } from './command-row.ts'

const dryRun = option('--dry-run', 'say what it would do, change nothing')

/** What an operator does by hand: the timelock, the journal, the end. */
export const OPERATIONS: readonly CommandRow[] = [
  {
    usage: 'admin schedule <contract> <function> [argument...]',
    about: 'schedule any admin call of registry, rewards or timelock; lists as JSON',
    example: './muster admin schedule rewards grantRole KEEPER_ROLE 0xKEEPER',
    load: async () => (await import('./admin.ts')).scheduleCommand,
  },
  {
    usage: 'admin execute [id]',
    about: 'execute an operation whose delay is over',
    example: './muster admin execute --ready',
    options: [option('--ready', 'all that are ready, in order')],
    load: async () => (await import('./admin.ts')).executeCommand,
  },
  {
    usage: 'admin cancel <id>',
    about: 'cancel a waiting operation',
    example: './muster admin cancel 0xID',
    load: async () => (await import('./admin.ts')).cancelCommand,
  },
  {
    usage: 'admin list',
    about: 'operations of the timelock and when they are ready',
    example: './muster admin list',
    options: [option('--all', 'also those that are done or cancelled')],
    load: async () => (await import('./admin.ts')).listOperationsCommand,
  },
  {
    usage: 'journal',
    about: 'every transaction this keeper sent, newest first',
    example: './muster journal --kind transfer',
    options: [
      option('--kind <kind>', 'snapshot, extract, transfer, fund, schedule, execute …'),
      option('--state <state>', 'planned, signed, broadcast, included, final, reverted …'),
      option('--limit <n>', 'how many', '30'),
    ],
    load: async () => (await import('./journal.ts')).journalCommand,
  },
  {
    usage: 'journal show <id>',
    about: 'one transaction with all its attempts; a hash works too',
    example: './muster journal show 17',
    load: async () => (await import('./journal.ts')).showTransactionCommand,
  },
  {
    usage: 'resume [id]',
    about: 'go on with all that is on its way, or decide about one that stopped the queue',
    example: './muster resume 17',
    options: [
      option('--abandon', 'give up a transaction of which nothing is proven: it will not be sent'),
      dryRun,
    ],
    load: async () => (await import('./orders.ts')).orderCommand('resume'),
  },
  {
    usage: 'bump <id>',
    about: 'offer a transaction that is not mined at a higher fee now',
    example: './muster bump 17',
    options: [dryRun],
    load: async () => (await import('./orders.ts')).orderCommand('bump'),
  },
  {
    usage: 'cancel <id>',
    about:
      'send nothing with the nonce of a transaction that is not mined; either of them is mined',
    example: './muster cancel 17',
    options: [dryRun],
    load: async () => (await import('./orders.ts')).orderCommand('cancel'),
  },
  {
    usage: 'drain',
    about: 'begin nothing new, let what is on its way end, and stop the keeper',
    example: './muster drain',
    options: [dryRun],
    load: async () => (await import('./orders.ts')).orderCommand('drain'),
  },
  {
    usage: 'unlock',
    about: 'take away the lock and the leases that a dead keeper left; refused while it lives',
    example: './muster unlock',
    options: [dryRun],
    load: async () => (await import('./unlock.ts')).unlockCommand,
  },
  {
    usage: 'sweep <cycle>',
    about: 'turn shares unpaid for 30 days into credits; anyone may',
    example: './muster sweep 12',
    load: async () => (await import('./wind-down.ts')).sweepCommand,
  },
  {
    usage: 'return-pool',
    about: 'give the pool back to the sponsor after 90 days without a settled cycle; anyone may',
    example: './muster return-pool',
    load: async () => (await import('./wind-down.ts')).returnPoolCommand,
  },
  {
    usage: 'export roster',
    about: 'the active validators as CSV, for a new deployment',
    example: './muster export roster > validators.csv',
    load: async () => (await import('./validators.ts')).exportRosterCommand,
  },
]
