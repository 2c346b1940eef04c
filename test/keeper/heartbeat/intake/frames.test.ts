import { expect } from 'chai'
import fc from 'fast-check'
import { isKeeperError } from '../../../../keeper/base/errors.ts'
import {
  MAX_CLIENT_FRAME,
  encodeFrame,
  parseBeat,
  parseClientFrame,
} from '../../../../keeper/heartbeat/intake/frames.ts'
import type { ClientFrame } from '../../../../keeper/heartbeat/intake/frames.ts'
import {
  MAX_SERVER_FRAME,
  parseServerFrame,
} from '../../../../keeper/heartbeat/intake/server-frames.ts'
import { codeOf } from '../../../helpers/errors.ts'
import { STATUS } from '../../../helpers/intake-desk.ts'

const NODE = '0x52908400098527886E0F7030069857D2E4169EE7'
const SIGNATURE = `0x${'ab'.repeat(65)}`
const PING = { t: 'ping', n: 7 }
const STATUS_FRAME = { t: 'status', n: 7, ...STATUS, height: '9' }
const LOGIN = { t: 'login', node: NODE, audience: 'https://a.example', signature: SIGNATURE }
const BEAT = { ...STATUS, height: '9', node: NODE, audience: 'https://a.example', at: 5 }
const SIGNED_BEAT = { ...BEAT, signature: SIGNATURE }
const HELLO = {
  t: 'hello',
  v: 1,
  chainId: 1,
  registry: NODE,
  reporter: NODE,
  challenge: `0x${'00'.repeat(32)}`,
  at: 1,
  pingMs: 15_000,
  statusEvery: 3,
}

const FRAMES = [PING, STATUS_FRAME, LOGIN]
const RUNS = { numRuns: 2_000 }

const clientCode = (frame: unknown): string =>
  codeOf(() => parseClientFrame(typeof frame === 'string' ? frame : JSON.stringify(frame)))

/** Any other error than one of ours about frames fails the test. */
function isFrameFault(call: () => unknown): boolean {
  try {
    call()
    return true
  } catch (error) {
    return isKeeperError(error, 'FRAME_INVALID', 'FRAME_TOO_LARGE')
  }
}

describe('the frames of a node', function () {
  this.timeout(20_000)

  it('are read as they were written', () => {
    const frames: ClientFrame[] = [
      { t: 'ping', n: 0 },
      { t: 'status', n: 2 ** 32 - 1, ...STATUS },
      {
        t: 'login',
        node: NODE,
        audience: 'http://127.0.0.1:8080',
        signature: `0x${'01'.repeat(65)}`,
      },
    ]
    expect(frames.map((frame) => parseClientFrame(encodeFrame(frame)))).to.deep.equal(frames)
  })

  it('with a field too many, one too few or one of another name are refused', () => {
    for (const frame of FRAMES) {
      expect(clientCode({ ...frame, more: 1 })).to.equal('FRAME_INVALID')
      for (const name of Object.keys(frame)) {
        const { [name]: value, ...less } = frame as Record<string, unknown>
        expect(clientCode(less), name).to.equal('FRAME_INVALID')
        expect(clientCode({ ...less, other: value }), name).to.equal('FRAME_INVALID')
        expect(clientCode({ ...less, [name]: null }), name).to.equal('FRAME_INVALID')
        expect(clientCode({ ...less, [name]: [value] }), name).to.equal('FRAME_INVALID')
      }
    }
  })

  const BAD: readonly [what: string, frame: unknown][] = [
    ['nothing', ''],
    ['half of a JSON text', '{"t":"ping","n":'],
    ['a JSON array', '["ping",1]'],
    ['a JSON null', 'null'],
    ['a frame of the intake', { t: 'pong', n: 1 }],
    ['a negative number', { t: 'ping', n: -1 }],
    ['a fraction', { t: 'ping', n: 1.5 }],
    ['a number above uint32', { t: 'ping', n: 2 ** 32 }],
    ['an infinite number', '{"t":"ping","n":1e999}'],
    ['a number as text', { t: 'ping', n: '1' }],
    ['more than the whole of a CPU', { ...STATUS_FRAME, cpuBps: 10_001 }],
    ['a height as a JSON number', { ...STATUS_FRAME, height: 9 }],
    ['a height above uint64', { ...STATUS_FRAME, height: '18446744073709551616' }],
    ['a height in hex', { ...STATUS_FRAME, height: '0x09' }],
    ['a version that moves the cursor', { ...STATUS_FRAME, version: '\u001b[2J' }],
    ['a version of 101 characters', { ...STATUS_FRAME, version: 'v'.repeat(101) }],
    ['an address with a wrong checksum', { ...LOGIN, node: NODE.replace('E0F', 'e0F') }],
    ['an address without 0x', { ...LOGIN, node: NODE.slice(2) }],
    ['a signature of 64 bytes', { ...LOGIN, signature: SIGNATURE.slice(0, -2) }],
    ['a prototype instead of fields', '{"t":"ping","__proto__":{"n":1}}'],
  ]
  for (const [what, frame] of BAD) {
    it(`are refused when they are ${what}`, () => {
      expect(clientCode(frame)).to.equal('FRAME_INVALID')
    })
  }

  it('of 2,048 characters are read and of 2,049 are not', () => {
    const text = JSON.stringify(PING)
    const padded = (length: number): string => text + ' '.repeat(length - text.length)
    expect(clientCode(padded(MAX_CLIENT_FRAME))).to.equal('no error')
    expect(clientCode(padded(MAX_CLIENT_FRAME + 1))).to.equal('FRAME_TOO_LARGE')
  })

  it('of any text throw nothing but FRAME_INVALID or FRAME_TOO_LARGE', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.json({ maxDepth: 8 }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    )
    fc.assert(
      fc.property(text, (given) => isFrameFault(() => parseClientFrame(given))),
      RUNS,
    )
  })

  it('that were good and are altered somewhere throw nothing else either', () => {
    const altered = fc
      .record({ frame: fc.constantFrom(...FRAMES), name: fc.nat(), value: fc.jsonValue() })
      .map(({ frame, name, value }) => {
        const names = Object.keys(frame)
        return JSON.stringify({ ...frame, [names[name % names.length] ?? 't']: value })
      })
    const cut = fc
      .record({ frame: fc.constantFrom(...FRAMES), at: fc.nat(400), put: fc.string() })
      .map(({ frame, at, put }) => {
        const text = JSON.stringify(frame)
        return text.slice(0, at % text.length) + put + text.slice(at % text.length)
      })
    fc.assert(
      fc.property(fc.oneof(altered, cut), (text) => isFrameFault(() => parseClientFrame(text))),
      RUNS,
    )
  })

  it('that are accepted hold only numbers, addresses and texts within their limits', () => {
    const frame = fc.constantFrom(...FRAMES)
    const value = fc.oneof(fc.jsonValue(), fc.integer(), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(frame, fc.nat(), value, (base, name, given) => {
        const names = Object.keys(base)
        const text = JSON.stringify({ ...base, [names[name % names.length] ?? 't']: given })
        if (clientCode(text) !== 'no error') return
        const read = parseClientFrame(text)
        expect(JSON.parse(encodeFrame(read)), text).to.have.all.keys(names)
        expect(encodeFrame(parseClientFrame(encodeFrame(read)))).to.equal(encodeFrame(read))
      }),
      RUNS,
    )
  })
})

