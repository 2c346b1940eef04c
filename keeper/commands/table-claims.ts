import { option } from './command-row.ts'
import type { CommandRow } from './command-row.ts'

/** What payees of a program fetch themselves. */
export const CLAIMS: readonly CommandRow[] = [
  {
    usage: 'claims deploy <program>',
    about: 'deploy and join a program’s claims contract, through the timelock',
    example: './muster claims deploy manual --delay 24',
    options: [
      option(
        '--delay <hours>',
        'how long a root rests before it is accepted (1 to 336)',
      ).makeOptionMandatory(),
      option('--force', 'although one is recorded: what lies in it is claimed there'),
    ],
    load: async () => (await import('./deploy-claims.ts')).deployClaimsCommand,
  },
  {
    usage: 'claims publish <program>',
    about: 'settle, write the tree’s file, and propose its root; safe to run again',
    example: './muster claims publish manual',
    options: [option('--after-veto', 'although the guardian threw the last one away')],
    load: async () => (await import('./claims.ts')).publishClaimsCommand,
  },
  {
    usage: 'claims status <program>',
    about: 'the root in force, the one that rests, what is claimed and what is not',
    example: './muster claims status manual --json',
    load: async () => (await import('./claims-show.ts')).claimsStatusCommand,
  },
  {
    usage: 'claims accept <program>',
    about: 'make a root that has rested the one to claim from; books what was claimed',
    example: './muster claims accept manual',
    load: async () => (await import('./claims.ts')).acceptClaimsCommand,
  },
  {
    usage: 'claims pay <program>',
    about: 'pay what is open at our cost, by ranges of leaves; each once a root',
    example: './muster claims pay manual',
    options: [
      option('--again', 'also ranges that were paid for this root: who refused may take it now'),
      option('--leaves <n>', 'leaves of a transaction, a power of two up to 256 (default 128)'),
    ],
    load: async () => (await import('./claims.ts')).payClaimsCommand,
  },
  {
    usage: 'claims proof <program> <address>',
    about: 'what a payee sends to claim, from the published file',
    example: './muster claims proof manual 0x1111111111111111111111111111111111111111',
    options: [option('--file <json>', 'the tree (default: the one that we published)')],
    load: async () => (await import('./claims-show.ts')).claimsProofCommand,
  },
  {
    usage: 'claims verify <file>',
    about: 'anybody: compare a published tree with the chain; needs no store of ours',
    example: './muster claims verify claims-1-1-0x….json --previous claims-1-1-0x….json',
    options: [option('--previous <file>', 'and nobody may have less than in this one')],
    load: async () => (await import('./claims-show.ts')).verifyClaimsCommand,
  },
  {
    usage: 'claims veto <program>',
    about: 'guardian: throw the root that rests away, for good',
    example: './muster claims veto manual',
    load: async () => (await import('./claims-guardian.ts')).vetoClaimsCommand,
  },
  {
    usage: 'claims set-aside <program>',
    about: 'guardian: nobody claims for a while; it ends by itself',
    example: './muster claims set-aside manual --hours 24',
    options: [option('--hours <n>', '1 to 72').makeOptionMandatory()],
    load: async () => (await import('./claims-guardian.ts')).setAsideClaimsCommand,
  },
  {
    usage: 'claims restore <program>',
    about: 'guardian: end that',
    example: './muster claims restore manual',
    load: async () => (await import('./claims-guardian.ts')).restoreClaimsCommand,
  },
]
