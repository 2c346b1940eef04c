import { EXIT, rows } from './catalogue-row.ts'

/** Rows of heartbeat/, validators/, jobs/ and of the keeper that opens them. */
export const validators = rows({
  BEATS_INVALID: {
    sentence: 'The beats in {file} have {total} faults and nothing was used: {faults}.',
    wayOut: 'Correct the named lines; the header is validator,hour,beats_expected,beats_seen.',
    exitCode: EXIT.data,
  },
  HOUR_INVALID: {
    sentence: '"{text}" is not an hour.',
    wayOut: 'Give hours since 1970, or an instant on the full hour: 2026-11-21T17:00:00Z.',
    exitCode: EXIT.usage,
  },
  HOUR_MISALIGNED: {
    sentence: '"{text}" is not on a full hour.',
    wayOut: 'An hour is named by its start: {hourStart} or {nextStart}.',
    exitCode: EXIT.usage,
  },
  HOUR_NOT_OVER: {
    sentence: 'Hour {hour} ends at {endsAt}, but the chain is at {blockTime}.',
    wayOut: 'Push it after its end.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  HOUR_TOO_OLD: {
    sentence: 'Hour {hour} could be pushed until {closedAt}; the chain is at {blockTime}.',
    wayOut: 'It is lost for all validators alike and leaves the denominator (R-05).',
    exitCode: EXIT.data,
  },
  HOUR_BEFORE_FIRST_CUT: {
    sentence: 'Hour {hour} is before the first hour {firstHour} of the contract.',
    wayOut: 'Push hours from {firstHour} on.',
    exitCode: EXIT.data,
  },
  CYCLE_SETTLED: {
    sentence: 'Hour {hour} belongs to cycle {cycle}, which is decided.',
    wayOut: 'Evidence of a decided cycle cannot change; look at `muster status`.',
    exitCode: EXIT.data,
  },
  EMPTY_ROSTER: {
    sentence: 'No validator counts in cycle {cycle}, to which hour {hour} belongs.',
    wayOut: 'Register validators first; they count from the next cut on.',
    exitCode: EXIT.data,
  },
  WORD_COUNT_WRONG: {
    sentence: 'The bitmap has {given} words of 256 validators, cycle {cycle} has {expected}.',
    wayOut: 'Give {expected} words, word 0 first, each of 64 hex digits.',
    exitCode: EXIT.data,
  },
  BITS_BEYOND_ROSTER: {
    sentence: 'The bitmap names {indices}, which do not count in cycle {cycle}.',
    wayOut: 'Bit i of word w is the validator of index 256 * w + i; see `muster validators list`.',
    exitCode: EXIT.data,
  },
  SNAPSHOT_INPUT_INVALID: {
    sentence: 'The snapshot in {file} cannot be read: {faults}.',
    wayOut: 'Give a beats CSV, a list of node addresses (text, CSV or JSON) or a bitmap in hex.',
    exitCode: EXIT.data,
  },
  SNAPSHOT_UNKNOWN_NODES: {
    sentence: '{total} node addresses are not on the roster: {nodes}.',
    wayOut: 'Register them first (`muster validators add`), or take them out of the list.',
    exitCode: EXIT.data,
  },
  SNAPSHOT_DIFFERS: {
    sentence: 'Hour {hour} is closed with {stored} validators online; {given} were given now.',
    wayOut: 'A closed hour never changes: look where the two sets come from.',
    exitCode: EXIT.failed,
  },
  ROSTER_INVALID: {
    sentence: '{file} has faults and nothing was imported: {faults}.',
    wayOut: 'Correct the named entries and import the whole file again.',
    exitCode: EXIT.data,
  },
  ROSTER_INCOMPLETE: {
    sentence: 'The node returned {found} of {expected} registrations of the roster.',
    wayOut: 'Use a node that keeps logs from block {fromBlock} on.',
    exitCode: EXIT.unavailable,
  },
  NODE_KNOWN: {
    sentence: '{total} nodes are registered already: {nodes}.',
    wayOut: 'Take them out of the file, or change them with `muster validators set-fund`.',
    exitCode: EXIT.data,
  },
  VALIDATOR_UNKNOWN: {
    sentence: '{validator} is not a validator of the roster.',
    wayOut: 'Use an index or a node address of `muster validators list`.',
    exitCode: EXIT.data,
  },
  NO_CLOSED_CYCLE: {
    sentence: 'No cycle is closed yet: cycle {cycle} ends at {cut}, the chain is at {blockTime}.',
    wayOut: 'Run again after the cut.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  CYCLE_OPEN: {
    sentence: 'Cycle {cycle} is open until {cut}; the chain is at {blockTime}.',
    wayOut: 'Run again after the cut.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  CYCLE_NOT_NEXT: {
    sentence: 'Cycle {cycle} cannot be decided before cycle {next}.',
    wayOut: 'Settle the cycles in order: `muster run-day --cycle {next}` first.',
    exitCode: EXIT.data,
  },
  EVIDENCE_NOT_FINAL: {
    sentence: 'The evidence of cycle {cycle} is not final before {until}: {reason}.',
    wayOut:
      'Push the missing hours (`muster reporters` says whose), or wait until their window is over.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  REWARDS_PAUSED: {
    sentence: 'The rewards contract is paused until {until}.',
    wayOut: 'It ends by itself; the guardian may lift it earlier.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  EXTRACT_DIFFERS: {
    sentence: 'Cycle {cycle} as the chain decided it differs from our recomputation: {faults}.',
    wayOut: 'Nothing is transferred. The guardian may void the cycle within its settle delay.',
    exitCode: EXIT.failed,
  },
  EXTRACT_ENDLESS: {
    sentence: 'Cycle {cycle} is not decided after {pages} pages.',
    wayOut: 'Look at the cycle with `muster status`; run again to go on.',
    exitCode: EXIT.failed,
  },
  TRANSFER_TOO_EARLY: {
    sentence: 'Transfers of cycle {cycle} start at {from}; the chain is at {blockTime}.',
    wayOut: 'Run again then: until that moment the guardian may void the cycle.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  NOTHING_DECIDED: {
    sentence: 'No cycle is decided yet: cycle {cycle} ends at {cut}, the chain is at {blockTime}.',
    wayOut: 'After its cut: `muster extract`, or the whole day by `muster run-day`.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  CYCLE_NOT_SETTLED: {
    sentence: 'Cycle {cycle} has nothing to transfer: it is {state}.',
    wayOut: 'Extract it first: `muster extract --cycle {cycle}`.',
    exitCode: EXIT.data,
  },
  TRANSFER_STUCK: {
    sentence: '{unpaid} validators of cycle {cycle} stay unpaid after {rounds} rounds.',
    wayOut: 'Look at the refusals in the log; the validators can claim their shares themselves.',
    exitCode: EXIT.failed,
  },
  ATTEMPTS_SPENT: {
    sentence: '{kind} {key} was reverted {attempts} times.',
    wayOut: 'Find the reason in `muster journal --kind {kind}` before anything is sent again.',
    exitCode: EXIT.failed,
  },
  KEYS_NOT_SEPARATE: {
    sentence: 'Two of the keys reporter, keeper and payer have the same address {address}.',
    wayOut:
      'Create a key for each: one stolen key must not both make and settle evidence, or pay programs beside it.',
    exitCode: EXIT.config,
  },
  REPLAY_NOT_LOCAL: {
    sentence: 'Past days can be replayed on chain 31337 only, this is chain {chainId}.',
    wayOut: 'Start a local chain with `muster chain`.',
    exitCode: EXIT.config,
  },
  REPLAY_TOO_LATE: {
    sentence: 'The chain is at {blockTime}, after hour {hour} could be pushed.',
    wayOut: 'Start the local chain with an earlier date: `muster chain --initial-date`.',
    exitCode: EXIT.data,
  },
  REPORTERS_UNKNOWN: {
    sentence: 'The node returned no reporter of the registry.',
    wayOut: 'Use a node that keeps logs from block {fromBlock} on.',
    exitCode: EXIT.unavailable,
  },
  NOT_REPORTER: {
    sentence: '{reporter} may not push for cycle {cycle}: {reason}.',
    wayOut: 'See `muster reporters`; the admin adds one with `muster reporters add`.',
    exitCode: EXIT.denied,
  },
  RECORD_DIFFERS: {
    sentence:
      'Cycle {cycle}, validator {index}: the contract says {contract}, its events say {events}.',
    wayOut: 'The node may have lost logs: ask another one, then run `muster verify --chain-only`.',
    exitCode: EXIT.failed,
  },
  REPLAY_NO_BEATS: {
    sentence: '{file} has no beats for hour {hour} of cycle {cycle}.',
    wayOut: 'Choose a cycle whose 24 hours are in the file.',
    exitCode: EXIT.data,
  },
  RUN_IN_PROGRESS: {
    sentence: 'The slot {slot} of {job} is being run by another process or call.',
    wayOut: 'Wait for it; a manual and a scheduled run share the slot.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  PLAN_CHANGED: {
    sentence: 'The slot {slot} of {job} was started with {field} {planned}, but it is {now} now.',
    wayOut:
      'Go back to the chain and the deployment it was started on, or give the new one a store of its own.',
    exitCode: EXIT.config,
  },
  HOUR_UNHEARD: {
    sentence: '{source} has no beats of hour {hour} yet.',
    wayOut: 'The slot waits for them until the window of the hour is over.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  STOPPED: {
    sentence: 'The keeper was asked to stop.',
    wayOut: 'The journal has what was sent; start again to go on.',
    exitCode: EXIT.temporary,
    retry: true,
  },
})
