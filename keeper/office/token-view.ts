import { SECONDS_PER_CYCLE, isoTime, parseIso } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Token } from './tokens.ts'

const DAYS = /^([1-9]\d{0,3})d$/

/** '90d' from now, or an ISO time with a zone. */
export function readExpiry(text: string | undefined, now: UnixSeconds): UnixSeconds | undefined {
  if (text === undefined) return undefined
  const days = DAYS.exec(text)?.[1]
  return days === undefined ? parseIso(text) : now + Number(days) * SECONDS_PER_CYCLE
}

export function tokenState({ revokedAt, expiresAt }: Token, now: UnixSeconds): string {
  if (revokedAt !== undefined) return 'revoked'
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'in force'
}

/** As commands and routes tell it: there is nothing of the token itself to tell. */
export function publicToken(token: Token, now: UnixSeconds): object {
  const { id, name, role, createdAt, expiresAt, revokedAt } = token
  const at = (time: UnixSeconds | undefined): string | undefined =>
    time === undefined ? undefined : isoTime(time)
  return {
    id,
    name,
    role,
    state: tokenState(token, now),
    created: isoTime(createdAt),
    expires: at(expiresAt),
    revoked: at(revokedAt),
  }
}
