import { EXIT, rows } from './catalogue-row.ts'

/** Rows of the books. */
export const ledger = rows({
  LEDGER_POSTING_INVALID: {
    sentence: 'The posting {key} is not valid: {fault}.',
    wayOut: 'Nothing was posted. Please report it: the room that made it should have refused it.',
    exitCode: EXIT.internal,
  },
  LEDGER_CONFLICT: {
    sentence: '{key} is in the books with another content.',
    wayOut:
      'Nothing was posted. A key stands for one posting for ever: a change needs a key of its own.',
    exitCode: EXIT.data,
  },
  LEDGER_REFUSED: {
    sentence: '{key} was not posted: {why}.',
    wayOut: 'Nothing was posted. `muster ledger accounts` shows the balances and their limits.',
    exitCode: EXIT.failed,
  },
  LEDGER_ARCHIVE_ORDER: {
    sentence: 'Month {month} cannot be archived: the oldest here is {oldest}, and {open} is open.',
    wayOut: 'Archive the oldest month first. The month of the last posting stays in the database.',
    exitCode: EXIT.data,
  },
  LEDGER_ARCHIVE_DAMAGED: {
    sentence: 'The archive {file} is not what was archived: {fault}.',
    wayOut: 'Nothing was changed. Fetch the file from a backup, then run the command again.',
    exitCode: EXIT.data,
  },
  LEDGER_RESTORE_ORDER: {
    sentence: 'Month {month} cannot be restored: the newest archived month is {newest}.',
    wayOut: 'Restore the newest archived month first, so that no month is missing in between.',
    exitCode: EXIT.data,
  },
  LEDGER_BUSY: {
    sentence: '{waiting} postings wait for the database already.',
    wayOut: 'Nothing was posted. Try again when it answers faster.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  LEDGER_CLOSED: {
    sentence: 'The books are closed: the process is being stopped.',
    wayOut: 'Nothing was posted. Start it again.',
    exitCode: EXIT.temporary,
    retry: true,
  },
})
