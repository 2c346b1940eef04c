import { expect } from 'chai'
import fc from 'fast-check'
import {
  ORIGIN_PING_MS,
  answerTo,
  jittered,
  paceOf,
  slow,
} from '../../../../keeper/heartbeat/agent/reconnect.ts'
import { parseIntakes } from '../../../../keeper/heartbeat/agent/intake-address.ts'
import { codeOf } from '../../../helpers/errors.ts'

const NEARLY_ONE = 1 - Number.EPSILON

describe('the waits of an agent', () => {
  const pace = paceOf(ORIGIN_PING_MS)

  it('are at most 2 s first, double, and end at 30 s: ten thousand are back within a minute', () => {
    const most = [0, 1, 2, 3, 4, 5, 99].map((attempt) => jittered(attempt, pace, NEARLY_ONE))
    expect(most).to.deep.equal([1_999, 3_999, 7_999, 15_999, 29_999, 29_999, 29_999])
  })

  it('are spread evenly from nothing to the most: nobody comes in step', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.double({ min: 0, max: NEARLY_ONE, noNaN: true }), (n, random) => {
        const wait = jittered(n, pace, random)
        expect(wait).to.be.within(0, jittered(n, pace, NEARLY_ONE))
        expect(Math.abs(wait - random * jittered(n, pace, NEARLY_ONE))).to.be.below(2)
      }),
    )
  })

  it('are 2 to 4 minutes where a person has to act first', () => {
    expect(slow(pace, 0)).to.equal(120_000)
    expect(slow(pace, NEARLY_ONE)).to.equal(239_999)
  })

  it('shrink with the pings of an intake that runs a day in minutes, but never to nothing', () => {
    expect(paceOf(25)).to.deep.equal({ firstMs: 100, mostMs: 1_000, slowMs: 2_000 })
  })

  it('end for good only before the first welcome, and only for what is wrong for good', () => {
    const wrong = ['LOGIN_INVALID', 'LOGIN_AUDIENCE', 'INTAKE_OTHER_CHAIN'] as const
    for (const code of wrong) {
      expect(answerTo(code, false)).to.equal('stop')
      expect(answerTo(code, true)).to.equal('slow')
    }
    expect(answerTo('NODE_UNKNOWN', false)).to.equal('slow')
    expect(answerTo('INTAKE_STANDBY', false)).to.equal('soon')
    expect(answerTo('INTAKE_UNREACHABLE', true)).to.equal('soon')
  })
})

describe('the address of an intake', () => {
  it('may be given as a web or a WebSocket address; the origin is what is signed', () => {
    const [one, two, three] = parseIntakes([
      'wss://Beats.example/',
      ' http://127.0.0.1:8700',
      'https://example.org/muster/',
    ])
    expect(one).to.deep.equal({
      url: 'https://beats.example',
      audience: 'https://beats.example',
      session: 'wss://beats.example/v1/session',
      hello: 'https://beats.example/v1/hello',
      beat: 'https://beats.example/v1/beat',
      isInTheClear: false,
    })
    expect(two).to.include({ session: 'ws://127.0.0.1:8700/v1/session', isInTheClear: false })
    expect(three).to.include({ audience: 'https://example.org' })
    expect(three?.session).to.equal('wss://example.org/muster/v1/session')
    expect(parseIntakes(['http://beats.example'])[0]).to.include({ isInTheClear: true })
  })

  it('is refused when it is none, is named twice, or has a password in it', () => {
    const bad = [
      [],
      ['ftp://a.example'],
      ['beats.example'],
      ['https://user:secret@a.example'],
      ['https://a.example/?token=1'],
      ['https://a.example', 'wss://a.example/'],
      Array.from({ length: 17 }, (_, i) => `https://a${i}.example`),
    ]
    for (const texts of bad) {
      expect(
        codeOf(() => parseIntakes(texts)),
        texts.join(),
      ).to.equal('INPUT_INVALID')
    }
  })
})
