import { z } from 'zod'
import { parseAmount } from './amount.ts'
import { LOG_LEVELS } from './log.ts'
import { finalitySchema } from './schema.ts'

const GWEI_DECIMALS = 9
// The origin takes 10; the contracts' gas table allows more, and no list on chain is longer.
const MAX_BATCH_SIZE = 2_000

const milliseconds = z.coerce.number().int().positive()
const gwei = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,9})?$/, 'not a number of gwei')
  .transform((text) => parseAmount(text, GWEI_DECIMALS))

export interface Setting<Schema extends z.ZodTypeAny = z.ZodTypeAny> {
  env: string
  /** Undefined: the setting is optional and has no value unless it is set. */
  fallback: string | undefined
  unit: string
  check: Schema
  secret: boolean
  about: string
}

function setting<Schema extends z.ZodTypeAny>(
  env: string,
  fallback: string | undefined,
  unit: string,
  check: Schema,
  about: string,
  secret = false,
): Setting<Schema> {
  return { env, fallback, unit, check, secret, about }
}

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
    'URL',
    z.string().url(),
    'JSON-RPC endpoint of the chain',
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
  finality: setting(
    'MUSTER_FINALITY',
    'finalized',
    'tag or blocks',
    finalitySchema,
    'finalized, safe, or a number of confirmations',
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
