import type { CommandRow } from './command-row.ts'
import { option } from './command-row.ts'
import type { PartnerOrderName } from './partner-orders.ts'

/** What partners voted, and what their hours and days give them. */
export const PARTNERS: readonly CommandRow[] = [
  {
    usage: 'partners import <kind> <file>',
    about: 'take in a CSV (or .csv.gz) of votes, ecc, rates or partners; safe to run again',
    example:
      './muster partners import votes data/votes_a.csv.gz --map docs/examples/partners-votes-a.json',
    options: [
      option('--map <file>', 'which columns say what (default: those of docs/partners-import.md)'),
      option('--source <name>', 'whose keys they are (default: the name in the map, else csv)'),
    ],
    load: async () => (await import('./partners-import.ts')).partnersImportCommand,
  },
  {
    usage: 'partners pull',
    about: 'take in what the source has since the last time, by MUSTER_PARTNERS_SOURCE',
    example: './muster partners pull --since 2024-10-15T00:00:00Z',
    options: [
      option('--since <when>', 'read again from that ISO time on, for rows that came very late'),
    ],
    load: async () => (await import('./partners-pull.ts')).partnersPullCommand,
  },
  {
    usage: 'partners run',
    about:
      'distribute an hour, a day, or all that is due, with everything before it; safe to run again',
    example: './muster partners run --hour 2024-10-15T07:00Z --day 2024-10-15',
    options: [
      option('--hour <when>', 'its start as an ISO time, or its number since 1970'),
      option('--day <date>', 'YYYY-MM-DD in MUSTER_PARTNERS_ZONE'),
      option('--shadow', 'calculate and record beside the books: nothing is posted or paid'),
      option(
        '--test',
        'one hourly and one daily cycle, those that ended last, with what is missing before',
      ),
      option('--top <n>', 'how many partners of each are shown', '10'),
    ],
    load: async () => (await import('./partners-run.ts')).partnersRunCommand,
  },
  {
    usage: 'partners correct',
    about: 'share an hour or a day again with the votes that came late; safe to run again',
    example: './muster partners correct --day 2024-10-15 --dry-run',
    options: [
      option('--hour <when>', 'its start as an ISO time, or its number since 1970'),
      option('--day <date>', 'its hours with late votes, and then the day'),
      option('--dry-run', 'say what would change, and post nothing'),
      option('--top <n>', 'how many changed shares of each are shown', '20'),
    ],
    load: async () => (await import('./partners-correct.ts')).partnersCorrectCommand,
  },
  {
    usage: 'partners status',
    about: 'how far it is: hours, days, pools, and votes that wait',
    example: './muster partners status --json',
    load: async () => (await import('./partners-status.ts')).partnersStatusCommand,
  },
  {
    usage: 'partners why <partner>',
    about: 'each of a partner’s amounts of an hour or a day, and what it comes from',
    example: './muster partners why p17 --day 2024-10-15',
    options: [
      option('--hour <when>', 'its start as an ISO time, or its number since 1970'),
      option('--day <date>', 'YYYY-MM-DD (default: the last one that he has a share of)'),
    ],
    load: () => loadOrder('partners why'),
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
  {
    usage: 'partners special',
    about: 'hourly sums for the second database: what was sent, what waits, and why',
    example: './muster partners special --send',
    options: [option('--send', 'send what waits now, not with the keeper’s next run')],
    load: () => loadOrder('partners special'),
  },
]

async function loadOrder(name: PartnerOrderName): ReturnType<CommandRow['load']> {
  const { officeCommand } = await import('./office.ts')
  const { PARTNER_ORDERS } = await import('./partner-orders.ts')
  return officeCommand(name, PARTNER_ORDERS[name])
}
