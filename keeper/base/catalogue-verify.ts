import { EXIT, rows } from './catalogue-row.ts'

/** Rows of verifying: what keeps us from comparing. A difference that was found is no error but the answer. */
export const verify = rows({
  VERIFY_INCOMPLETE: {
    sentence: 'Nothing can be verified: {what}.',
    wayOut: 'Name the block of the deployment or an earlier one with --from-block.',
    exitCode: EXIT.data,
  },
  LOGS_UNAVAILABLE: {
    sentence: 'The node gives no logs of block {block}: {reason}.',
    wayOut: 'Ask a node that keeps the logs back to the deployment.',
    exitCode: EXIT.unavailable,
  },
})
