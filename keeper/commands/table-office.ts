import type { CommandRow } from './command-row.ts'
import { option } from './command-row.ts'
import type { OfficeOrderName } from './office-orders.ts'

/** Who may do what from outside, and what was done. */
export const OFFICE: readonly CommandRow[] = [
  {
    usage: 'tokens add <name>',
    about: 'a token for the admin routes; it is shown once and only its hash is stored',
    example: './muster tokens add alice --role operator --expires 90d',
    options: [
      option(
        '--role <role>',
        'viewer, operator, finance, admin, or feeder: a system that sends votes',
      ),
      option('--expires <when>', 'days (90d) or an ISO time; without it, until it is revoked'),
    ],
    load: () => loadOrder('tokens add'),
  },
  {
    usage: 'tokens list',
    about: 'every token: whose, which role, and whether it is in force',
    example: './muster tokens list',
    load: () => loadOrder('tokens list'),
  },
  {
    usage: 'tokens revoke <name>',
    about: 'from now on that token is not taken any more',
    example: './muster tokens revoke alice',
    load: () => loadOrder('tokens revoke'),
  },
  {
    usage: 'secrets set <name>',
    about: 'seal a setting in the store (MUSTER_CONFIG_KEYS); the value comes on standard input',
    example: './muster secrets set partners.api-key < api-key.txt',
    options: [option('--file <path>', 'take the value from this file')],
    load: async () => (await import('./secrets.ts')).setSecretCommand,
  },
  {
    usage: 'secrets list',
    about: 'names, keys and dates of the sealed settings; a value is never shown',
    example: './muster secrets list',
    load: () => loadOrder('secrets list'),
  },
  {
    usage: 'secrets rotate',
    about: 'seal with the first key all that an older one has sealed',
    example: 'MUSTER_CONFIG_KEYS=k2=new.key,k1=old.key ./muster secrets rotate',
    load: () => loadOrder('secrets rotate'),
  },
  {
    usage: 'secrets remove <name>',
    about: 'forget a sealed setting',
    example: './muster secrets remove partners.api-key',
    load: () => loadOrder('secrets remove'),
  },
  {
    usage: 'jobs',
    about:
      "the programs' jobs by lane, and those that failed for good; exit code 1 if there are any",
    example: './muster jobs',
    load: () => loadOrder('jobs'),
  },
  {
    usage: 'jobs redrive <id>',
    about: 'try a dead letter again, with all its attempts, once its cause is gone',
    example: './muster jobs redrive 0b5c2f0e-5d0e-4b8c-9d53-2f2b8c9a1e77',
    load: () => loadOrder('jobs redrive'),
  },
  {
    usage: 'trail',
    about: 'what admins did, newest first: who, what, and what it changed',
    example: './muster trail --actor token:alice --since 2026-11-01T00:00:00Z',
    options: [
      option('--actor <who>', 'token:NAME, or cli:USER for a person at this machine'),
      option('--action <what>', 'token.add, token.revoke …'),
      option('--since <time>', 'not older than this ISO time'),
      option('--limit <n>', 'how many', '30'),
    ],
    load: () => loadOrder('trail'),
  },
  {
    usage: 'trail check',
    about: 'prove that no action of the trail was changed, taken out or put in',
    example: './muster trail check',
    options: [option('--head <n:hash>', 'a head that was written down: it must still be in it')],
    load: () => loadOrder('trail check'),
  },
]

async function loadOrder(name: OfficeOrderName): ReturnType<CommandRow['load']> {
  const { officeCommand } = await import('./office.ts')
  const { OFFICE_ORDERS } = await import('./office-orders.ts')
  return officeCommand(name, OFFICE_ORDERS[name])
}
