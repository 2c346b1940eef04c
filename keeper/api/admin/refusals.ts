import { EXIT } from '../../base/error-catalogue.ts'
import type { ErrorCode } from '../../base/error-catalogue.ts'
import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'

const STATUS: Partial<Record<ErrorCode, number>> = {
  TOKEN_REFUSED: 401,
  ROLE_REFUSED: 403,
  TOKEN_NOT_FOUND: 404,
  SECRET_NOT_FOUND: 404,
  HOLD_UNKNOWN: 404,
  DEAD_LETTER_UNKNOWN: 404,
  TOKEN_NAME_TAKEN: 409,
  RATE_LIMITED: 429,
}

/** What is the asker's fault is 4xx; the rest follows from whether it may be tried again. */
export function adminStatus(error: KeeperError): number {
  const { exitCode, retry } = error.row
  const known = STATUS[error.code]
  if (known !== undefined) return known
  if (retry === true) return 503
  return exitCode === EXIT.data || exitCode === EXIT.usage ? 400 : 500
}

/** Fastify's own refusals (a body that is too long, or no JSON) in the catalogue's words. */
export function adminRefusal(error: unknown): unknown {
  if (isKeeperError(error)) return error
  const { statusCode = 500 } = error as { statusCode?: number }
  if (statusCode >= 500) return error
  return new KeeperError('INPUT_INVALID', { what: 'request', faults: [messageOf(error)] })
}
