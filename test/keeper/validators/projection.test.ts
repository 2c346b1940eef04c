import { expect } from 'chai'
import fc from 'fast-check'
import { meetsRate } from '../../../keeper/heartbeat/online-rate.ts'
import { judgeHour, project } from '../../../keeper/validators/projection.ts'
import type { HourVotes, JudgedHour } from '../../../keeper/validators/projection.ts'

const TERMS = { rateBps: 8_000, minSnapshots: 20 }
const ONLINE: JudgedHour = { state: 'online', mayTurn: false }
const OFFLINE: JudgedHour = { state: 'offline', mayTurn: false }
const AHEAD: JudgedHour = { state: 'ahead', mayTurn: true }
const LOST: JudgedHour = { state: 'lost', mayTurn: false }

/** [20, ONLINE, 4, OFFLINE]: so many of each. */
function day(...parts: (number | JudgedHour)[]): JudgedHour[] {
  const hours: JudgedHour[] = []
  for (let i = 0; i < parts.length; i += 2) {
    for (let n = 0; n < Number(parts[i]); n += 1) hours.push(parts[i + 1] as JudgedHour)
  }
  return hours
}

describe('what an hour says of one validator', () => {
  const VOTES: HourVotes = { pushedBy: 0, seenBy: 0, awaited: 1, isOver: true, isOpen: true }
  const judge = (changes: Partial<HourVotes>, majority = 1): JudgedHour =>
    judgeHour({ ...VOTES, ...changes }, majority)

  it('with one reporter: what it pushed, else pending until its window is over, then lost (R-05)', () => {
    expect(judge({ pushedBy: 1, seenBy: 1, awaited: 0 })).to.deep.equal(ONLINE)
    expect(judge({ pushedBy: 1, awaited: 0 })).to.deep.equal(OFFLINE)
    expect(judge({})).to.deep.equal({ state: 'pending', mayTurn: true })
    expect(judge({ isOpen: false })).to.deep.equal(LOST)
    expect(judge({ isOver: false })).to.deep.equal(AHEAD)
  })

  it('with the only reporter expelled no hour can count any more', () => {
    expect(judge({ awaited: 0, isOver: false })).to.deep.equal(LOST)
  })

  it('with two of three: an hour of one push waits, one of two counts and may still turn (R-11)', () => {
    expect(judge({ pushedBy: 1, seenBy: 1, awaited: 2 }, 2).state).to.equal('pending')
    expect(judge({ pushedBy: 2, seenBy: 2, awaited: 1 }, 2)).to.deep.equal(ONLINE)
    const split = { pushedBy: 2, seenBy: 1, awaited: 1 }
    expect(judge(split, 2)).to.deep.equal({ state: 'offline', mayTurn: true })
    expect(judge({ ...split, isOpen: false }, 2)).to.deep.equal(OFFLINE)
    expect(judge({ pushedBy: 2, awaited: 1 }, 2)).to.deep.equal(OFFLINE)
    expect(judge({ pushedBy: 1, awaited: 0, isOver: false }, 2)).to.deep.equal(LOST)
  })
})

describe('the projection of a cycle', () => {
  const standing = (...parts: (number | JudgedHour)[]): string =>
    project(day(...parts), TERMS, true).standing

  it('is in with 20 hours, out after five misses, possible between (Z-05)', () => {
    expect(standing(20, ONLINE, 4, AHEAD)).to.equal('in')
    expect(standing(19, ONLINE, 5, AHEAD)).to.equal('possible')
    expect(standing(5, OFFLINE, 19, AHEAD)).to.equal('out')
    expect(standing(4, OFFLINE, 20, AHEAD)).to.equal('possible')
    expect(standing(24, AHEAD)).to.equal('possible')
  })

  it('counts how many of the hours to come are needed and how many may be missed', () => {
    const start = project(day(24, AHEAD), TERMS, true)
    expect([start.needed, start.reachable, start.spare]).to.deep.equal([20, 24, 4])
    const late = project(day(10, ONLINE, 4, OFFLINE, 10, AHEAD), TERMS, true)
    expect([late.needed, late.reachable, late.spare]).to.deep.equal([10, 10, 0])
  })

  it('takes lost hours out of the denominator: 16 of 20 are enough (R-05, R-12)', () => {
    expect(standing(4, LOST, 16, ONLINE, 4, OFFLINE)).to.equal('in')
    expect(standing(4, LOST, 15, ONLINE, 5, OFFLINE)).to.equal('out')
    expect(standing(4, LOST, 16, ONLINE, 4, AHEAD)).to.equal('possible')
  })

  it('is out for everybody when too few hours can still count (R-12)', () => {
    const lost = project(day(5, LOST, 19, ONLINE), TERMS, true)
    expect([lost.standing, lost.reason]).to.deep.equal(['out', 'too-few-snapshots'])
  })

  it('is never in before the cycle has its least number of snapshots (R-12)', () => {
    const terms = { rateBps: 5_000, minSnapshots: 20 }
    const early = project(day(19, ONLINE, 5, AHEAD), terms, true)
    expect([early.standing, early.needed, early.snapshotsNeeded]).to.deep.equal(['possible', 0, 1])
  })

  it('is out for who is not active in the cycle, whatever it beats (Z-14)', () => {
    const { standing: stands, reason } = project(day(24, ONLINE), TERMS, false)
    expect([stands, reason]).to.deep.equal(['out', 'not-active'])
  })

  it('agrees with every future there is, whatever the terms', () => {
    const states: JudgedHour[] = [
      ONLINE,
      OFFLINE,
      LOST,
      AHEAD,
      { state: 'ahead', mayTurn: false },
      { state: 'pending', mayTurn: true },
      { state: 'offline', mayTurn: true },
    ]
    const hours = fc.array(fc.constantFrom(...states), { maxLength: 6 })
    const terms = fc.record({
      rateBps: fc.integer({ min: 1, max: 10_000 }),
      minSnapshots: fc.integer({ min: 1, max: 6 }),
    })
    fc.assert(
      fc.property(hours, terms, (list, { rateBps, minSnapshots }) => {
        const ends = futures(list).map(
          ([appearances, snapshots]) =>
            snapshots >= minSnapshots && meetsRate(appearances, snapshots, rateBps),
        )
        const expected = ends.every(Boolean) ? 'in' : ends.some(Boolean) ? 'possible' : 'out'
        expect(project(list, { rateBps, minSnapshots }, true).standing).to.equal(expected)
      }),
    )
  })
})

/** All [appearances, snapshots] in which a cycle may end, by trying everything. */
function futures(hours: readonly JudgedHour[]): [number, number][] {
  const [first, ...rest] = hours
  if (!first) return [[0, 0]]
  const ends: Record<JudgedHour['state'], [number, number][]> = {
    online: [[1, 1]],
    offline: [[0, 1]],
    lost: [[0, 0]],
    pending: [
      [0, 0],
      [0, 1],
    ],
    ahead: [
      [0, 0],
      [0, 1],
    ],
  }
  const own = first.mayTurn ? [...ends[first.state], [1, 1] as const] : ends[first.state]
  return futures(rest).flatMap(([a, s]) =>
    own.map(([up, counts]): [number, number] => [a + up, s + counts]),
  )
}
