import { KeeperError, isKeeperError, messageOf } from '../base/errors.ts'
import { toJson } from '../base/json.ts'

/** A receiver of messages: only its origin is ever shown, because the rest of its URL is a secret. */
export interface Message {
  url: string
  body: object
  signal?: AbortSignal
}

// Receivers take milliseconds to seconds; a longer wait would hold the next alert back.
export const RECEIVER_TIMEOUT_MS = 10_000
// More than any alert of ours; a receiver that is sent more may refuse all of it.
const MAX_BODY_BYTES = 16_384

/** Resolves when the receiver took it (2xx); RECEIVER_FAILED otherwise. Redirects are not followed. */
export async function post({ url, body, signal }: Message): Promise<void> {
  const { origin } = new URL(url)
  const deadline = AbortSignal.timeout(RECEIVER_TIMEOUT_MS)
  let status: number
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: cut(toJson(body)),
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    status = response.status
    await response.body?.cancel()
  } catch (error) {
    throw new KeeperError('RECEIVER_FAILED', { origin, reason: reasonOf(error), isFinal: false })
  }
  if (status >= 200 && status < 300) return
  throw new KeeperError('RECEIVER_FAILED', {
    origin,
    reason: `it answered ${status}`,
    isFinal: isFinal(status),
  })
}

/** Asking again does not help when the address or the message is wrong. */
function isFinal(status: number): boolean {
  return status < 500 && status !== 408 && status !== 425 && status !== 429
}

/** Of a failed post. */
export function mayEnd(error: unknown): boolean {
  return isKeeperError(error) && error.facts['isFinal'] !== true
}

/** fetch says only 'fetch failed'; its cause says why. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return messageOf(cause instanceof Error && cause.message !== '' ? cause : error)
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= MAX_BODY_BYTES) return text
  return toJson({ cut: true, start: text.slice(0, MAX_BODY_BYTES / 2) })
}
