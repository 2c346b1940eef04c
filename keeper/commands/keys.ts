import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { KeeperError, isKeeperError, messageOf } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { openKey, placeOf } from '../chain/keys/open-key.ts'
import { createKeystore, readKeystoreAddress } from '../chain/keys/signer.ts'
import { ROLES, keyVariables } from '../config.ts'
import type { Role } from '../config.ts'
import type { Report, Run } from './command.ts'
import { table } from './print.ts'

export interface NewKeyOptions {
  light?: boolean
  import?: string
}

/** One keystore a role; the password comes from the role's variables, or a new one is written down. */
export async function newKeyCommand(
  run: Run,
  options: NewKeyOptions,
  [name]: string[],
): Promise<Report> {
  const role = roleOf(name)
  const { keystore } = run.config.keys[role]
  if (existsSync(keystore)) throw new KeeperError('KEYSTORE_EXISTS', { file: keystore })
  // First of all: a password made for a key that cannot be read would be in the way next time.
  const privateKey =
    options.import === undefined ? {} : { privateKey: await readKey(options.import) }
  const { password, writtenTo } = await passwordFor(run, role, keystore)
  const light = options.light === true
  const { address } = await createKeystore({ file: keystore, password, light, ...privateKey })
  const { file } = keyVariables(role)
  const hint =
    writtenTo === undefined ? [] : [`Its password is in ${writtenTo}: set ${file} to that path.`]
  return {
    json: { role, address, keystore, passwordFile: writtenTo },
    lines: [
      `Key of ${role}: ${address}`,
      `Keystore: ${keystore}`,
      ...hint,
      'Back both up, apart from each other: a lost key cannot be recovered.',
      ...(light ? ['A light keystore is quick to open and to guess: for test networks only.'] : []),
    ],
  }
}

/** A keystore's address is written in it; a signer elsewhere is asked, and may be away. */
export async function listKeysCommand(run: Run): Promise<Report> {
  const keys = await Promise.all(ROLES.map((role) => findKey(run, role)))
  const rows = keys.map(({ role, signer, place, address, fault }) => [
    role,
    address ?? fault ?? 'none yet',
    signer,
    place,
  ])
  return { json: { keys }, lines: table(['role', 'address', 'signer', 'place'], rows) }
}

interface ListedKey {
  role: Role
  signer: string
  place: string
  keystore?: string
  address?: Address
  /** The code of the error, where a signer does not tell. */
  fault?: string
}

async function findKey({ config }: Run, role: Role): Promise<ListedKey> {
  const key = config.keys[role]
  const { keystore } = key
  const listed = { role, signer: key.signer.kind, place: placeOf(key) }
  if (key.signer.kind === 'keystore') {
    const address = existsSync(keystore) ? await readKeystoreAddress(keystore) : undefined
    return { ...listed, keystore, ...(address === undefined ? {} : { address }) }
  }
  try {
    return { ...listed, address: (await openKey(key, config)).address }
  } catch (error) {
    if (!isKeeperError(error)) throw error
    return { ...listed, fault: error.code }
  }
}

function roleOf(name: string | undefined): Role {
  const role = ROLES.find((known) => known === name)
  if (role !== undefined) return role
  throw new KeeperError('USAGE', {
    what: `"${name}" is not one of ${ROLES.join(', ')}`,
    command: 'keys new',
  })
}

interface Password {
  password: string
  /** Set when we made it up. */
  writtenTo?: string
}

// 32 bytes from the system's generator: nothing to guess.
const PASSWORD_BYTES = 32

async function passwordFor({ config }: Run, role: Role, keystore: string): Promise<Password> {
  try {
    return { password: await config.keys[role].password() }
  } catch (error) {
    if (!(error instanceof KeeperError) || error.code !== 'PASSWORD_MISSING') throw error
  }
  const password = randomBytes(PASSWORD_BYTES).toString('base64url')
  const writtenTo = keystore.replace(/\.json$/, '') + '.password'
  await mkdir(dirname(writtenTo), { recursive: true, mode: 0o700 })
  if (existsSync(writtenTo)) throw new KeeperError('KEYSTORE_EXISTS', { file: writtenTo })
  await writeFile(writtenTo, `${password}\n`, { flag: 'wx', mode: 0o600 })
  return { password, writtenTo }
}

/** From a file only: a key on the command line stays in the shell's history. */
async function readKey(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  })
  const key = /^(?:0x)?([0-9a-fA-F]{64})\s*$/.exec(text)?.[1]
  if (key === undefined) {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: 'it is not 64 hex digits' })
  }
  return `0x${key}`
}
