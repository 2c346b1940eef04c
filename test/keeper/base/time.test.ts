import { expect } from 'chai'
import {
  cutOf,
  cycleOfHour,
  hourOf,
  hoursOf,
  isoTime,
  latestClosedCycle,
  openOf,
  parseIso,
  scaledClock,
  startOfHour,
} from '../../../keeper/base/time.ts'
import { testClock } from '../../helpers/clock.ts'
import { codeOf } from '../../helpers/errors.ts'

const FIRST_CUT = parseIso('2024-11-25T18:00:00Z')
const FIRST_HOUR = hourOf(FIRST_CUT)

describe('the grid of hours and cycles', () => {
  it('R-01 an hour is floor(unix / 3600) and is named by its start', () => {
    expect(hourOf(startOfHour(480_714))).to.equal(480_714)
    expect(hourOf(startOfHour(480_714) + 3_599)).to.equal(480_714)
    expect(hourOf(startOfHour(480_714) + 3_600)).to.equal(480_715)
  })

  it('R-01 cycle 1 opens at the first cut and owns its 24 hours; the hour before is in cycle 0', () => {
    expect(openOf(FIRST_CUT, 1)).to.equal(FIRST_CUT)
    expect(cutOf(FIRST_CUT, 1)).to.equal(FIRST_CUT + 86_400)
    expect(cycleOfHour(FIRST_HOUR, FIRST_HOUR - 1)).to.equal(0)
    expect(cycleOfHour(FIRST_HOUR, FIRST_HOUR)).to.equal(1)
    expect(cycleOfHour(FIRST_HOUR, FIRST_HOUR + 23)).to.equal(1)
    expect(cycleOfHour(FIRST_HOUR, FIRST_HOUR + 24)).to.equal(2)
  })

  it('R-01 the hours of a cycle are the 24 that start in [open, cut)', () => {
    const hours = hoursOf(FIRST_HOUR, 3)
    expect(hours).to.have.length(24)
    expect(startOfHour(hours[0] ?? 0)).to.equal(openOf(FIRST_CUT, 3))
    expect(startOfHour((hours[23] ?? 0) + 1)).to.equal(cutOf(FIRST_CUT, 3))
    expect(hours.every((hour) => cycleOfHour(FIRST_HOUR, hour) === 3)).to.equal(true)
  })

  it('R-02 a cycle is closed at its cut, not a second earlier', () => {
    expect(latestClosedCycle(FIRST_CUT, cutOf(FIRST_CUT, 1) - 1)).to.equal(0)
    expect(latestClosedCycle(FIRST_CUT, cutOf(FIRST_CUT, 1))).to.equal(1)
    expect(latestClosedCycle(FIRST_CUT, cutOf(FIRST_CUT, 9) + 5)).to.equal(9)
    expect(latestClosedCycle(FIRST_CUT, 0)).to.equal(0)
  })

  it('a time is written and read with its zone', () => {
    expect(isoTime(FIRST_CUT)).to.equal('2024-11-25T18:00:00Z')
    expect(parseIso('2024-11-25T19:00:00+01:00')).to.equal(FIRST_CUT)
    expect(codeOf(() => parseIso('2024-11-25T18:00:00'))).to.equal('TIME_INVALID')
  })
})

describe('a scaled clock', () => {
  const startMs = FIRST_CUT * 1000

  it('stands still until it is started, then an hour passes in six seconds', () => {
    const base = testClock(1_000)
    const clock = scaledClock({ startMs, factor: 600, base })
    base.advance(60)
    expect(clock.now()).to.equal(FIRST_CUT)

    clock.start()
    base.advance(6)
    clock.start()

    expect(clock.nowMs()).to.equal(startMs + 3_600_000)
    expect(clock.monotonicMs?.()).to.equal(clock.nowMs())
  })

  it('stands still while it is held, and goes on from there', () => {
    const base = testClock(1_000)
    const clock = scaledClock({ startMs, factor: 600, base })
    clock.start()
    base.advance(1)

    clock.hold()
    base.advance(60)
    expect(clock.now()).to.equal(FIRST_CUT + 600)
    clock.start()
    base.advance(1)

    expect(clock.now()).to.equal(FIRST_CUT + 1_200)
  })

  it('shows another process the same time, and sleeps by its own seconds', async () => {
    const base = testClock(1_000)
    const clock = scaledClock({ startMs, factor: 600, base, startedAtMs: 1_000_000 })

    await clock.sleep(3_600_000)

    expect(base.now()).to.equal(1_006)
    expect(clock.now()).to.equal(FIRST_CUT + 3_600)
  })
})
