import { Option } from 'commander'
import type { Report, Run } from './command.ts'

type Handler = (run: Run, options: never, args: string[]) => Promise<Report | void>

export interface CommandRow {
  /** As commander reads it: 'validators import <file>'. */
  usage: string
  about: string
  example: string
  options?: Option[]
  /** Loaded when the command runs: Hardhat and the database are not needed for a listing. */
  load(): Promise<Handler>
}

function option(flags: string, about: string, fallback?: string): Option {
  return fallback === undefined
    ? new Option(flags, about)
    : new Option(flags, about).default(fallback)
}

const keyOption = option(
  '--key <role>',
  'which of our keys sends: deployer, admin, guardian, reporter, keeper',
)
const keystoreOption = option(
  '--keystore <file>',
  'sign with this keystore; password in MUSTER_PASSWORD_FILE',
)
const cycleOption = (fallback: string): Option =>
  option('--cycle <n>', `cycle (default: ${fallback})`)

/** Every command of `muster`, in the order of a first week. */
export const COMMANDS: readonly CommandRow[] = [
  {
    usage: 'demo',
    about: 'one real day on a throw-away chain: 900 validators, 24 snapshots, extract, transfers',
    example: './muster demo --json',
    options: [
      option('--keep', 'leave the chain running and the folder in place, to look around'),
      option('--batch <n>', 'payees in one transfer (the keeper’s own default is 10)', '250'),
    ],
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  {
    usage: 'chain',
    about: 'a local test chain in this process; it keeps its state between starts',
    example: './muster chain --initial-date 2024-11-25T12:00:00Z --reset',
    options: [
      option('--port <n>', 'port on 127.0.0.1', '8545'),
      option('--state <dir>', 'where the blocks are kept (default: chain/ in the home)'),
      option('--initial-date <time>', 'time of the first block of a new chain (default: now)'),
      option('--reset', 'throw the kept blocks away and start anew'),
      option('--memory', 'keep nothing'),
      option(
        '--block-every <seconds>',
        'an empty block when none was mined for so long; 0: never',
        '60',
      ),
    ],
    load: async () => (await import('./chain.ts')).chainCommand,
  },
  {
    usage: 'keys new <role>',
    about: 'make a keystore for deployer, admin, guardian, reporter or keeper',
    example: './muster keys new keeper',
    options: [
      option('--light', 'quick to open, quick to guess: for test networks only'),
      option('--import <file>', 'take the private key of this file instead of a new one'),
    ],
    load: async () => (await import('./keys.ts')).newKeyCommand,
  },
  {
    usage: 'keys list',
    about: 'where each key is, and its address; no password is needed',
    example: './muster keys list --json',
    load: async () => (await import('./keys.ts')).listKeysCommand,
  },
  {
    usage: 'deploy',
    about: 'deploy timelock, registry and rewards; addresses go to deployments/<chain id>.json',
    example: './muster deploy --dry-run',
    options: [
      option('--dry-run', 'print parameters and powers, send nothing'),
      option('--force', 'replace the recorded deployment of this chain'),
      option('--admin <address>', 'proposes and executes on the timelock (default: its keystore)'),
      option('--guardian <address>', 'pauses, voids, revokes (default: its keystore)'),
      option('--reporter <address>', 'pushes snapshots (default: its keystore)'),
      option('--keeper <address>', 'extracts and transfers (default: its keystore)'),
      option('--sponsor <address>', 'gets an abandoned pool back (default: the deployer)'),
      option('--token <address>', 'pay in this ERC-20 (default: the native coin)'),
      option(
        '--first-cut <time>',
        'cycle 1 opens then (default: the next 18:00 of the zone that fits)',
      ),
      option('--zone <zone>', 'zone of the daily settlement (MUSTER_ZONE, default UTC)'),
      option('--daily-time <HH:MM>', 'its time (MUSTER_DAILY_TIME, default 18:00)'),
      option('--push-window <seconds>', 'how long an hour may be pushed (default 14400)'),
      option('--timelock-delay <seconds>', 'default 172800; 0 on chain 31337'),
      option('--rate <bps>', 'online rate that makes eligible (default 8000)'),
      option('--min-snapshots <n>', 'hours a cycle needs (default 20)'),
      option('--weighted', 'split by weight (default: equally)'),
      option('--pay-all', 'with nobody eligible pay everybody (default: carry)'),
      option('--max-refused <n>', 'refusals after which a batch stops (default 16)'),
      option('--stipend <gas>', 'gas a payee gets (default 30000, token 150000)'),
      option('--grace <seconds>', 'after it anyone may extract and transfer (default 86400)'),
      option('--settle-delay <seconds>', 'in it the guardian may void (default 3600; 0 on 31337)'),
      option('--cap <amount>', 'most a cycle may pay (default: none)'),
      option('--verify', 'send the sources to a block explorer afterwards'),
      option('--explorer <name>', 'etherscan, blockscout or sourcify (default etherscan)'),
    ],
    load: async () => (await import('./deploy.ts')).deployCommand,
  },
  {
    usage: 'verify-source',
    about: 'send the sources of the recorded deployment to a block explorer',
    example: 'ETHERSCAN_API_KEY=… ./muster verify-source',
    options: [option('--explorer <name>', 'etherscan, blockscout or sourcify (default etherscan)')],
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    usage: 'validators add <node> [fund]',
    about: 'register one validator; it counts from the next cycle on',
    example: './muster validators add 0xNODE 0xFUND --weight 5',
    options: [option('--weight <n>', 'share in the weighted split (default 1)')],
    load: async () => (await import('./validators.ts')).addValidatorCommand,
  },
  {
    usage: 'validators import <file>',
    about: 'register the validators of a CSV (node,fund,weight) or JSON file; safe to run again',
    example: './muster validators import validators.csv',
    load: async () => (await import('./validators.ts')).importValidatorsCommand,
  },
  {
    usage: 'validators list',
    about: 'the roster',
    example: './muster validators list --json',
    options: [option('--all', 'also those that were removed')],
    load: async () => (await import('./validators.ts')).listValidatorsCommand,
  },
  {
    usage: 'validators remove <validator...>',
    about: 'remove validators by index or node address; earned pay stays',
    example: './muster validators remove 17 0xNODE',
    load: async () => (await import('./validators.ts')).removeValidatorsCommand,
  },
  {
    usage: 'validators set-fund <validator> <address>',
    about: 'change who is paid, from the next cycle on',
    example: './muster validators set-fund 17 0xFUND',
    load: async () => (await import('./validators.ts')).setFundCommand,
  },
  {
    usage: 'validators set-weight <validator> <weight>',
    about: 'change a weight, from the next cycle on',
    example: './muster validators set-weight 17 250',
    load: async () => (await import('./validators.ts')).setWeightCommand,
  },
  {
    usage: 'fund <amount>',
    about: 'pay into the pool; it says which cycle the money joins',
    example: './muster fund 12.5',
    options: [keyOption, keystoreOption, option('--raw', 'the amount is in the smallest unit')],
    load: async () => (await import('./money.ts')).fundCommand,
  },
  {
    usage: 'params',
    about: 'the parameters in force, and those of the next cycle',
    example: './muster params --json',
    load: async () => (await import('./params.ts')).paramsCommand,
  },
  {
    usage: 'params set <name=value...>',
    about: 'change parameters from the next cycle on, through the timelock',
    example: './muster params set rateBps=9000 cap=100',
    load: async () => (await import('./params.ts')).setParamsCommand,
  },
  {
    usage: 'snapshot push',
    about: 'push one closed hour: node addresses, a bitmap, or a beats CSV',
    example: './muster snapshot push --from online.txt --hour 2026-11-21T17:00:00Z',
    options: [
      option(
        '--from <file>',
        'list of node addresses, 0x bitmap, or beats CSV',
      ).makeOptionMandatory(),
      option(
        '--hour <hour>',
        'hour number, unix seconds or ISO time (default: the last closed one)',
      ),
    ],
    load: async () => (await import('./settle.ts')).pushCommand,
  },
  {
    usage: 'extract',
    about: 'phase 1: decide a cycle after its cut',
    example: './muster extract --cycle 3',
    options: [cycleOption('the next undecided one')],
    load: async () => (await import('./settle.ts')).extractCommand,
  },
  {
    usage: 'transfer [validator...]',
    about: 'phase 2: pay validators of a decided cycle, by index or node address',
    example: './muster transfer --all --cycle 3',
    options: [
      cycleOption('the last decided one'),
      option('--all', 'everybody who is still unpaid'),
      option('--batch-size <n>', 'payees in one transaction (MUSTER_BATCH_SIZE, default 10)'),
    ],
    load: async () => (await import('./settle.ts')).transferCommand,
  },
  {
    usage: 'run-day',
    about: 'push what is missing, extract, transfer: one whole day; safe to run again',
    example: './muster run-day --replay data/validators_beats_a.csv.gz',
    options: [
      cycleOption('the oldest one that is closed and not done'),
      option('--beats <file>', 'beats CSV from which missing hours are pushed'),
      option('--replay <file>', 'chain 31337 only: replay the cycle hour by hour from a beats CSV'),
      option('--batch-size <n>', 'payees in one transaction (MUSTER_BATCH_SIZE, default 10)'),
    ],
    load: async () => (await import('./settle.ts')).runDayCommand,
  },
  {
    usage: 'keeper',
    about: 'the daemon: hourly pushes and the daily settlement, until a signal stops it',
    example: './muster keeper --beats beats.csv',
    options: [
      option('--beats <file>', 'beats CSV that grows; without it others push the snapshots'),
      option('--zone <zone>', 'zone of the daily settlement (MUSTER_ZONE, default UTC)'),
      option('--daily-time <HH:MM>', 'its time (MUSTER_DAILY_TIME, default 18:00)'),
      option('--batch-size <n>', 'payees in one transaction (MUSTER_BATCH_SIZE, default 10)'),
    ],
    load: async () => (await import('./daemon.ts')).keeperCommand,
  },
  {
    usage: 'status',
    about:
      'do the books balance (exit 1 if not), how long does the pool last, which hours are missing',
    example: './muster status --json',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    usage: 'verify',
    about:
      'recompute every cycle from the chain’s events; compare chain, journal and store (exit 1: they differ)',
    example: './muster verify --from 3 --to 5 --json',
    options: [
      option('--from <cycle>', 'first cycle (default: 1)'),
      option('--to <cycle>', 'last cycle (default: the last decided one)'),
      option('--chain-only', 'without the keeper’s store: a node is enough'),
      option('--registry <address>', 'with --chain-only instead of a recorded deployment'),
      option('--rewards <address>', 'with --chain-only instead of a recorded deployment'),
      option('--from-block <n>', 'read events from here on (default: the deployment’s block)'),
    ],
    load: async () => (await import('./audit.ts')).auditCommand,
  },
  {
    usage: 'balance <address>',
    about: 'what the chain says of an index, a node or a fund address: paid, unpaid, credit',
    example: './muster balance 0xNODE',
    load: async () => (await import('./money.ts')).balanceCommand,
  },
  {
    usage: 'credits',
    about: 'refused payments that wait for their owners',
    example: './muster credits --json',
    load: async () => (await import('./money.ts')).creditsCommand,
  },
  {
    usage: 'withdraw [account]',
    about: 'pay a credit out to its account (anyone may), or elsewhere (the account itself)',
    example: './muster withdraw 0xFUND',
    options: [keyOption, keystoreOption, option('--to <address>', 'send our own credit there')],
    load: async () => (await import('./money.ts')).withdrawCommand,
  },
  {
    usage: 'claim <validator>',
    about: 'take a validator’s own unpaid shares, with the key of its fund address',
    example: './muster claim 17 --keystore fund.json',
    options: [
      keyOption,
      keystoreOption,
      option('--cycles <list>', 'like 3,4,5 (default: all unpaid)'),
    ],
    load: async () => (await import('./money.ts')).claimCommand,
  },
  {
    usage: 'pause',
    about: 'stop extract and batches for some hours; ends by itself (guardian)',
    example: './muster pause --hours 12',
    options: [option('--hours <n>', '1 to 72', '24')],
    load: async () => (await import('./guardian.ts')).pauseCommand,
  },
  {
    usage: 'unpause',
    about: 'lift the pause (guardian)',
    example: './muster unpause',
    load: async () => (await import('./guardian.ts')).unpauseCommand,
  },
  {
    usage: 'void <cycle>',
    about: 'take a wrong extract back within its settle delay (guardian)',
    example: './muster void 12',
    load: async () => (await import('./guardian.ts')).voidCommand,
  },
  {
    usage: 'admin schedule <contract> <function> [argument...]',
    about: 'schedule any admin call of registry, rewards or timelock; lists as JSON',
    example: './muster admin schedule rewards grantRole KEEPER_ROLE 0xKEEPER',
    load: async () => (await import('./admin.ts')).scheduleCommand,
  },
  {
    usage: 'admin execute [id]',
    about: 'execute an operation whose delay is over',
    example: './muster admin execute --ready',
    options: [option('--ready', 'all that are ready, in order')],
    load: async () => (await import('./admin.ts')).executeCommand,
  },
  {
    usage: 'admin cancel <id>',
    about: 'cancel a waiting operation',
    example: './muster admin cancel 0xID',
    load: async () => (await import('./admin.ts')).cancelCommand,
  },
  {
    usage: 'admin list',
    about: 'operations of the timelock and when they are ready',
    example: './muster admin list',
    options: [option('--all', 'also those that are done or cancelled')],
    load: async () => (await import('./admin.ts')).listOperationsCommand,
  },
  {
    usage: 'journal',
    about: 'every transaction this keeper sent, newest first',
    example: './muster journal --kind transfer',
    options: [
      option('--kind <kind>', 'snapshot, extract, transfer, fund, schedule, execute …'),
      option('--state <state>', 'planned, signed, broadcast, included, final, reverted …'),
      option('--limit <n>', 'how many', '30'),
    ],
    load: async () => (await import('./journal.ts')).journalCommand,
  },
  {
    usage: 'journal show <id>',
    about: 'one transaction with all its attempts; a hash works too',
    example: './muster journal show 17',
    load: async () => (await import('./journal.ts')).showTransactionCommand,
  },
  {
    usage: 'sweep <cycle>',
    about: 'turn shares unpaid for 30 days into credits; anyone may',
    example: './muster sweep 12',
    load: async () => (await import('./wind-down.ts')).sweepCommand,
  },
  {
    usage: 'return-pool',
    about: 'give the pool back to the sponsor after 90 days without a settled cycle; anyone may',
    example: './muster return-pool',
    load: async () => (await import('./wind-down.ts')).returnPoolCommand,
  },
  {
    usage: 'export roster',
    about: 'the active validators as CSV, for a new deployment',
    example: './muster export roster > validators.csv',
    load: async () => (await import('./validators.ts')).exportRosterCommand,
  },
]

/** What stands beside a word that has further words. */
export const GROUPS: Record<string, string> = {
  keys: 'keystores of the roles',
  validators: 'the roster',
  snapshot: 'evidence by hand',
  admin: 'operations of the timelock',
  export: 'data for a move',
}
