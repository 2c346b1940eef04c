import type { CommandRow } from './command-row.ts'
import { CLAIMS } from './table-claims.ts'
import { DAILY } from './table-daily.ts'
import { INTAKE } from './table-intake.ts'
import { LEDGER } from './table-ledger.ts'
import { OFFICE } from './table-office.ts'
import { OPERATIONS } from './table-operations.ts'
import { PARTNERS } from './table-partners.ts'
import { PROGRAMS } from './table-programs.ts'
import { RECEIPTS } from './table-receipts.ts'
import { RECORDS } from './table-records.ts'
import { SETUP } from './table-setup.ts'
import { WALLETS } from './table-wallets.ts'

/** Every command of `muster`, in the order of a first week. */
export const COMMANDS: readonly CommandRow[] = [
  ...SETUP,
  ...DAILY,
  ...INTAKE,
  ...RECORDS,
  ...RECEIPTS,
  ...LEDGER,
  ...PROGRAMS,
  ...CLAIMS,
  ...PARTNERS,
  ...OPERATIONS,
  ...WALLETS,
  ...OFFICE,
]

/** What stands beside a word that has further words. */
export const GROUPS: Record<string, string> = {
  keys: 'keystores of the roles',
  validators: 'the roster',
  reporters: 'who pushes the hours',
  snapshot: 'evidence by hand',
  receipts: 'what intakes signed of a node',
  ledger: 'the books: what is owed, on its way and paid',
  program: 'the programs, their money and their budgets',
  partners: 'pools of the hour and the day, shared by what partners voted',
  claims: 'what payees fetch themselves, and its trees',
  wallet: 'where payees are paid',
  hold: 'who is not paid for now',
  deny: 'who is never paid',
  admin: 'operations of the timelock',
  tokens: 'who may use the admin routes',
  secrets: 'settings that are kept sealed',
  export: 'data for a move',
}
