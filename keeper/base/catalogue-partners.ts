import { EXIT, rows } from './catalogue-row.ts'

/** Rows of the partners program. */
export const partners = rows({
  PARTNERS_RULES_INVALID: {
    sentence: 'The rules of the partners in {file} are not valid: {faults}.',
    wayOut: 'Correct the named keys; docs/partners-rules.json has them all with their defaults.',
    exitCode: EXIT.config,
  },
})
