import { z } from 'zod'
import { parseAmount } from './amount.ts'
import { LOG_LEVELS } from './log.ts'
import { finalitySchema } from './schema.ts'
import { milliseconds, port, setting } from './setting.ts'
import { INTAKE_SETTINGS } from './settings-intake.ts'
import { OFFICE_SETTINGS } from './settings-office.ts'
import { PARTNERS_SETTINGS } from './settings-partners.ts'
import { WALLET_SETTINGS } from './settings-wallets.ts'

const GWEI_DECIMALS = 9
const COIN_DECIMALS = 18
// The origin takes 10; the contracts' gas table allows more, and no list on chain is longer.
const MAX_BATCH_SIZE = 2_000

// It stands in every message; a longer one is a pasted mistake.
const MAX_NAME_LENGTH = 100

const webUrl = z
  .string()
  .url()
  .regex(/^https?:/, 'not http or https')

// Every vote asks each of them: more add load and no certainty.
const MAX_ENDPOINTS = 10

/** Twice the same endpoint would agree with itself. */
const endpoints = z
  .string()
  .transform((text) => text.split(',').map((url) => url.trim()))
  .pipe(
    z
      .array(webUrl)
      .nonempty()
      .max(MAX_ENDPOINTS)
      .refine((urls) => new Set(urls.map((url) => URL.parse(url)?.href)).size === urls.length, {
        message: 'an endpoint is named twice',
      }),
  )
// Deeper than any reorg of a public network; more would only wait.
const MAX_FALLBACK_DEPTH = 1_000
// Nodes keep 16 (geth: executable, per account) to 64 transactions of an account in their pools.
const MAX_WINDOW = 16

const coin = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,18})?$/, 'not an amount of coin')
  .transform((text) => parseAmount(text, COIN_DECIMALS))
const gwei = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,9})?$/, 'not a number of gwei')
  .transform((text) => parseAmount(text, GWEI_DECIMALS))

