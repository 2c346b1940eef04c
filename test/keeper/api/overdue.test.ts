import { expect } from 'chai'
import type { LastSuccess } from '../../../keeper/api/last-success.ts'
import { judgeLife } from '../../../keeper/api/overdue.ts'
import { isoTime, parseIso } from '../../../keeper/base/time.ts'

const GRACE = 3_600

function successOf(slotTime: string): LastSuccess {
  const slot = parseIso(slotTime)
  return { job: 'settle-day', slot, slotTime, finishedAt: slotTime, keeper: 'k', chainId: 1 }
}

function isAlive(lastSlot: string | undefined, now: string, zone = 'UTC', time = '18:00'): boolean {
  const last = lastSlot === undefined ? undefined : successOf(lastSlot)
  return judgeLife({ last, zone, time, graceSeconds: GRACE, now: parseIso(now) }).isAlive
}

describe('the dead man’s switch', () => {
  it('S-49 yesterday’s settlement is enough until today’s grace is over, to the second', () => {
    expect(isAlive('2026-11-20T18:00:00Z', '2026-11-21T18:59:59Z')).to.equal(true)
    expect(isAlive('2026-11-20T18:00:00Z', '2026-11-21T19:00:00Z')).to.equal(false)
    expect(isAlive('2026-11-21T18:00:00Z', '2026-11-21T19:00:00Z')).to.equal(true)
    expect(isAlive('2026-11-21T18:00:00Z', '2026-11-22T18:59:59Z')).to.equal(true)
  })

  it('S-49 in spring the day in Berlin has 23 hours, in autumn 25: each slot has its own hour', () => {
    // 18:00 is 17:00Z until 27 March 2027 and 16:00Z from the 28th on.
    expect(isAlive('2027-03-27T17:00:00Z', '2027-03-28T16:59:59Z', 'Europe/Berlin')).to.equal(true)
    expect(isAlive('2027-03-27T17:00:00Z', '2027-03-28T17:00:00Z', 'Europe/Berlin')).to.equal(false)
    // 16:00Z until 24 October 2026, 17:00Z from the 25th on.
    expect(isAlive('2026-10-24T16:00:00Z', '2026-10-25T17:59:59Z', 'Europe/Berlin')).to.equal(true)
    expect(isAlive('2026-10-24T16:00:00Z', '2026-10-25T18:00:00Z', 'Europe/Berlin')).to.equal(false)
  })

  it('S-49 a time inside the spring gap is the end of the gap, and one that comes twice the first', () => {
    const sign = (now: string) =>
      judgeLife({
        last: undefined,
        zone: 'Europe/Berlin',
        time: '02:30',
        graceSeconds: 0,
        now: parseIso(now),
      })
    expect(isoTime(sign('2027-03-28T12:00:00Z').due)).to.equal('2027-03-28T01:00:00Z')
    expect(isoTime(sign('2026-10-25T12:00:00Z').due)).to.equal('2026-10-25T00:30:00Z')
  })

  it('S-49 never a success, one of an old slot, and one of the future are no sign of life', () => {
    expect(isAlive(undefined, '2026-11-21T19:00:00Z')).to.equal(false)
    // Made up for today, but for last week's slot: today's is still open.
    expect(isAlive('2026-11-14T18:00:00Z', '2026-11-21T19:00:00Z')).to.equal(false)
    expect(isAlive('2026-11-22T18:00:00Z', '2026-11-21T19:00:00Z')).to.equal(false)
  })

  it('S-49 says by when the next settlement has to be done', () => {
    const last = successOf('2027-03-27T17:00:00Z')
    const now = parseIso('2027-03-27T19:00:00Z')
    const facts = { last, zone: 'Europe/Berlin', time: '18:00', graceSeconds: GRACE, now }
    const { nextCheck, due } = judgeLife(facts)
    expect([isoTime(due), isoTime(nextCheck)]).to.deep.equal([
      '2027-03-27T17:00:00Z',
      '2027-03-28T17:00:00Z',
    ])
  })
})
