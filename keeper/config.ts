import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { parseAmount } from './base/amount.ts'
import { KeeperError, messageOf } from './base/errors.ts'
import { LOG_LEVELS } from './base/log.ts'
import { rememberSecret } from './base/redact.ts'
import { faultsOf, finalitySchema } from './base/schema.ts'

export const ROLES = ['deployer', 'admin', 'guardian', 'reporter', 'keeper'] as const
export type Role = (typeof ROLES)[number]

const GWEI_DECIMALS = 9
// The origin takes 10; the contracts' gas table allows more, and no list on chain is longer.
const MAX_BATCH_SIZE = 2_000

const milliseconds = z.coerce.number().int().positive()
const gwei = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,9})?$/, 'not a number of gwei')
  .transform((text) => parseAmount(text, GWEI_DECIMALS))

interface Setting<Schema extends z.ZodTypeAny = z.ZodTypeAny> {
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

type Settings = typeof SETTINGS
export type SettingKey = keyof Settings
type Values = { [Key in SettingKey]: z.output<Settings[Key]['check']> }
export type Env = Readonly<Record<string, string | undefined>>

export interface KeyConfig {
  role: Role
  /** The file's path, whether or not it exists yet. */
  keystore: string
  /** PASSWORD_MISSING when neither the file nor the variable is set. */
  password(): Promise<string>
}

export interface Config extends Values {
  keys: Record<Role, KeyConfig>
}

// One password file for all roles, for a test network: a role's own variables win over it.
export const COMMON_PASSWORD_FILE = 'MUSTER_PASSWORD_FILE'

/** Names in the environment of one role's key; the same three for every role. */
export function keyVariables(role: Role): { keystore: string; password: string; file: string } {
  const prefix = `MUSTER_${role.toUpperCase()}`
  return {
    keystore: `${prefix}_KEYSTORE`,
    password: `${prefix}_PASSWORD`,
    file: `${prefix}_PASSWORD_FILE`,
  }
}

/** Overrides are the flags of a command: they win over the environment and are checked alike. */
export function loadConfig(
  env: Env = process.env,
  overrides: Partial<Record<SettingKey, string>> = {},
): Config {
  const faults: string[] = []
  const values: Record<string, unknown> = {}
  for (const key of Object.keys(SETTINGS) as SettingKey[]) {
    const row: Setting = SETTINGS[key]
    const text = overrides[key] ?? (env[row.env] || row.fallback)
    const result = row.check.safeParse(text)
    if (result.success) values[key] = result.data
    else faults.push(`${row.env}: ${faultsOf(result.error).join(', ')}`)
  }
  if (faults.length > 0) throw new KeeperError('SETTING_INVALID', { faults })
  const checked = values as unknown as Values
  rememberUrlPassword(checked.databaseUrl)
  rememberUrlPassword(checked.rpcUrl)
  rememberSecret(checked.etherscanApiKey ?? '')
  return { ...checked, home: resolve(checked.home), keys: keysOf(env, resolve(checked.home)) }
}

function rememberUrlPassword(url: string | undefined): void {
  if (url !== undefined) rememberSecret(decodeURIComponent(new URL(url).password))
}

function keysOf(env: Env, home: string): Record<Role, KeyConfig> {
  const keys = ROLES.map((role): [Role, KeyConfig] => {
    const keystore = env[keyVariables(role).keystore] || join(home, 'keys', `${role}.json`)
    return [role, { role, keystore, password: () => readPassword(role, env) }]
  })
  return Object.fromEntries(keys) as Record<Role, KeyConfig>
}

async function readPassword(role: Role, env: Env): Promise<string> {
  const { password, file } = keyVariables(role)
  const common = env[COMMON_PASSWORD_FILE]
  const path = env[file] || (env[password] ? undefined : common)
  const text = path ? await readPasswordFile(path) : env[password]
  if (!text)
    throw new KeeperError('PASSWORD_MISSING', { role, env: `MUSTER_${role.toUpperCase()}` })
  rememberSecret(text)
  return text
}

async function readPasswordFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
}
