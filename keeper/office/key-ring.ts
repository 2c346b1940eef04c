import { readFile } from 'node:fs/promises'
import { KeeperError, ensure, messageOf } from '../base/errors.ts'
import { rememberSecret } from '../base/redact.ts'
import type { MasterKeyFile } from '../base/settings-office.ts'
import type { MasterKey } from './seal.ts'

/** The first seals, all of them open: so a key is replaced by naming a new one before it. */
export interface KeyRing {
  first: MasterKey
  /** CONFIG_KEY_UNKNOWN. */
  find(id: string): MasterKey
}

/** CONFIG_KEYS_MISSING without the setting: there is no key that we would make up. */
export async function openKeyRing(files: readonly MasterKeyFile[] | undefined): Promise<KeyRing> {
  const keys = await Promise.all((files ?? []).map(readKey))
  const [first] = keys
  if (!first) throw new KeeperError('CONFIG_KEYS_MISSING')
  const find = (id: string): MasterKey => {
    const key = keys.find((known) => known.id === id)
    if (key) return key
    throw new KeeperError('CONFIG_KEY_UNKNOWN', { id })
  }
  return { first, find }
}

async function readKey({ id, path }: MasterKeyFile): Promise<MasterKey> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new KeeperError('FILE_UNREADABLE', { file: path, reason: messageOf(error) })
  })
  const hex = /^([0-9a-fA-F]{64})\s*$/.exec(text)?.[1]
  ensure(hex !== undefined, 'FILE_UNREADABLE', { file: path, reason: 'it is not 64 hex digits' })
  rememberSecret(hex)
  return { id, bytes: Buffer.from(hex, 'hex') }
}
