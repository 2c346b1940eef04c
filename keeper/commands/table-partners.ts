import type { CommandRow } from './command-row.ts'

/** What partners voted, and what their hours and days give them. */
export const PARTNERS: readonly CommandRow[] = []
