import { EXIT, rows } from './catalogue-row.ts'

/** Rows of the commands: what is asked wrongly, the local chain, the deployment, the timelock. */
export const commands = rows({
  USAGE: {
    sentence: '{what}.',
    wayOut: 'See `muster {command} --help`.',
    exitCode: EXIT.usage,
  },
  INTERRUPTED: {
    sentence: 'Stopped by a signal.',
    wayOut: 'Run the command again: what was sent is in the journal and is not sent twice.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  PORT_BUSY: {
    sentence: 'Port {port} cannot be used: {reason}.',
    wayOut: 'Stop what listens there, or choose another with --port.',
    exitCode: EXIT.unavailable,
  },
  CHAIN_STATE_BROKEN: {
    sentence: 'The local chain in {file} cannot be used: {reason}.',
    wayOut:
      'Choose another --state, or start anew with --reset: deployments on the old chain are void then.',
    exitCode: EXIT.data,
  },
  CHAIN_STATE_DIVERGED: {
    sentence: 'Block {number} of {file} came out as {found} instead of {expected}.',
    wayOut: 'Another Hardhat version mines other blocks: start anew with `muster chain --reset`.',
    exitCode: EXIT.data,
  },
  CHAIN_CALL_REFUSED: {
    sentence: 'A chain that keeps its state cannot repeat {method} after a restart.',
    wayOut: 'Start it with `muster chain --memory` for such experiments.',
    exitCode: EXIT.failed,
  },
  CONTRACTS_NOT_COMPILED: {
    sentence: 'The compiled contract {name} is not there: {reason}.',
    wayOut: 'Run `./muster npx hardhat build`.',
    exitCode: EXIT.config,
  },
  DEPLOYMENT_EXISTS: {
    sentence: 'Chain {chainId} has a deployment already: registry {registry} in {file}.',
    wayOut: 'Use it, or replace the record with --force (the old contracts stay on chain).',
    exitCode: EXIT.config,
  },
  DEPLOY_PARAMS_INVALID: {
    sentence: 'The deployment would not be sound: {faults}.',
    wayOut: 'Correct the named parameters; `muster deploy --dry-run` shows them all.',
    exitCode: EXIT.config,
  },
  DEPLOY_FAILED: {
    sentence: 'The deployment stopped: {reason}.',
    wayOut: 'Nothing was recorded. Run `muster deploy` again: finished steps are not repeated.',
    exitCode: EXIT.failed,
  },
  DEPLOY_WRONG: {
    sentence: 'What was deployed is not what was asked for: {faults}.',
    wayOut: 'Do not use these contracts; nothing was recorded. Please report it.',
    exitCode: EXIT.failed,
  },
  VERIFY_IMPOSSIBLE: {
    sentence: 'The sources of {name} at {address} could not be verified: {reason}.',
    wayOut:
      'Set ETHERSCAN_API_KEY, check that the explorer knows the chain, and run `muster verify-source`.',
    exitCode: EXIT.unavailable,
  },
  OPERATION_UNKNOWN: {
    sentence: 'The timelock knows no operation {id}.',
    wayOut: 'See `muster admin list`.',
    exitCode: EXIT.data,
  },
  OPERATION_NOT_READY: {
    sentence: 'Operation {id} is {state} and can be executed from {readyAt} on.',
    wayOut: 'Run `muster admin execute {id}` then.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  OPERATION_OVER: {
    sentence: 'Operation {id} is {state} already.',
    wayOut: 'Nothing is left to do; see `muster admin list`.',
    exitCode: EXIT.data,
  },
  PARAM_INVALID: {
    sentence: '{name} cannot be {given}: {reason}.',
    wayOut: 'See `muster params` for the names and their present values.',
    exitCode: EXIT.data,
  },
  PARAMS_PENDING: {
    sentence: 'Another change of parameters waits and would be taken back: {what}.',
    wayOut: 'Execute or cancel {id} first, or give both changes in one command.',
    exitCode: EXIT.temporary,
  },
  NOTHING_CHANGES: {
    sentence: 'Nothing would change: {what}.',
    wayOut: 'See `muster status`, `muster params` and `muster validators list` for what holds now.',
    exitCode: EXIT.data,
  },
  NO_CREDIT: {
    sentence: '{account} has no credit.',
    wayOut: 'See `muster credits` for the accounts that have one.',
    exitCode: EXIT.data,
  },
  NOT_PAYEE: {
    sentence: 'The pay of validator {index} is due to {payee}, but {sender} would sign.',
    wayOut: 'Sign with the key of {payee}: --keystore FILE. Only that key can claim.',
    exitCode: EXIT.denied,
  },
  TX_NOT_FOUND: {
    sentence: 'The journal has no transaction {id}.',
    wayOut: 'See `muster journal`; an id is its first column, a hash works too.',
    exitCode: EXIT.data,
  },
  DEMO_WRONG: {
    sentence: 'The demo does not add up: {faults}.',
    wayOut: 'Please report it with the output above.',
    exitCode: EXIT.failed,
  },
  TX_OTHER_CHAIN: {
    sentence: 'Transaction {id} belongs to chain {of}, and this is chain {chainId}.',
    wayOut: 'Name an endpoint of its chain: --rpc-url.',
    exitCode: EXIT.data,
  },
  SENDER_NOT_OPEN: {
    sentence: 'Transaction {id} was sent by {sender}, whose key is not open here.',
    wayOut:
      'Name its keystore (`muster keys list`, MUSTER_…_KEYSTORE). If a keeper runs, stop it first: it opens only its own keys.',
    exitCode: EXIT.data,
  },
  CONTROL_CLOSED: {
    sentence: 'The keeper closed the line without an answer.',
    wayOut: 'Look at its log; what was sent is in the journal. Run the command again.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  CONTROL_TOO_LONG: {
    sentence: 'A message between a command and the keeper is longer than {limit} bytes.',
    wayOut: 'Ask for less, for instance with --limit.',
    exitCode: EXIT.data,
  },
  CONTROL_UNKNOWN: {
    sentence: 'The running keeper does not know the order {name}.',
    wayOut: 'It may be older than this command: restart it.',
    exitCode: EXIT.failed,
  },
})
