import { cycleOption, keyOption, keystoreOption, option } from './command-row.ts'
import type { CommandRow } from './command-row.ts'
import { intakePortOption } from './table-intake.ts'

/** What happens every day, and how it is watched. */
export const DAILY: readonly CommandRow[] = [
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
    usage: 'plan',
    about: 'a dry run: what the day would send now, and what it may cost; no key is needed',
    example: './muster plan --cycle 3',
    options: [cycleOption('the oldest that is not done')],
    load: async () => (await import('./plan.ts')).planCommand,
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
      intakePortOption,
      option('--beats <file>', 'beats CSV that grows, in place of an intake'),
      option('--without-reporter', 'settle only: `muster intake` runs apart and pushes the hours'),
      option('--without-payer', 'leave the programs to another process'),
      option('--zone <zone>', 'zone of the daily settlement (MUSTER_ZONE, default UTC)'),
      option('--daily-time <HH:MM>', 'its time (MUSTER_DAILY_TIME, default 18:00)'),
      option('--batch-size <n>', 'payees in one transaction (MUSTER_BATCH_SIZE, default 10)'),
    ],
    load: async () => (await import('./daemon.ts')).keeperCommand,
  },
  {
    usage: 'beat',
    about: 'a validator’s agent: proves to one or several intakes that this node is up',
    example: './muster beat --key node.json --intake https://beats.example,https://two.example',
    options: [
      option(
        '--intake <urls>',
        'intakes, separated by commas; all are beaten to',
      ).makeOptionMandatory(),
      option(
        '--key <file>',
        'keystore of the node (default: the role node’s); password in MUSTER_PASSWORD_FILE',
      ),
      option(
        '--registry <address>',
        'sign for this registry alone; with --chain-id, for that chain',
      ),
      option('--receipts <dir>', 'keep the hourly receipts there, one file an hour'),
      option('--http', 'single signed beats by HTTP, where no WebSocket gets through'),
      option('--node-rpc <url>', 'tell the block height that this chain node has'),
      option('--node-version <text>', 'tell this version (default: the agent’s)'),
      option('--disk <path>', 'tell how full the disk of this path is (default: /)'),
      option('--test-account <n>', 'chain 31337 only: beat with a public test key'),
    ],
    load: async () => (await import('./beat.ts')).beatCommand,
  },
  {
    usage: 'dead-man',
    about: 'from outside: was the last daily settlement done in time? exit 1 and an alert if not',
    example: './muster dead-man --file /var/lib/muster/last-success --zone Europe/Berlin',
    options: [
      option(
        '--file <path or url>',
        'what the keeper left (MUSTER_PING_FILE), or its page http://HOST:PORT/last-success',
      ),
      option('--zone <zone>', 'zone of the daily settlement (MUSTER_ZONE, default UTC)'),
      option('--daily-time <HH:MM>', 'its time (MUSTER_DAILY_TIME, default 18:00)'),
      option('--grace <seconds>', 'how long after it the settlement may take (default 3600)'),
      option('--url <url>', 'post the alert there (MUSTER_ALERT_URL)'),
    ],
    load: async () => (await import('./dead-man.ts')).deadManCommand,
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
      option('--receipts <path...>', 'receipts of validators, files or folders, against the chain'),
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
]
