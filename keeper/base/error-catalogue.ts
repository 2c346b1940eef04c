import { EXIT, rows } from './catalogue-row.ts'
import { claims } from './catalogue-claims.ts'
import { commands } from './catalogue-commands.ts'
import { heartbeat } from './catalogue-heartbeat.ts'
import { ledger } from './catalogue-ledger.ts'
import { office } from './catalogue-office.ts'
import { ops } from './catalogue-ops.ts'
import { partnersAudit } from './catalogue-partners-audit.ts'
import { partners } from './catalogue-partners.ts'
import { payouts } from './catalogue-payouts.ts'
import { programs } from './catalogue-programs.ts'
import { reconcile } from './catalogue-reconcile.ts'
import { signers } from './catalogue-signers.ts'
import { validators } from './catalogue-validators.ts'
import { verify } from './catalogue-verify.ts'
import { wallets } from './catalogue-wallets.ts'

export { EXIT } from './catalogue-row.ts'
export type { CatalogueRow } from './catalogue-row.ts'

const base = rows({
  INTERNAL: {
    sentence: 'A programming fault: {what}.',
    wayOut: 'Please report it with the log lines around it.',
    exitCode: EXIT.internal,
  },
  INPUT_INVALID: {
    sentence: 'The {what} is not valid: {faults}.',
    wayOut: 'Correct the named fields and run the command again.',
    exitCode: EXIT.data,
  },
  AMOUNT_INVALID: {
    sentence: '"{text}" is not an amount above zero with at most {decimals} decimals.',
    wayOut: 'Write digits and, where there are decimals, a point: 12.5.',
    exitCode: EXIT.usage,
  },
  DECIMAL_INVALID: {
    sentence: '"{text}" is not a number of at least zero.',
    wayOut: 'Write digits, with a point and an exponent where needed: 12.5 or 2.11e-16.',
    exitCode: EXIT.data,
  },
  TIME_INVALID: {
    sentence: '"{text}" is not an ISO time with a zone.',
    wayOut: 'Write for instance 2026-11-21T18:00:00Z.',
    exitCode: EXIT.usage,
  },
  DAY_INVALID: {
    sentence: '"{text}" is not a day of the calendar.',
    wayOut: 'Write YYYY-MM-DD, for instance 2026-11-21.',
    exitCode: EXIT.usage,
  },
  TIME_OF_DAY_INVALID: {
    sentence: '"{time}" is not a time of day.',
    wayOut: 'Write HH:MM, for instance 18:00.',
    exitCode: EXIT.config,
  },
  ZONE_UNKNOWN: {
    sentence: '"{zone}" is not an IANA time zone.',
    wayOut: 'Write for instance UTC or Europe/Berlin in MUSTER_ZONE.',
    exitCode: EXIT.config,
  },
  ZONE_GRID_MISFIT: {
    sentence: 'The slots at {time} in {zone} do not fit the cuts of the contract ({firstCut}).',
    wayOut: 'Choose another zone or time, or deploy with a cut at {suggestedCut}, which fits.',
    exitCode: EXIT.config,
  },
  CSV_INVALID: {
    sentence: '{file} has faults and nothing was imported: {faults}.',
    wayOut: 'Correct the named lines and import the whole file again.',
    exitCode: EXIT.data,
  },
  FILE_UNREADABLE: {
    sentence: 'The file {file} cannot be read: {reason}.',
    wayOut: 'Check the path and the permissions.',
    exitCode: EXIT.data,
  },
  SETTING_INVALID: {
    sentence: 'The settings are not valid: {faults}.',
    wayOut: 'Correct the named environment variables; `.env.example` lists all.',
    exitCode: EXIT.config,
  },
  DEADLINE_PASSED: {
    sentence: '{what} did not succeed within {timeoutMs} ms.',
    wayOut: 'Try again; if it stays, check the service behind it.',
    exitCode: EXIT.temporary,
    retry: true,
  },
})

const store = rows({
  STORE_UNAVAILABLE: {
    sentence: 'The database cannot be reached: {reason}.',
    wayOut: 'Check DATABASE_URL and that PostgreSQL runs.',
    exitCode: EXIT.unavailable,
    retry: true,
  },
  STORE_LOCKED: {
    sentence: 'Another process (pid {pid} on {host}) holds the store in {dir}.',
    wayOut:
      'Stop it first; a running keeper answers `journal`, `status` and the orders itself. With PostgreSQL (DATABASE_URL) commands with other keys send beside it.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  STORE_NEWER: {
    sentence: 'The database is at migration {found}, this program knows only {known}.',
    wayOut: 'Run the newer program; a database is never migrated backwards.',
    exitCode: EXIT.config,
  },
  MIGRATION_CHANGED: {
    sentence: 'Migration {name} was changed after it had been applied.',
    wayOut: 'Restore the file and put the change into a new migration.',
    exitCode: EXIT.config,
  },
  ROW_MISSING: {
    sentence: 'Exactly one row was expected, {found} came.',
    wayOut: 'The store may be from another deployment: compare with `muster status`.',
    exitCode: EXIT.internal,
  },
})

