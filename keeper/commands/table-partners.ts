import type { CommandRow } from './command-row.ts'
import { option } from './command-row.ts'

/** What partners voted, and what their hours and days give them. */
export const PARTNERS: readonly CommandRow[] = [
  {
    usage: 'partners run',
    about:
      'distribute an hour, a day, or all that is due, with everything before it; safe to run again',
    example: './muster partners run --hour 2024-10-15T07:00Z --day 2024-10-15',
    options: [
      option('--hour <when>', 'its start as an ISO time, or its number since 1970'),
      option('--day <date>', 'YYYY-MM-DD in MUSTER_PARTNERS_ZONE'),
      option('--shadow', 'calculate and record beside the books: nothing is posted or paid'),
      option('--test', 'one hourly and one daily cycle, those that ended last'),
      option('--top <n>', 'how many partners of each are shown', '10'),
    ],
    load: async () => (await import('./partners-run.ts')).partnersRunCommand,
  },
  {
    usage: 'partners status',
    about: 'how far it is: hours, days, pools, and votes that wait',
    example: './muster partners status --json',
    load: async () => (await import('./partners-status.ts')).partnersStatusCommand,
  },
  {
    usage: 'partners fund-bonus <amount>',
    about: 'add to the budget of the bonus; each reference once',
    example: './muster partners fund-bonus 1000 --reference 2026-11',
    options: [
      option('--reference <text>', 'stands for this amount for ever').makeOptionMandatory(),
    ],
    load: async () => (await import('./partners-bonus.ts')).fundBonusCommand,
  },
]
