import { EXIT, rows } from './catalogue-row.ts'

const LOOK = 'Nobody should write into the store by hand. Compare with a backup of the database.'

/** What reconcile finds in the records of the partners: findings, as those of catalogue-reconcile.ts. */
export const partnersAudit = rows({
  PARTNERS_RULES_DIFFER: {
    sentence: 'The rules {version} of the partners are kept with other words: they are {made}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  PARTNERS_PERIOD_DIFFERS: {
    sentence:
      'Partners, {period}: {field} is {found}; votes, rate, rules and the period before give {expected}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  PARTNERS_SHARE_DIFFERS: {
    sentence: 'Partner {partner}, {period}: {field} is {found}; the votes give {expected}.',
    wayOut:
      'A share, a vote or an ECC was changed by hand: `muster why` explains the share as it is; compare with a backup.',
    exitCode: EXIT.failed,
  },
  PARTNERS_AWARD_DIFFERS: {
    sentence: 'Award {ref} of the partners has {field} {found}; its share gives {expected}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  PARTNERS_AWARD_STRANGE: {
    sentence:
      'Award {ref} of the partners ({amount} for {payee}) is of no share and no correction.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  PARTNERS_OUTBOX_DIFFERS: {
    sentence:
      'For the second database, hour {hour}: partner {partner} has {found}; his five amounts are {expected}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
})