describe('the body of a single beat', function () {
  this.timeout(20_000)

  it('is read as it was written', () => {
    expect(parseBeat(SIGNED_BEAT)).to.deep.equal({ ...SIGNED_BEAT, height: 9n })
  })

  it('of anything else is FRAME_INVALID', () => {
    const body = fc.oneof(
      fc.anything(),
      fc.jsonValue(),
      fc
        .record({ name: fc.constantFrom(...Object.keys(SIGNED_BEAT)), value: fc.anything() })
        .map(({ name, value }) => ({ ...SIGNED_BEAT, [name]: value })),
    )
    fc.assert(
      fc.property(body, (given) => isFrameFault(() => parseBeat(given))),
      RUNS,
    )
    expect(codeOf(() => parseBeat(JSON.stringify(SIGNED_BEAT)))).to.equal('FRAME_INVALID')
    expect(codeOf(() => parseBeat(undefined))).to.equal('FRAME_INVALID')
    expect(codeOf(() => parseBeat({ ...SIGNED_BEAT, t: 'status' }))).to.equal('FRAME_INVALID')
  })
})

describe('the frames of an intake', function () {
  this.timeout(20_000)

  it('are read by a node also when a newer intake says more', () => {
    const newer = { ...HELLO, region: 'eu' }
    expect(parseServerFrame(JSON.stringify(newer))).to.deep.equal(HELLO)
    const pong = '{"t":"pong","n":1,"ask":true}'
    expect(parseServerFrame(pong)).to.deep.equal({ t: 'pong', n: 1, ask: true })
  })

  it('of another version, or with a ping time that would make a node spin or sleep, are refused', () => {
    for (const lie of [{ v: 2 }, { pingMs: 0 }, { pingMs: 3_600_001 }, { statusEvery: 0 }]) {
      expect(codeOf(() => parseServerFrame(JSON.stringify({ ...HELLO, ...lie })))).to.equal(
        'FRAME_INVALID',
      )
    }
  })

  it('show a person nothing that moves a cursor', () => {
    const refused = { t: 'refused', code: 'X', message: '\u001b[2Jhello', wayOut: 5 }
    expect(parseServerFrame(JSON.stringify(refused))).to.deep.equal({
      ...refused,
      message: '?[2Jhello',
      wayOut: '',
    })
  })

  it('of any text throw nothing but FRAME_INVALID or FRAME_TOO_LARGE', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.json({ maxDepth: 6 }),
      fc
        .record({ name: fc.constantFrom(...Object.keys(HELLO)), value: fc.jsonValue() })
        .map(({ name, value }) => JSON.stringify({ ...HELLO, [name]: value })),
    )
    fc.assert(
      fc.property(text, (given) => isFrameFault(() => parseServerFrame(given))),
      RUNS,
    )
    expect(codeOf(() => parseServerFrame(' '.repeat(MAX_SERVER_FRAME + 1)))).to.equal(
      'FRAME_TOO_LARGE',
    )
  })
})
