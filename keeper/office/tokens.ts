import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { KeeperError, ensure } from '../base/errors.ts'
import { rememberSecret } from '../base/redact.ts'
import { parseWith } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { OFFICE_ROLES } from './actor.ts'
import type { Actor, OfficeRole } from './actor.ts'
import { appendTrail } from './trail.ts'

export interface Token {
  id: string
  name: string
  role: OfficeRole
  createdAt: UnixSeconds
  expiresAt: UnixSeconds | undefined
  revokedAt: UnixSeconds | undefined
}

export interface NewToken {
  name: string
  role: OfficeRole
  expiresAt?: UnixSeconds | undefined
}

// 256 random bits: nothing to guess, and so a plain SHA-256 of it is enough.
const SECRET_BYTES = 32
// Only to find the row; twice the same one is refused by the table.
const ID_BYTES = 8
const TOKEN = /^mst_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/
// Whoever administers has a handful; the page of a listing has an end.
const MAX_TOKENS = 1_000

const newTokenSchema = z.object({
  name: z.string().regex(/^[A-Za-z0-9][\w.@-]{0,63}$/, 'letters, digits and . _ @ -, at most 64'),
  role: z.enum(OFFICE_ROLES),
  expiresAt: z.number().int().optional(),
})

/** The token itself is in the answer and nowhere else. */
export async function addToken(
  db: Db,
  asked: unknown,
  by: Actor,
  now: UnixSeconds,
): Promise<{ token: Token; text: string }> {
  const { name, role, expiresAt } = parseWith(newTokenSchema, asked, 'token')
  ensure(expiresAt === undefined || expiresAt > now, 'INPUT_INVALID', {
    what: 'token',
    faults: ['expiresAt: it is over already'],
  })
  const id = randomBytes(ID_BYTES).toString('hex')
  const text = `mst_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`
  await db.begin(async (t) => {
    const added = await t.query(
      `insert into office_token (id, name, role, hash, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6)
       on conflict (name) where revoked_at is null do nothing returning id`,
      [id, name, role, hashOf(text), now, expiresAt ?? null],
    )
    ensure(added.length === 1, 'TOKEN_NAME_TAKEN', { name })
    const after = { id, role, ...(expiresAt === undefined ? {} : { expiresAt }) }
    await appendTrail(t, { actor: by, action: 'token.add', target: name, after }, now)
  })
  const token = { id, name, role, createdAt: now, expiresAt, revokedAt: undefined }
  return { token, text }
}

/** The one of that name that is in force. */
export async function revokeToken(
  db: Db,
  name: string,
  by: Actor,
  now: UnixSeconds,
): Promise<Token> {
  return db.begin(async (t) => {
    const row = await t.maybeOne<StoredToken>(
      `update office_token set revoked_at = $2 where name = $1 and revoked_at is null
       returning ${COLUMNS}`,
      [name, now],
    )
    if (!row) throw new KeeperError('TOKEN_NOT_FOUND', { name })
    const token = tokenOf(row)
    const before = { id: token.id, role: token.role }
    await appendTrail(t, { actor: by, action: 'token.revoke', target: name, before }, now)
    return token
  })
}

/** Newest first; what was revoked, too. */
export async function listTokens(db: Db): Promise<Token[]> {
  const rows = await db.query<StoredToken>(
    `select ${COLUMNS} from office_token order by created_at desc, id limit $1::int`,
    [MAX_TOKENS],
  )
  return rows.map(tokenOf)
}

/**
 * TOKEN_REFUSED does not tell why: an unknown, a revoked and an expired one are alike, also in the time that it
 * takes to compare them.
 */
export async function verifyToken(db: Db, text: string, now: UnixSeconds): Promise<Actor> {
  const id = TOKEN.exec(text)?.[1]
  const row =
    id === undefined
      ? undefined
      : await db.maybeOne<StoredToken & { hash: string }>(
          `select ${COLUMNS}, hash from office_token where id = $1`,
          [id],
        )
  const isRight = isEqual(hashOf(text), row?.hash ?? NO_HASH)
  const token = row && tokenOf(row)
  const isOver = token?.expiresAt !== undefined && token.expiresAt <= now
  if (!isRight || !token || token.revokedAt !== undefined || isOver) {
    throw new KeeperError('TOKEN_REFUSED')
  }
  rememberSecret(text)
  return { name: `token:${token.name}`, role: token.role }
}

const NO_HASH = '0'.repeat(64)

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'))
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

const COLUMNS =
  'id, name, role, created_at as "createdAt", expires_at as "expiresAt", revoked_at as "revokedAt"'

interface StoredToken {
  id: string
  name: string
  role: OfficeRole
  createdAt: bigint
  expiresAt: bigint | null
  revokedAt: bigint | null
}

function tokenOf({ id, name, role, createdAt, expiresAt, revokedAt }: StoredToken): Token {
  const at = (time: bigint | null): UnixSeconds | undefined =>
    time === null ? undefined : Number(time)
  return {
    id,
    name,
    role,
    createdAt: Number(createdAt),
    expiresAt: at(expiresAt),
    revokedAt: at(revokedAt),
  }
}
