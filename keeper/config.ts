import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { z } from 'zod'
import { KeeperError, messageOf } from './base/errors.ts'
import { rememberSecret, rememberSecretUrl } from './base/redact.ts'
import { secretsInUrl } from './base/redact-url.ts'
import { faultsOf } from './base/schema.ts'
import { SETTINGS } from './base/settings.ts'
import type { Setting } from './base/setting.ts'
import { parseSigner } from './base/signer-choice.ts'
import type { SignerChoice } from './base/signer-choice.ts'

export const ROLES = [
  'deployer',
  'admin',
  'guardian',
  'reporter',
  'keeper',
  'payer',
  'node',
] as const
export type Role = (typeof ROLES)[number]

type Settings = typeof SETTINGS
export type SettingKey = keyof Settings
type Values = { [Key in SettingKey]: z.output<Settings[Key]['check']> }
export type Env = Readonly<Record<string, string | undefined>>

export interface KeyConfig {
  role: Role
  signer: SignerChoice
  /** The file's path, whether or not it exists yet; of use only when the signer is a keystore. */
  keystore: string
  /** PASSWORD_MISSING when neither the file nor the variable is set. */
  password(): Promise<string>
}

export interface Config extends Values {
  keys: Record<Role, KeyConfig>
}

// One password file for all roles, for a test network: a role's own variables win over it.
export const COMMON_PASSWORD_FILE = 'MUSTER_PASSWORD_FILE'

export interface KeyVariables {
  signer: string
  key: string
  keystore: string
  password: string
  file: string
}

/** Names in the environment of one role's key; the same five for every role. */
export function keyVariables(role: Role): KeyVariables {
  const prefix = `MUSTER_${role.toUpperCase()}`
  return {
    signer: `${prefix}_SIGNER`,
    key: `${prefix}_SIGNER_KEY`,
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
  const signers = signersOf(env, faults)
  if (faults.length > 0) throw new KeeperError('SETTING_INVALID', { faults })
  const checked = values as unknown as Values
  rememberUrlSecrets(checked.databaseUrl)
  rememberUrlSecrets(checked.partnersSourceUrl)
  rememberUrlSecrets(checked.partnersSpecialUrl)
  for (const url of checked.rpcUrl) rememberUrlSecrets(url)
  rememberSecret(checked.etherscanApiKey ?? '')
  // Who knows a receiver's address can write to it.
  rememberSecretUrl(checked.alertUrl)
  rememberSecretUrl(checked.pingUrl)
  rememberSecret(env['AWS_SECRET_ACCESS_KEY'] ?? '')
  rememberSecret(env['AWS_SESSION_TOKEN'] ?? '')
  const home = resolve(checked.home)
  return { ...checked, home, keys: keysOf(env, home, signers) }
}

type SignerChoices = Record<Role, SignerChoice>

function signersOf(env: Env, faults: string[]): SignerChoices {
  const choices = ROLES.map((role): [Role, SignerChoice] => {
    const { signer, key } = keyVariables(role)
    const parsed = parseSigner(env[signer] || undefined, env[key] || undefined)
    if ('choice' in parsed) return [role, parsed.choice]
    faults.push(`${signer}: ${parsed.fault}`)
    return [role, { kind: 'keystore' }]
  })
  for (const [, choice] of choices) {
    if (choice.kind === 'web3signer') rememberUrlSecrets(choice.url)
  }
  return Object.fromEntries(choices) as SignerChoices
}

function rememberUrlSecrets(url: string | undefined): void {
  if (url === undefined) return
  for (const secret of secretsInUrl(url)) rememberSecret(secret)
}

function keysOf(env: Env, home: string, signers: SignerChoices): Record<Role, KeyConfig> {
  const keys = ROLES.map((role): [Role, KeyConfig] => {
    const keystore = env[keyVariables(role).keystore] || join(home, 'keys', `${role}.json`)
    const password = (): Promise<string> => readPassword(role, env)
    return [role, { role, signer: signers[role], keystore, password }]
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
