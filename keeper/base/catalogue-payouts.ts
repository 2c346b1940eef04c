import { EXIT, rows } from './catalogue-row.ts'

/** Rows of the payouts of the programs. */
export const payouts = rows({
  PAYOUTS_NOT_DEPLOYED: {
    sentence: 'The deployment of chain {chainId} has no ProgramPayouts contract.',
    wayOut: 'Run `muster deploy-payouts` first.',
    exitCode: EXIT.config,
  },
  PAYOUTS_DEPLOYED: {
    sentence: 'ProgramPayouts of chain {chainId} is at {address} already.',
    wayOut:
      'Nothing was sent. With --force another one takes its place; the first keeps its money.',
    exitCode: EXIT.config,
  },
  PROGRAM_UNKNOWN: {
    sentence: '"{program}" is not a program: {known}.',
    wayOut: 'Name one of those.',
    exitCode: EXIT.usage,
  },
  PROGRAM_NOT_ADDED: {
    sentence: 'The contract does not know program {number} ({program}).',
    wayOut:
      'Run `muster program add {program}` first, then `muster program fund {program} AMOUNT`.',
    exitCode: EXIT.config,
  },
  PROGRAM_CHANGED: {
    sentence: 'Program {program} is in the books with another {field}: {found} instead of {given}.',
    wayOut: 'Nothing was posted. Use the store and the deployment that belong together.',
    exitCode: EXIT.config,
  },
  AWARD_INVALID: {
    sentence: 'The award {ref} of {program} is not valid: {fault}.',
    wayOut: 'Nothing was posted. Correct it and run again.',
    exitCode: EXIT.data,
  },
  AWARD_CONFLICT: {
    sentence: 'Awards of {program} are on record with another content: {faults}.',
    wayOut: 'Nothing was posted. A reference stands for one award for ever: give a change its own.',
    exitCode: EXIT.data,
  },
  PAYOUT_MOVED: {
    sentence: 'Payouts of {program} were taken or held back, or a wallet changed, in the meantime.',
    wayOut: 'Nothing was planned. Run the command again.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  PAYOUT_SEQ_USED: {
    sentence: 'The contract has paid batch {seq} of {program}, which this store does not know of.',
    wayOut:
      'Nothing was sent. The store is older than the chain: restore a newer one before anything is paid.',
    exitCode: EXIT.failed,
  },
  PAYOUT_RECEIPT_WRONG: {
    sentence: 'The receipt {hash} of batch {batch} does not fit what was sent: {fault}.',
    wayOut: 'It was not booked. Compare the transaction with `muster journal` and another node.',
    exitCode: EXIT.failed,
  },
  PAYOUT_ENDLESS: {
    sentence: 'Payouts of {program} are still owed after {rounds} rounds of batches.',
    wayOut: 'What was paid is booked. Run again; if it stays, look at the refusals of its batches.',
    exitCode: EXIT.failed,
  },
})
