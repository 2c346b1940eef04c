import { CATALOGUE } from '../../base/error-catalogue.ts'
import type { ErrorCode } from '../../base/error-catalogue.ts'
import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import type { Facts } from '../../base/errors.ts'

/** What an intake said no with: a frame, or the error of an HTTP answer. */
export interface Said {
  code: string
  message: string
}

// The longest sentence of ours has some 200 characters.
const MAX_SAID_CHARS = 400

/** A refusal in the intake's own words, with the exit code and the way out that we know for its code. */
export class Refusal extends KeeperError {
  constructor({ code, message }: Said, facts: Facts) {
    const said = printable(message)
    super(isKnown(code) ? code : 'INTAKE_REFUSED', { ...facts, refusal: printable(code), said })
    if (isKnown(code)) this.message = said
  }
}

/** The body of an HTTP answer that is no success; undefined when it is not one of ours. */
export function parseRefusal(text: string): Said | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: Partial<Record<keyof Said, unknown>> }
    const { code, message } = error ?? {}
    return typeof code === 'string' && typeof message === 'string' ? { code, message } : undefined
  } catch {
    return undefined
  }
}

/** Reads what an intake sent; what cannot be read is somebody else's, or a newer protocol. */
export function readAnswer<T>(read: () => T, origin: string): T {
  try {
    return read()
  } catch (error) {
    if (!isKeeperError(error, 'FRAME_INVALID', 'FRAME_TOO_LARGE')) throw error
    throw notMuster(origin, error.message.replace(/\.$/, ''))
  }
}

export function notMuster(origin: string, reason: string): KeeperError {
  return new KeeperError('INTAKE_NOT_MUSTER', { origin, reason })
}

export function asKeeperError(fault: unknown): KeeperError {
  if (isKeeperError(fault)) return fault
  return new KeeperError('INTERNAL', { what: messageOf(fault) }, fault)
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(CATALOGUE, code)
}

/** It goes to a terminal: nothing that moves the cursor. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e…’]/g, ' ').slice(0, MAX_SAID_CHARS)
}
