import { EXIT, rows } from './catalogue-row.ts'

/** Rows of the partners program. */
export const partners = rows({
  PARTNERS_RULES_INVALID: {
    sentence: 'The rules of the partners in {file} are not valid: {faults}.',
    wayOut: 'Correct the named keys; docs/partners-rules.json has them all with their defaults.',
    exitCode: EXIT.config,
  },
  PARTNERS_SOURCE_INVALID: {
    sentence: 'The description of the partners’ source in {file} is not valid: {faults}.',
    wayOut: 'Correct the named keys; docs/partners-source.md says what each of them means.',
    exitCode: EXIT.config,
  },
  PARTNERS_SOURCE_MISSING: {
    sentence: 'No source of votes is named: {what} is not set.',
    wayOut: 'Set it, or take votes in from a file: ./muster partners import votes FILE.',
    exitCode: EXIT.config,
  },
  PARTNERS_DATABASE_URL: {
    sentence: 'The URL of {what} is not valid: {fault}.',
    wayOut: 'Write it as docs/partners-source.md has it, mysql://user:password@host:3306/database.',
    exitCode: EXIT.config,
  },
  PARTNERS_DATABASE_AWAY: {
    sentence: 'The database of {what} does not answer: {reason}.',
    wayOut: 'Nothing is lost: what was read is kept, and the next run goes on from there.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  PARTNERS_DATABASE_REFUSED: {
    sentence: 'The database of {what} refuses what is asked of it: {reason}.',
    wayOut: 'Correct the account, its rights or the named table there, or the URL here.',
    exitCode: EXIT.config,
  },
  PARTNERS_ROWS_INVALID: {
    sentence: 'Of the rows nothing is taken in: {faults}.',
    wayOut: 'Correct the named rows and send all of them again: what is on record stays once.',
    exitCode: EXIT.data,
  },
  PARTNERS_TOO_MANY_ROWS: {
    sentence: '{rows} rows are more than {most} at once.',
    wayOut: 'Give them in several parts; a row that comes twice is taken in once.',
    exitCode: EXIT.data,
  },
  PARTNERS_SPECIAL_REFUSED: {
    sentence: 'The sum of {partner} at {time} cannot be written to {table}: {fault}.',
    wayOut: 'It stays here until it is sent; docs/partners.md has the columns to create there.',
    exitCode: EXIT.data,
  },
  PARTNERS_SPECIAL_BUSY: {
    sentence: 'Another process sends to {table} now.',
    wayOut: 'Nothing to do: one at a time sends, and this one tries again with the next run.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  PARTNERS_SPECIAL_UNSET: {
    sentence: 'No second database is named for special partners.',
    wayOut: 'Set MUSTER_PARTNERS_SPECIAL_URL; until then their hourly sums wait here.',
    exitCode: EXIT.config,
  },
  PARTNERS_PERIOD_PASSED: {
    sentence: '{period} is before {first}, with which the distributions began.',
    wayOut:
      'Nothing was posted. What was voted before is not counted; see `muster partners status`.',
    exitCode: EXIT.usage,
  },
  PARTNERS_PERIOD_OPEN: {
    sentence: '{period} ends at {end}: until then votes may come.',
    wayOut: 'Nothing was posted. Run the command again after that.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  PARTNERS_TOO_FAR: {
    sentence: '{hours} hours are to be distributed before that, more than {limit} in one run.',
    wayOut: 'Nothing was posted. Name an earlier hour first, and go on from there.',
    exitCode: EXIT.usage,
  },
  PARTNERS_TOO_EARLY: {
    sentence:
      '{first} would be the first hour of all, and the first vote is of {oldest}, more than a year later.',
    wayOut:
      'Nothing was posted. Take in the votes, and begin near the first of them: --hour, --day or MUSTER_PARTNERS_FROM.',
    exitCode: EXIT.usage,
  },
  PARTNERS_ZONE_CHANGED: {
    sentence: 'The days of the partners are those of {kept}, not of {zone}.',
    wayOut:
      'Nothing was posted. The zone is chosen once, with the first hour: set MUSTER_PARTNERS_ZONE back.',
    exitCode: EXIT.config,
  },
  PARTNERS_POOL_DIFFERS: {
    sentence: 'The pool {account} has {balance} in the books, but {expected} by the distributions.',
    wayOut:
      'Nothing was posted. `muster reconcile` names what differs; nothing is distributed until it agrees.',
    exitCode: EXIT.data,
  },
  PARTNERS_NOT_DISTRIBUTED: {
    sentence: 'There is nothing to correct: {period} is not distributed.',
    wayOut: 'Votes of a period that is still to come are counted with it: no correction is needed.',
    exitCode: EXIT.usage,
  },
  PARTNERS_CORRECTION_SHADOW: {
    sentence: 'What was given for {period} is the shadow’s: nothing was paid that could differ.',
    wayOut: 'Nothing was posted. Correct what was distributed with MUSTER_PARTNERS=pay.',
    exitCode: EXIT.usage,
  },
  PARTNERS_CORRECTION_UNSAFE: {
    sentence: 'What was given for {period} does not follow from the votes of then: {faults}.',
    wayOut:
      'Nothing was posted. Somebody changed votes, shares or rules in the store; `muster reconcile` has all of it.',
    exitCode: EXIT.data,
  },
  PARTNERS_SHARE_UNKNOWN: {
    sentence: 'Partner {partner} has no share of {period}.',
    wayOut:
      'Who did not vote in it has none. `muster partners status` says what is distributed and which votes wait.',
    exitCode: EXIT.data,
  },
})
