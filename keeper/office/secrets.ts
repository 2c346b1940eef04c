import { z } from 'zod'
import { KeeperError } from '../base/errors.ts'
import { rememberSecret } from '../base/redact.ts'
import { parseWith } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { Actor } from './actor.ts'
import type { KeyRing } from './key-ring.ts'
import { seal, unseal } from './seal.ts'
import type { Sealed } from './seal.ts'
import { appendTrail } from './trail.ts'

/** What may be told of one: never its value. */
export interface SecretInfo {
  name: string
  keyId: string
  updatedAt: UnixSeconds
  updatedBy: string
}

/** Who does it, when, and by which keys. */
export interface Hand {
  ring: KeyRing
  by: Actor
  now: UnixSeconds
}

// Shorter ones could not be kept out of a log: they are ordinary words.
const MIN_VALUE = 6
/** A PEM file with its chain; also what fits into a request to the keeper. */
export const MAX_VALUE = 16 * 1_024
// A program has a few; rotating them is one transaction.
const MAX_SECRETS = 1_000

const nameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9._-]{0,99}$/, 'a-z, digits and . _ -, at most 100')
const valueSchema = z.string().min(MIN_VALUE).max(MAX_VALUE)

export async function setSecret(
  db: Db,
  asked: { name: string; value: unknown },
  { ring, by, now }: Hand,
): Promise<SecretInfo> {
  const name = parseWith(nameSchema, asked.name, 'name of the secret')
  const value = parseWith(valueSchema, asked.value, 'value of the secret')
  rememberSecret(value)
  await db.begin(async (t) => {
    const old = await readRow(t, name)
    await writeRow(t, name, seal(name, value, ring.first), { by, now })
    const after = { keyId: ring.first.id }
    const before = old ? { before: { keyId: old.keyId } } : {}
    await appendTrail(t, { actor: by, action: 'secret.set', target: name, ...before, after }, now)
  })
  return { name, keyId: ring.first.id, updatedAt: now, updatedBy: by.name }
}

/** For programs, not for people: no command and no route calls it. That it was read is in the trail. */
export async function readSecret(db: Db, name: string, { ring, by, now }: Hand): Promise<string> {
  return db.begin(async (t) => {
    const row = await requireRow(t, name)
    const value = open(name, row, ring)
    const after = { keyId: row.keyId }
    await appendTrail(t, { actor: by, action: 'secret.read', target: name, after }, now)
    return value
  })
}

export async function removeSecret(
  db: Db,
  name: string,
  { by, now }: Omit<Hand, 'ring'>,
): Promise<void> {
  await db.begin(async (t) => {
    const { keyId } = await requireRow(t, name)
    await t.query('delete from secure_config where key = $1', [name])
    const note = { actor: by, action: 'secret.remove', target: name, before: { keyId } }
    await appendTrail(t, note, now)
  })
}

/** Seals all anew that another key than the first has sealed: all of them or none. */
export async function rotateSecrets(db: Db, { ring, by, now }: Hand): Promise<string[]> {
  return db.begin(async (t) => {
    const rows = await t.query<StoredSecret & { name: string }>(
      `select key as name, ${COLUMNS} from secure_config where key_id <> $1
        order by key limit $2::int for update`,
      [ring.first.id, MAX_SECRETS],
    )
    for (const { name, ...row } of rows) {
      await writeRow(t, name, seal(name, open(name, row, ring), ring.first), { by, now })
      const [before, after] = [{ keyId: row.keyId }, { keyId: ring.first.id }]
      await appendTrail(t, { actor: by, action: 'secret.rotate', target: name, before, after }, now)
    }
    return rows.map(({ name }) => name)
  })
}

export async function listSecrets(db: Db): Promise<SecretInfo[]> {
  const rows = await db.query<Omit<SecretInfo, 'updatedAt'> & { updatedAt: bigint }>(
    `select key as name, key_id as "keyId", updated_at as "updatedAt", updated_by as "updatedBy"
       from secure_config order by key limit $1::int`,
    [MAX_SECRETS],
  )
  return rows.map((row) => ({ ...row, updatedAt: Number(row.updatedAt) }))
}

type StoredSecret = Sealed

const COLUMNS = 'key_id as "keyId", nonce, sealed'

function readRow(t: Db, name: string): Promise<StoredSecret | undefined> {
  return t.maybeOne<StoredSecret>(
    `select ${COLUMNS} from secure_config where key = $1 for update`,
    [name],
  )
}

async function requireRow(t: Db, name: string): Promise<StoredSecret> {
  const row = await readRow(t, name)
  if (row) return row
  throw new KeeperError('SECRET_NOT_FOUND', { name })
}

async function writeRow(
  t: Db,
  name: string,
  { keyId, nonce, sealed }: Sealed,
  { by, now }: Omit<Hand, 'ring'>,
): Promise<void> {
  await t.query(
    `insert into secure_config (key, key_id, nonce, sealed, updated_at, updated_by)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (key) do update set key_id = excluded.key_id, nonce = excluded.nonce,
       sealed = excluded.sealed, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
    [name, keyId, nonce, sealed, now, by.name],
  )
}

function open(name: string, row: StoredSecret, ring: KeyRing): string {
  const value = unseal(name, row, ring.find(row.keyId))
  rememberSecret(value)
  return value
}
