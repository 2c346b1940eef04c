import { expect } from 'chai'
import fc from 'fast-check'
import { openCheckQueue } from '../../../../keeper/heartbeat/intake/check-queue.ts'
import {
  Addresses,
  DEFAULT_LIMITS,
  MAX_ADDRESSES,
  TokenBucket,
  addressKey,
  limitsOf,
} from '../../../../keeper/heartbeat/intake/limits.ts'
import { rejectionOf } from '../../../helpers/errors.ts'

const HOUR_MS = 3_600_000

describe('the limits', () => {
  it('leave half of the places to those who are logged in, however few there are', () => {
    expect(limitsOf({ maxSessions: 100 }).maxWaiting).to.equal(50)
    expect(limitsOf({ maxSessions: 100, maxWaiting: 10 }).maxWaiting).to.equal(10)
    expect(limitsOf()).to.deep.equal(DEFAULT_LIMITS)
  })
})

describe('a token bucket', () => {
  it('gives its burst at once and then one each so many ms', () => {
    const bucket = new TokenBucket(3, 10, 0)
    const at = (ms: number): boolean => bucket.take(ms)
    expect([at(0), at(0), at(0), at(0)]).to.deep.equal([true, true, true, false])
    expect([at(9), at(10), at(10), at(100)]).to.deep.equal([false, true, false, true])
  })

  it('never gives more than its burst and what time brought, whatever the pattern', () => {
    const waits = fc.array(fc.nat(50), { maxLength: 200 })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 30 }),
        waits,
        (burst, refillMs, gaps) => {
          const bucket = new TokenBucket(burst, refillMs, 0)
          let [nowMs, given] = [0, 0]
          for (const gap of gaps) {
            nowMs += gap
            if (bucket.take(nowMs)) given += 1
          }
          // A hair for the sum of fractions.
          return given <= burst + nowMs / refillMs + 1e-6
        },
      ),
    )
  })

  it('gives nothing for a clock that goes back', () => {
    const bucket = new TokenBucket(1, 10, 100)
    expect([bucket.take(100), bucket.take(0), bucket.take(5), bucket.take(10)]).to.deep.equal([
      true,
      false,
      false,
      true,
    ])
  })
})

describe('the addresses', () => {
  it('that asked are remembered up to a limit; the longest unused is forgotten', () => {
    const addresses = new Addresses(1, HOUR_MS)
    const attempt = (i: number): boolean => addresses.attempt(`node-${i}`, 0)
    const spend = (i: number): boolean => [attempt(i), attempt(i), attempt(i)].at(-1) === true
    expect(spend(0)).to.equal(false)
    for (let i = 1; i < MAX_ADDRESSES; i += 1) attempt(i)
    expect(attempt(0)).to.equal(false)
    attempt(MAX_ADDRESSES)
    expect(attempt(0), 'used lately').to.equal(false)
    for (let i = 1; i <= MAX_ADDRESSES; i += 1) attempt(MAX_ADDRESSES + i)
    expect(attempt(0), 'forgotten').to.equal(true)
  }).timeout(20_000)

  it('hold a place for each session and free it once', () => {
    const addresses = new Addresses(2, HOUR_MS)
    expect([1, 2, 3].map(() => addresses.enter('a'))).to.deep.equal([true, true, false])
    addresses.leave('a')
    expect([1, 2].map(() => addresses.enter('a'))).to.deep.equal([true, false])
    for (let i = 0; i < 5; i += 1) addresses.leave('a')
    expect([1, 2, 3].map(() => addresses.enter('a'))).to.deep.equal([true, true, false])
  })

  const SAME: readonly [given: string, key: string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0000:0:ffff:1:2:3', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['x'.repeat(500), 'x'.repeat(64)],
    ['', ''],
  ]
  for (const [given, key] of SAME) {
    it(`${given.slice(0, 30) || 'nothing'} is known as ${key.slice(0, 30) || 'nothing'}`, () => {
      expect(addressKey(given)).to.equal(key)
    })
  }
})

describe('the queue of signatures', () => {
  it('lets the addresses take turns, so that a flood from one delays only itself', async () => {
    const queue = openCheckQueue(100)
    const order: string[] = []
    const runs = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2'].map((name) =>
      queue.run(name.slice(0, 1), () => void order.push(name)),
    )
    await Promise.all(runs)
    expect(order).to.deep.equal(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4'])
    expect(queue.length).to.equal(0)
  })

  it('lets others have the event loop after each check', async () => {
    const queue = openCheckQueue(100)
    const order: string[] = []
    const runs = ['a', 'b', 'c'].map((name) => queue.run(name, () => void order.push(name)))
    const turn = (): void => {
      order.push('turn')
      if (queue.length > 0) setImmediate(turn)
    }
    setImmediate(turn)
    await Promise.all(runs)
    expect(order).to.deep.equal(['a', 'turn', 'b', 'turn', 'c'])
  })

  it('hands on what the check throws, and goes on', async () => {
    const queue = openCheckQueue(100)
    const failing = queue.run('a', () => {
      throw new TypeError('no')
    })
    const next = queue.run('a', () => {})
    const [failed, good] = await Promise.allSettled([failing, next])
    expect([failed?.status, good?.status]).to.deep.equal(['rejected', 'fulfilled'])
  })

  it('is INTAKE_FULL beyond its length', async () => {
    const queue = openCheckQueue(2)
    const runs = ['a', 'b'].map((name) => queue.run(name, () => {}))
    expect((await rejectionOf(queue.run('c', () => {}))).code).to.equal('INTAKE_FULL')
    await Promise.all(runs)
    await queue.run('c', () => {})
  })
})
