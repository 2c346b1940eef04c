import { expect } from 'chai'
import { retry, waitFor } from '../../../keeper/base/retry.ts'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { testClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'

const refusal = (): KeeperError => new KeeperError('STORE_UNAVAILABLE', { reason: 'test' })

function options(clock = testClock(0)) {
  return {
    what: 'a call',
    attempts: 5,
    deadlineMs: 60_000,
    firstDelayMs: 100,
    maxDelayMs: 400,
    clock,
  }
}

describe('retry', () => {
  it('calls until it succeeds and waits 100, 200, 400, 400 ms in between', async () => {
    const clock = testClock(0)
    const moments: number[] = []
    const answer = await retry(async () => {
      moments.push(clock.nowMs())
      if (moments.length < 5) throw refusal()
      return 'done'
    }, options(clock))
    expect(answer).to.equal('done')
    expect(moments).to.deep.equal([0, 100, 300, 700, 1_100])
  })

  it('stops after the last attempt, at the deadline, and at once when it cannot help', async () => {
    const count = async (extra: object): Promise<number> => {
      let calls = 0
      const call = async (): Promise<never> => {
        calls += 1
        throw refusal()
      }
      await rejectionOf(retry(call, { ...options(), ...extra }))
      return calls
    }
    expect(await count({})).to.equal(5)
    expect(await count({ deadlineMs: 350 })).to.equal(3)
    expect(await count({ isRetryable: () => false })).to.equal(1)
  })

  it('an aborted signal ends the waiting', async () => {
    const signal = AbortSignal.abort(refusal())
    expect((await rejectionOf(retry(async () => 1, { ...options(), signal }))).code).to.equal(
      'STORE_UNAVAILABLE',
    )
  })
})

describe('waitFor', () => {
  it('asks until there is an answer, and refuses when the time is over', async () => {
    let asked = 0
    const check = async (): Promise<number | undefined> => ((asked += 1) === 4 ? asked : undefined)
    expect(await waitFor(check, { ...options(), timeoutMs: 60_000 })).to.equal(4)
    const late = waitFor(async () => undefined, { ...options(), timeoutMs: 1_000 })
    expect((await rejectionOf(late)).code).to.equal('DEADLINE_PASSED')
  })
})
