import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import type { IntakeAddress } from './intake-address.ts'
import { notMuster, parseRefusal } from './refusal.ts'
import type { Said } from './refusal.ts'

// A hello or the answer to a beat; to recover a key takes an intake 2 ms, and 1,000 may be before us.
const REQUEST_MS = 10_000
// A hello has 250 characters, a refusal 600.
const MAX_ANSWER_CHARS = 8_192

export interface Question {
  intake: IntakeAddress
  url: string
  /** JSON; without one it is a GET. */
  body?: string
  /** The longest answer that is read; that of a hello or a beat without it. */
  maxChars?: number
  signal: AbortSignal
}

export type WebAnswer = { fields: unknown } | { refusal: Said }

/** Asks once: a good answer as JSON, or the intake's refusal; INTAKE_UNREACHABLE for all else. */
export async function askIntake(question: Question): Promise<WebAnswer> {
  const { intake, url, body, signal } = question
  const unreachable = (reason: string): KeeperError =>
    new KeeperError('INTAKE_UNREACHABLE', { origin: intake.url, reason })
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
      ...(body !== undefined && {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      }),
    })
    const text = await textOf(response, question)
    if (response.status === 200) return { fields: jsonOf(text, intake) }
    const refusal = parseRefusal(text)
    if (refusal === undefined) throw unreachable(`HTTP ${response.status}`)
    return { refusal }
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw unreachable(reasonOf(error))
  }
}

async function textOf(response: Response, question: Question): Promise<string> {
  const { intake, maxChars = MAX_ANSWER_CHARS } = question
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    if (text.length > maxChars) throw notMuster(intake.url, 'the answer is too long')
  }
  return text
}

function jsonOf(text: string, { url }: IntakeAddress): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notMuster(url, 'it is not JSON')
  }
}

/** fetch says "fetch failed" and keeps why in the cause. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string } }
  if (name === 'TimeoutError') return `no answer within ${REQUEST_MS} ms`
  return cause?.code ?? messageOf(error)
}
