import { EXIT, rows } from './catalogue-row.ts'

const RERUN =
  'Run `muster payout` or let the keeper run: it books what is final. Then reconcile again.'
const LOOK = 'Nobody should write into the store by hand. Compare with a backup of the database.'

/** What reconcile finds: each row is a finding, not a failure of the command. */
export const reconcile = rows({
  BOOKS_UNSOUND: {
    sentence: 'The books contradict themselves: {what} {where}: {says}.',
    wayOut: '`muster ledger check` derives them again. A row was changed: restore from a backup.',
    exitCode: EXIT.failed,
  },
  RECEIPT_NOT_BOOKED: {
    sentence: '{event} of transaction {tx} (block {block}) is final; the books lack {key}.',
    wayOut: RERUN,
    exitCode: EXIT.failed,
  },
  RECORD_NOT_BOOKED: {
    sentence: '{record} is on record; the books lack {key}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  BOOKING_DIFFERS: {
    sentence: '{key}: the books have {field} {found}, but it is {expected} by {source}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  BOOKED_WITHOUT_CAUSE: {
    sentence: 'The books have {key} ({code}, {amount} to {credit}); no record and no receipt does.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  BATCH_NOT_OURS: {
    sentence:
      'Transaction {tx} paid batch {seq} of program {program} on chain; this store has no such batch.',
    wayOut:
      'Another store or somebody else has the payer’s key: `muster program revoke`, then find out who.',
    exitCode: EXIT.failed,
  },
  BATCH_UNREADABLE: {
    sentence: 'What transaction {tx} paid cannot be read: {fault}.',
    wayOut: 'Ask another node; if it says the same, the batch went through a contract of others.',
    exitCode: EXIT.failed,
  },
  BATCH_WITHOUT_RECEIPT: {
    sentence: 'Batch {seq} of {program} is done in the store; the contract has not paid it.',
    wayOut: 'The chain lost it (a reorg), or the row was changed: `muster journal` has its hash.',
    exitCode: EXIT.failed,
  },
  BATCH_DIFFERS: {
    sentence: 'Batch {seq} of {program}: the store has {field} {found}, the chain {expected}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  PAYMENT_DIFFERS: {
    sentence:
      'Payment {position} of batch {seq} of {program}: the store has {field} {found}, the chain {expected}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  PAYOUT_DIFFERS: {
    sentence: 'Payout {payout} of {program}: {fault}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  JOURNAL_DIFFERS: {
    sentence: 'Batch {seq} of {program}: the journal has {field} {found}, the chain {expected}.',
    wayOut: '`muster verify` compares the whole journal with the chain.',
    exitCode: EXIT.failed,
  },
  ROOT_NOT_OURS: {
    sentence:
      'Transaction {tx} put the root {root} of {program} in force; this store has none such.',
    wayOut:
      'Another store or somebody else has the payer’s key: `muster program revoke`, then find out who.',
    exitCode: EXIT.failed,
  },
  ROOT_WITHOUT_RECEIPT: {
    sentence: 'The root {root} of {program} is accepted in the store; on chain it never was.',
    wayOut: 'The chain lost it (a reorg), or the row was changed: `muster journal` has its hash.',
    exitCode: EXIT.failed,
  },
  BALANCE_DIFFERS: {
    sentence: '{account}: the books have {found}, the records {expected}.',
    wayOut: LOOK,
    exitCode: EXIT.failed,
  },
  CREDIT_DIFFERS: {
    sentence: 'Credit of {address}: the books have {found}, the contract {expected}.',
    wayOut: 'The lines above say which event is missing, if one is. Nothing is lost on chain.',
    exitCode: EXIT.failed,
  },
  HOLDING_DIFFERS: {
    sentence: '{contract}: by the books {what} is {found}, on chain {expected}.',
    wayOut: 'The lines above say which event is missing, if one is. Nothing is lost on chain.',
    exitCode: EXIT.failed,
  },
  RECONCILE_MOVED: {
    sentence: 'The books moved on while they were compared ({times} times).',
    wayOut: 'Nothing was found wrong. Run it again, best when no batch is on its way.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  PAYMENT_UNKNOWN: {
    sentence: 'Nothing is known of {ref}{near}.',
    wayOut:
      'Give an award (program:reference), a payout’s key, a batch, a transaction, or a validator and its cycle; `muster program show` lists.',
    exitCode: EXIT.data,
  },
})
