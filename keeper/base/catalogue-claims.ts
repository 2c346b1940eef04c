import { EXIT, rows } from './catalogue-row.ts'

/** Rows of the claims: trees, roots and what payees fetch. */
export const claims = rows({
  CLAIMS_LEAVES_INVALID: {
    sentence: 'The leaves of a claims tree are not valid: {faults}.',
    wayOut: 'Nothing was published. Sum what one address earned, and leave out who earned nothing.',
    exitCode: EXIT.data,
  },
  CLAIMS_LEAF_SHRINKS: {
    sentence: 'The new claims tree takes from those who earned: {faults}.',
    wayOut:
      'Nothing was submitted. A leaf only grows: correct what was left out, and build it again.',
    exitCode: EXIT.failed,
  },
  CLAIMS_FILE_INVALID: {
    sentence: 'The claims file {file} is not what it says: {faults}.',
    wayOut: 'Take the file whose SHA-256 is in RootSubmitted.',
    exitCode: EXIT.data,
  },
  CLAIMS_ROOT_PENDING: {
    sentence: 'The root {root} is proposed and not yet accepted.',
    wayOut: 'Nothing was submitted. Accept it after its delay, or let the guardian veto it.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  CLAIMS_ROOT_GONE: {
    sentence: 'The root {root} is not proposed any more (pending: {pending}).',
    wayOut: 'The guardian may have vetoed it: a vetoed root is barred, and another one is needed.',
    exitCode: EXIT.failed,
  },
  CLAIMS_BASE_WRONG: {
    sentence: 'The tree {given} is not the one that the contract has accepted ({root}).',
    wayOut: 'Nothing was submitted or paid. Give the file of that root.',
    exitCode: EXIT.data,
  },
  CLAIMS_NOT_DEPLOYED: {
    sentence: 'Program {program} has no claims contract.',
    wayOut:
      'Nothing was sent; what is owed stays owed. Run `muster claims deploy {program} --delay HOURS` first.',
    exitCode: EXIT.config,
  },
  CLAIMS_DEPLOYED: {
    sentence: 'The claims of {program} are at {address} already.',
    wayOut:
      'Nothing was sent. With --force another contract takes its place; what lies in the first is claimed there.',
    exitCode: EXIT.config,
  },
  CLAIMS_ROOT_VETOED: {
    sentence: 'The guardian threw the last root of {program} away ({root}).',
    wayOut:
      'What was in it is owed again. Hold or deny who should not be paid, then run `muster claims publish {program} --after-veto`.',
    exitCode: EXIT.denied,
  },
  CLAIMS_ROOT_BARRED: {
    sentence: 'The guardian barred the root {root}: the contract never takes it again.',
    wayOut:
      'Nothing was submitted. A tree with other leaves has another root: hold somebody, or wait for the next award.',
    exitCode: EXIT.denied,
  },
  CLAIMS_ROOT_RESTS: {
    sentence: 'The root {root} of {program} may be accepted from {readyAt} on.',
    wayOut: 'Until then the guardian may veto it. Run the command again after that.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  CLAIMS_ROOT_MISSING: {
    sentence: 'Program {program} has no {what}.',
    wayOut: '`muster claims status {program}` shows where its claims stand.',
    exitCode: EXIT.data,
  },
  CLAIMS_SET_ASIDE: {
    sentence: 'The guardian has set the root of {program} aside until {until}.',
    wayOut: 'Nothing was sent and nothing is lost: it is in force again by itself at that time.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  CLAIMS_LEAF_UNKNOWN: {
    sentence: '{account} has no leaf in {file}.',
    wayOut: 'Check the address; what it earned since is in the next root.',
    exitCode: EXIT.data,
  },
  CLAIMS_RECEIPT_WRONG: {
    sentence: 'The receipt {hash} of the root {root} does not fit what was sent: {fault}.',
    wayOut: 'It was not booked. Compare the transaction with `muster journal` and another node.',
    exitCode: EXIT.failed,
  },
  CLAIMS_DIFFER: {
    sentence:
      'Claims of {program} at {contract}: the store has {field} {found}, the chain {expected}.',
    wayOut:
      'Nobody should write into the store by hand. `muster claims status {program}` shows where it stands.',
    exitCode: EXIT.failed,
  },
})
