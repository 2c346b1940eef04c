import { EXIT, rows } from './catalogue-row.ts'

/** Rows of the daily work for the programs: settings, the payer in the keeper, its jobs. */
export const programs = rows({
  PROGRAM_SETTINGS_INVALID: {
    sentence: 'With these settings nobody of {program} could be paid: {faults}.',
    wayOut: 'Nothing was changed. See what is set: `muster program list`.',
    exitCode: EXIT.usage,
  },
  PAYER_ELSEWHERE: {
    sentence: 'The keeper that runs for this home does not pay programs.',
    wayOut:
      'Nothing was taken in. Start it anew with the payer key, after `muster deploy-payouts`; or stop it and run the command again.',
    exitCode: EXIT.config,
  },
  DEAD_LETTER_UNKNOWN: {
    sentence: 'There is no dead letter {id}.',
    wayOut: '`muster jobs` lists those that wait for a person.',
    exitCode: EXIT.usage,
  },
})
