import { describe, isKeeperError } from '../../base/errors.ts'
import type { ErrorCode } from '../../base/error-catalogue.ts'
import type { RefusedFrame } from './frames.ts'

/** A newer login of the same node took the place of this session: not a refusal, nothing was wrong. */
export const CLOSE_REPLACED = 4_001
const CLOSE_BASE = 4_000

/** As HTTP says it; a session closes with 4000 more. What is not listed is a fault of ours. */
export const REFUSAL_STATUS: Partial<Record<ErrorCode, number>> = {
  FRAME_INVALID: 400,
  FRAME_UNEXPECTED: 400,
  FRAME_TOO_LARGE: 413,
  LOGIN_INVALID: 401,
  CHALLENGE_USED: 401,
  LOGIN_AUDIENCE: 403,
  LOGIN_TIMEOUT: 408,
  SESSION_IDLE: 408,
  NODE_UNKNOWN: 404,
  NODE_REMOVED: 410,
  BEAT_INVALID: 401,
  BEAT_REPLAYED: 409,
  BEAT_FROM_FUTURE: 422,
  BEAT_TOO_OLD: 422,
  BEAT_TOO_SOON: 429,
  RATE_LIMITED: 429,
  ADDRESS_FULL: 429,
  HOUR_CLOSED: 503,
  INTAKE_FULL: 503,
  INTAKE_STANDBY: 503,
  INTAKE_STOPPING: 503,
  ROSTER_UNREAD: 503,
}
const INTERNAL_STATUS = 500

export interface Refusal {
  status: number
  closeCode: number
  frame: RefusedFrame
}

/** What a stranger is told: our codes in full, of our own faults only that there was one. */
export function refusalOf(error: unknown): Refusal {
  const status = isKeeperError(error) ? REFUSAL_STATUS[error.code] : undefined
  const shown =
    status === undefined
      ? { code: 'INTERNAL', message: 'The intake failed.', wayOut: 'Connect again in a while.' }
      : describe(error)
  const { code, message, wayOut } = shown
  return {
    status: status ?? INTERNAL_STATUS,
    closeCode: CLOSE_BASE + (status ?? INTERNAL_STATUS),
    frame: { t: 'refused', code, message, wayOut },
  }
}
