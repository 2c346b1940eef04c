import { option } from './command-row.ts'
import type { CommandRow } from './command-row.ts'

const DIR = option('--dir <dir>', 'where the files are (default: ledger in MUSTER_HOME)')

/** The books: what was accrued, owed, sent and paid, each to the smallest unit. */
export const LEDGER: readonly CommandRow[] = [
  {
    usage: 'reconcile',
    about: 'prove books = receipts = chain; exit code 1 with every difference by its name',
    example: './muster reconcile',
    load: async () => (await import('./reconcile.ts')).reconcileCommand,
  },
  {
    usage: 'why <payment> [cycle]',
    about: 'an award, payout, or validator and cycle: from the fact to the transaction',
    example: './muster why manual:inv-2026-11-001',
    load: async () => (await import('./why.ts')).whyCommand,
  },
  {
    usage: 'ledger check',
    about: 'derive balances, sequences and the hash chain again; exit code 1 when one disagrees',
    example: './muster ledger check',
    load: async () => (await import('./ledger.ts')).checkLedgerCommand,
  },
  {
    usage: 'ledger balance',
    about: 'the trial balance: every asset by kinds of accounts, which add up to zero',
    example: './muster ledger balance',
    load: async () => (await import('./ledger.ts')).ledgerBalanceCommand,
  },
  {
    usage: 'ledger accounts [prefix]',
    about: 'accounts whose names begin so, with balance, entries and limits',
    example: './muster ledger accounts owed:manual',
    options: [option('--limit <n>', 'at most so many', '50')],
    load: async () => (await import('./ledger.ts')).ledgerAccountsCommand,
  },
  {
    usage: 'ledger archive <month>',
    about: 'move the oldest month into a file, which is verified first (YYYY-MM)',
    example: './muster ledger archive 2026-01',
    options: [DIR],
    load: async () => (await import('./ledger-archive.ts')).ledgerArchiveCommand,
  },
  {
    usage: 'ledger restore <month>',
    about: 'bring back the month that was archived last',
    example: './muster ledger restore 2026-01',
    options: [DIR],
    load: async () => (await import('./ledger-archive.ts')).ledgerRestoreCommand,
  },
]