const chain = rows({
  RPC_UNAVAILABLE: {
    sentence: 'The node at {url} does not answer {method}: {reason}.',
    wayOut: 'Check MUSTER_RPC_URL and that the node runs (`muster chain` starts a local one).',
    exitCode: EXIT.unavailable,
    retry: true,
  },
  RPC_REFUSED: {
    sentence: 'The node refused {method} ({fault}): {message}.',
    wayOut: 'The fault names the kind; the journal keeps what was sent.',
    exitCode: EXIT.failed,
  },
  RPC_HASH_MISMATCH: {
    sentence: 'The node at {url} answered the hash {answered} to the transaction {hash}.',
    wayOut: 'It was not counted as sent there. Take that endpoint out of MUSTER_RPC_URL.',
    exitCode: EXIT.unavailable,
    retry: true,
  },
  CHAIN_ID_WRONG: {
    sentence: 'The node at {url} is on chain {found}, but the keeper works on {expected}.',
    wayOut: 'Correct MUSTER_RPC_URL or MUSTER_CHAIN_ID.',
    exitCode: EXIT.config,
  },
  NO_CODE: {
    sentence: 'The node at {url} has no contract {name} at {address} on chain {chainId}.',
    wayOut: 'Deploy first (`muster deploy`) or correct the addresses in deployments/.',
    exitCode: EXIT.config,
  },
  KEYSTORE_UNREADABLE: {
    sentence: 'The keystore {file} cannot be used: {reason}.',
    wayOut: 'Check the path, or create one with `muster keys new`.',
    exitCode: EXIT.config,
  },
  KEYSTORE_EXISTS: {
    sentence: 'The file {file} is there already.',
    wayOut: 'Keep it or move it away: a key or its password is never overwritten.',
    exitCode: EXIT.config,
  },
  KEY_NOT_CONFIGURED: {
    sentence: 'No keystore is configured for the role {role}.',
    wayOut: 'Set {env} to a keystore file (`muster keys new` makes one).',
    exitCode: EXIT.config,
  },
  PASSWORD_WRONG: {
    sentence: 'The password does not open the keystore {file}.',
    wayOut: 'Check the password file or variable of that role.',
    exitCode: EXIT.denied,
  },
  PASSWORD_MISSING: {
    sentence: 'No password is configured for the role {role}.',
    wayOut: 'Set {env}_PASSWORD_FILE or {env}_PASSWORD.',
    exitCode: EXIT.config,
  },
  SIGNATURE_WRONG: {
    sentence: 'The signer returned a transaction whose {field} is wrong.',
    wayOut: 'Nothing was sent. Check the signer; the nonce is kept for the same intent.',
    exitCode: EXIT.failed,
  },
  IDEMPOTENCY_PAYLOAD: {
    sentence: '{kind} {key} is in the journal with another payload.',
    wayOut: 'A key stands for one payload: look at `muster journal --kind {kind}` first.',
    exitCode: EXIT.failed,
  },
  TX_WOULD_REVERT: {
    sentence: '{kind} {key} would revert with {error}({args}).',
    wayOut: 'Nothing was sent and no nonce was used. The error says which rule refuses it.',
    exitCode: EXIT.failed,
  },
  TX_REVERTED: {
    sentence: '{kind} {key} was mined but reverted: {reason} (tx {hash}).',
    wayOut: 'Look into the reason; a retry needs a new key, for instance {key}#2.',
    exitCode: EXIT.failed,
  },
  TX_CANCELLED: {
    sentence: '{kind} {key} was cancelled: {reason}.',
    wayOut: 'A retry needs a new key, for instance {key}#2.',
    exitCode: EXIT.failed,
  },
  TX_UNKNOWN: {
    sentence:
      'Nonce {nonce} of {sender} is used on chain, but no receipt of {kind} {key} is found.',
    wayOut: 'The queue is stopped. Find the transaction at that nonce before anything is sent.',
    exitCode: EXIT.failed,
  },
  NONCE_FOREIGN: {
    sentence: 'Nonce {nonce} of {sender} was used by a transaction that is not in the journal.',
    wayOut:
      'The queue is stopped: the key is used elsewhere, or the store is older than the chain.',
    exitCode: EXIT.failed,
  },
  QUEUE_STOPPED: {
    sentence: 'The queue of {sender} is stopped by {kind} {key} in state {state}: {reason}.',
    wayOut:
      'Find out what became of it (`muster journal --state {state}`), then `muster resume {id}`.',
    exitCode: EXIT.failed,
  },
  TX_NOT_STOPPED: {
    sentence: '{kind} {key} does not wait for a human: it is {state}.',
    wayOut: '`muster journal` shows what is planned, on its way or stopped.',
    exitCode: EXIT.data,
  },
  TX_UNKNOWN_STILL: {
    sentence:
      'Still no endpoint shows a receipt of {kind} {key}, and nothing proves it did not happen.',
    wayOut:
      'Look at its hashes with other nodes. `muster resume {id} --abandon` gives it up; the contract refuses a repeat.',
    exitCode: EXIT.failed,
  },
  TX_NOT_PENDING: {
    sentence: '{kind} {key} is {state}: there is nothing to {step}.',
    wayOut: '`muster journal` shows what is planned or on its way.',
    exitCode: EXIT.data,
  },
  DRAINING: {
    sentence: 'Nothing new is sent: the keeper is being drained ({kind} {key}).',
    wayOut: 'Start the keeper again: what was planned goes on.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  FEE_BUDGET_SPENT: {
    sentence:
      'Fees of {sender} in 24 hours: {spent} wei spent or reserved, {cost} more would pass {budget}.',
    wayOut: 'Wait, or raise MUSTER_DAILY_FEE_BUDGET. Nothing was signed.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  FINALITY_UNSUPPORTED: {
    sentence: 'The node does not know the block tag {tag}.',
    wayOut: 'Set MUSTER_FINALITY_DEPTH to the confirmations that count then, or use another node.',
    exitCode: EXIT.config,
  },
  NONCE_WAIT_TIMEOUT: {
    sentence: 'The chain did not count nonce {nonce} of {sender} within {timeoutMs} ms.',
    wayOut: 'Nothing else was built. Run again to resume the same transaction.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  RECEIPT_TIMEOUT: {
    sentence: '{kind} {key} has no final receipt within {timeoutMs} ms (tx {hash}).',
    wayOut: 'It stays in the journal as {state}; run again to go on watching it.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  INSUFFICIENT_FUNDS: {
    sentence: '{sender} has {balance} wei, but {kind} {key} may need {needed} wei.',
    wayOut: 'Send coin to {sender}. No nonce was used.',
    exitCode: EXIT.failed,
    retry: true,
  },
  FEE_OVER_CEILING: {
    sentence: 'The market asks {needed} wei a gas, the ceiling is {ceiling}.',
    wayOut: 'Wait, or raise MUSTER_MAX_FEE_GWEI.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  LEASE_LOST: {
    sentence: 'Another keeper has taken over the lease of {sender} (ours was epoch {epoch}).',
    wayOut: 'Nothing was signed or written. This one stops; the other one goes on.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  LEASE_HELD: {
    sentence: 'The keeper {holder} holds the lease of {sender}.',
    wayOut: 'Stop it first, or wait: the lease of a dead keeper ends by itself.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  SIDE_LOG_FAILED: {
    sentence: 'The side log {file} cannot be written: {reason}.',
    wayOut: 'Nothing was broadcast. Make room on that disk; the keeper goes on by itself.',
    exitCode: EXIT.unavailable,
    retry: true,
  },
  JOURNAL_STATE: {
    sentence: 'Transaction {id} cannot go from {from} to {to}.',
    wayOut: 'Two processes may work on one journal: stop one of them.',
    exitCode: EXIT.internal,
  },
})

/** Rows of the rooms above: grouped by room; add one and a test that asserts its code. */
const rooms = rows({
  DEPLOYMENT_MISSING: {
    sentence: 'No deployment is recorded for chain {chainId} in {dir}.',
    wayOut: 'Run `muster deploy` first.',
    exitCode: EXIT.config,
  },
  DEPLOYMENT_INVALID: {
    sentence: 'The deployment in {file} is not valid: {faults}.',
    wayOut: 'Restore the file as `muster deploy` wrote it, or deploy again.',
    exitCode: EXIT.config,
  },
})

export const CATALOGUE = {
  ...base,
  ...store,
  ...chain,
  ...rooms,
  ...commands,
  ...validators,
  ...signers,
  ...ops,
  ...verify,
  ...heartbeat,
  ...ledger,
  ...office,
  ...payouts,
  ...programs,
  ...partners,
  ...partnersAudit,
  ...wallets,
  ...claims,
  ...reconcile,
}
export type ErrorCode = keyof typeof CATALOGUE
