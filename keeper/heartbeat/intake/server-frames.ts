import { KeeperError } from '../../base/errors.ts'
import { MIN_PING_MS, PROTOCOL_VERSION } from './frames.ts'
import type { CountedFrame, HelloFacts, HelloFrame, ServerFrame } from './frames.ts'
import { addressField, hexField, numberField, parseObject, recordOf, textField } from './fields.ts'

// A receipt of 131,072 validators has 17 siblings: 2 KB; a refusal lists a handful of origins.
export const MAX_SERVER_FRAME = 16_384
const MAX_TEXT = 2_048
const MAX_CODE = 64
const CHALLENGE_BYTES = 32
const MAX_UINT32 = 2 ** 32 - 1
// A wrong or hostile intake must not make its nodes sleep for days either.
const MAX_PING_MS = 3_600_000
const MAX_STATUS_EVERY = 3_600

type Fields = Record<string, unknown>

/**
 * What an intake sent, as a node reads it: the fields it needs are checked, others are passed over, so
 * that a newer intake may say more. FRAME_INVALID and FRAME_TOO_LARGE are all that is thrown.
 */
export function parseServerFrame(text: string): ServerFrame {
  if (text.length > MAX_SERVER_FRAME) {
    throw new KeeperError('FRAME_TOO_LARGE', { size: text.length, limit: MAX_SERVER_FRAME })
  }
  const fields = parseObject(text)
  switch (fields['t']) {
    case 'hello':
      return parseHello(fields)
    case 'pong':
      return pong(fields)
    case 'welcome':
      return { t: 'welcome', ...countOf(fields) }
    case 'counted':
      return counted(fields)
    case 'receipt':
      return { t: 'receipt', receipt: recordOf(fields['receipt']) }
    case 'refused':
      return refused(fields)
    default:
      throw new KeeperError('FRAME_INVALID', { reason: 't is not known' })
  }
}

function parseHello(fields: Fields): HelloFrame {
  const challenge = hexField(fields, 'challenge', CHALLENGE_BYTES)
  return { t: 'hello', ...parseHelloFacts(fields), challenge }
}

/** The answer of GET /v1/hello. */
export function parseHelloFacts(body: unknown): HelloFacts {
  const fields = recordOf(body)
  if (fields['v'] !== PROTOCOL_VERSION) {
    throw new KeeperError('FRAME_INVALID', { reason: `v is not ${PROTOCOL_VERSION}` })
  }
  return {
    v: PROTOCOL_VERSION,
    chainId: numberField(fields, 'chainId', Number.MAX_SAFE_INTEGER),
    registry: addressField(fields, 'registry'),
    reporter: addressField(fields, 'reporter'),
    at: numberField(fields, 'at', Number.MAX_SAFE_INTEGER),
    pingMs: between(fields, 'pingMs', MIN_PING_MS, MAX_PING_MS),
    statusEvery: between(fields, 'statusEvery', 1, MAX_STATUS_EVERY),
  }
}

function between(fields: Fields, name: string, least: number, most: number): number {
  const value = numberField(fields, name, most)
  if (value >= least) return value
  throw new KeeperError('FRAME_INVALID', { reason: `${name} is less than ${least}` })
}

function pong(fields: Fields): ServerFrame {
  const n = numberField(fields, 'n', MAX_UINT32)
  return fields['ask'] === true ? { t: 'pong', n, ask: true } : { t: 'pong', n }
}

function counted(fields: Fields): ServerFrame {
  const { why } = fields
  const frame = { t: 'counted', ...countOf(fields) } as const
  return typeof why === 'string' && isWhy(why) ? { ...frame, why } : frame
}

type Why = NonNullable<CountedFrame['why']>
const WHYS: readonly string[] = [
  'too-soon',
  'hour-full',
  'hour-closed',
  'not-asked',
] satisfies Why[]

function isWhy(why: string): why is Why {
  return WHYS.includes(why)
}

function countOf(fields: Fields): { hour: number; count: number } {
  return {
    hour: numberField(fields, 'hour', MAX_UINT32),
    count: numberField(fields, 'count', MAX_UINT32),
  }
}

function refused(fields: Fields): ServerFrame {
  return {
    t: 'refused',
    code: textField(fields, 'code', MAX_CODE),
    message: shownText(fields['message']),
    wayOut: shownText(fields['wayOut']),
  }
}

/** For a person's eyes only: cut and cleaned, so that it cannot move a cursor or fill a log. */
function shownText(value: unknown): string {
  const text = typeof value === 'string' ? value : ''
  return text.slice(0, MAX_TEXT).replace(/[^\x20-\x7e]/g, '?')
}