/** Every setting, once: the docs, `.env.example` and loadConfig are made from this table. */
export const SETTINGS = {
  databaseUrl: setting(
    'DATABASE_URL',
    undefined,
    'URL',
    z.string().url().optional(),
    'PostgreSQL; without it an embedded store is kept in MUSTER_HOME',
    true,
  ),
  home: setting(
    'MUSTER_HOME',
    '.muster',
    'path',
    z.string().min(1),
    'directory of the embedded store, the keys and the local chain',
  ),
  rpcUrl: setting(
    'MUSTER_RPC_URL',
    'http://127.0.0.1:8545',
    'URLs',
    endpoints,
    'JSON-RPC endpoints of the chain, separated by commas; of several, two must agree',
    true,
  ),
  chainId: setting(
    'MUSTER_CHAIN_ID',
    undefined,
    'number',
    z.coerce.number().int().positive().optional(),
    'refuses to start on another chain; without it the chain of the node is taken',
  ),
  rpcTimeoutMs: setting(
    'MUSTER_RPC_TIMEOUT_MS',
    '10000',
    'ms',
    milliseconds,
    'deadline of one request to the node',
  ),
  deploymentsDir: setting(
    'MUSTER_DEPLOYMENTS',
    'deployments',
    'path',
    z.string().min(1),
    'where the addresses are recorded, one file a chain',
  ),
  zone: setting(
    'MUSTER_ZONE',
    'UTC',
    'IANA zone',
    z.string().min(1),
    'zone of the daily settlement',
  ),
  dailyTime: setting(
    'MUSTER_DAILY_TIME',
    '18:00',
    'HH:MM',
    z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'not HH:MM'),
    'wall-clock time of the daily settlement in that zone',
  ),
  missedSlots: setting(
    'MUSTER_MISSED_SLOTS',
    'run',
    'run or skip',
    z.enum(['run', 'skip']),
    'what happens to slots that passed while the keeper was down; skipped ones are reported',
  ),
  beats: setting(
    'MUSTER_BEATS',
    undefined,
    'path',
    z.string().min(1).optional(),
    'beats CSV (validator,hour,beats_expected,beats_seen) that the hourly push reads; it may grow',
  ),
  batchSize: setting(
    'MUSTER_BATCH_SIZE',
    '10',
    'payees',
    z.coerce.number().int().min(1).max(MAX_BATCH_SIZE),
    'payees in one transfer transaction',
  ),
  leaseMs: setting(
    'MUSTER_LEASE_MS',
    '15000',
    'ms',
    milliseconds,
    'on PostgreSQL: a keeper that could not renew its lease for so long is replaced by a standby',
  ),
  finality: setting(
    'MUSTER_FINALITY',
    'finalized',
    'tag or blocks',
    finalitySchema,
    'finalized, safe, or a number of confirmations',
  ),
  finalityDepth: setting(
    'MUSTER_FINALITY_DEPTH',
    undefined,
    'blocks',
    z.coerce.number().int().min(1).max(MAX_FALLBACK_DEPTH).optional(),
    'confirmations that count on a node that does not know the tag; without it such a node is refused',
  ),
  finalityStallMs: setting(
    'MUSTER_FINALITY_STALL_MS',
    '1200000',
    'ms',
    milliseconds,
    'final blocks that stand still for longer raise an alert (Ethereum finalizes every 6.4 minutes)',
  ),
  window: setting(
    'MUSTER_WINDOW',
    '1',
    'transactions',
    z.coerce.number().int().min(1).max(MAX_WINDOW),
    'batches that may be on their way at once; 1 waits for each before the next is built',
  ),
  dailyFeeBudget: setting(
    'MUSTER_DAILY_FEE_BUDGET',
    undefined,
    'coin',
    coin.optional(),
    'the most that the transactions of one key may cost in 24 hours; without it only the ceiling holds',
  ),
  maxFeePerGas: setting(
    'MUSTER_MAX_FEE_GWEI',
    '200',
    'gwei',
    gwei,
    'ceiling of the price of a unit of gas; above it the keeper holds',
  ),
  minTipPerGas: setting(
    'MUSTER_MIN_TIP_GWEI',
    '0.1',
    'gwei',
    gwei,
    'tip offered when the node suggests less',
  ),
  nonceWaitMs: setting(
    'MUSTER_NONCE_WAIT_MS',
    '120000',
    'ms',
    milliseconds,
    'longest wait for the chain to count the previous nonce (two minutes in the origin)',
  ),
  finalWaitMs: setting(
    'MUSTER_FINAL_WAIT_MS',
    '1800000',
    'ms',
    milliseconds,
    'longest wait for a mined transaction to become final (Ethereum takes about 13 minutes)',
  ),
  bumpAfterMs: setting(
    'MUSTER_BUMP_AFTER_MS',
    '60000',
    'ms',
    milliseconds,
    'a transaction still unmined after this is offered with a higher fee',
  ),
  pollMs: setting(
    'MUSTER_POLL_MS',
    '1000',
    'ms',
    milliseconds,
    'longest pause between two looks at the chain',
  ),
  stopLimitMs: setting(
    'MUSTER_STOP_LIMIT_MS',
    '20000',
    'ms',
    milliseconds,
    'how long a stop by SIGTERM waits for the running step; supervisors kill after 30 to 90 s',
  ),
  name: setting(
    'MUSTER_NAME',
    undefined,
    'text',
    z.string().min(1).max(MAX_NAME_LENGTH).optional(),
    'what this keeper is called in alerts and pings; without it the name of the machine',
  ),
  opsHost: setting(
    'MUSTER_OPS_HOST',
    '127.0.0.1',
    'host',
    z.string().min(1),
    'where /healthz, /readyz and /metrics listen; they need no password, so keep them inside',
  ),
  opsPort: setting(
    'MUSTER_OPS_PORT',
    undefined,
    'port',
    port.optional(),
    'their port; without it they are off, 0 takes any free one and logs it',
  ),
  alertUrl: setting(
    'MUSTER_ALERT_URL',
    undefined,
    'URL',
    webUrl.optional(),
    'every alert is posted there as JSON, besides being logged',
    true,
  ),
  pingUrl: setting(
    'MUSTER_PING_URL',
    undefined,
    'URL',
    webUrl.optional(),
    'asked after each completed daily settlement; with /fail appended when a slot failed',
    true,
  ),
  pingFile: setting(
    'MUSTER_PING_FILE',
    undefined,
    'path',
    z.string().min(1).optional(),
    'written after each completed daily settlement, for `muster dead-man`; MUSTER_HOME/last-success without it',
  ),
  ...INTAKE_SETTINGS,
  ...OFFICE_SETTINGS,
  ...WALLET_SETTINGS,
  ...PARTNERS_SETTINGS,
  signerTimeoutMs: setting(
    'MUSTER_SIGNER_TIMEOUT_MS',
    '10000',
    'ms',
    milliseconds,
    'deadline of one request to a remote signer or KMS',
  ),
  signerTokenFile: setting(
    'MUSTER_SIGNER_TOKEN_FILE',
    undefined,
    'path',
    z.string().min(1).optional(),
    'file with a bearer token that every request to a remote signer carries',
  ),
  signerTlsCert: setting(
    'MUSTER_SIGNER_TLS_CERT',
    undefined,
    'path',
    z.string().min(1).optional(),
    'PEM file of the certificate that we show to a remote signer',
  ),
  signerTlsKey: setting(
    'MUSTER_SIGNER_TLS_KEY',
    undefined,
    'path',
    z.string().min(1).optional(),
    'PEM file of the key of that certificate',
  ),
  signerTlsCa: setting(
    'MUSTER_SIGNER_TLS_CA',
    undefined,
    'path',
    z.string().min(1).optional(),
    "PEM file of the authority of the remote signer's own certificate, where it is a private one",
  ),
  kmsRegion: setting(
    'MUSTER_KMS_REGION',
    undefined,
    'region',
    z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/, 'not the name of a region')
      .optional(),
    "AWS region of the keys; without it the ARN's, or AWS's own setting",
  ),
  kmsEndpoint: setting(
    'MUSTER_KMS_ENDPOINT',
    undefined,
    'URL',
    z.string().url().optional(),
    'another address of AWS KMS, for instance inside a private network',
  ),
  etherscanApiKey: setting(
    'ETHERSCAN_API_KEY',
    undefined,
    'key',
    z.string().min(1).optional(),
    'key of the block explorer to which `muster deploy --verify` sends the sources',
    true,
  ),
  logLevel: setting(
    'MUSTER_LOG_LEVEL',
    'info',
    'level',
    z.enum(LOG_LEVELS),
    'least severe level that is logged',
  ),
  logFile: setting(
    'MUSTER_LOG_FILE',
    undefined,
    'path',
    z.string().min(1).optional(),
    'log file; without it lines go to stderr',
  ),
} as const
