import { expect } from 'chai'
import fc from 'fast-check'
import { dayAt, nextDay, periodOfDay } from '../../../keeper/base/day.ts'
import { isoTime, parseIso } from '../../../keeper/base/time.ts'
import { codeOf } from '../../helpers/errors.ts'

const HOUR = 3_600

function hoursOf(zone: string, day: string): number {
  const { from, to } = periodOfDay(zone, day)
  return (to - from) / HOUR
}

describe('days of the calendar', () => {
  it('a day in Berlin begins at 23:00Z in winter and 22:00Z in summer', () => {
    expect(isoTime(periodOfDay('Europe/Berlin', '2026-01-15').from)).to.equal(
      '2026-01-14T23:00:00Z',
    )
    expect(isoTime(periodOfDay('Europe/Berlin', '2026-07-15').from)).to.equal(
      '2026-07-14T22:00:00Z',
    )
    expect(dayAt('Europe/Berlin', parseIso('2026-01-14T23:00:00Z'))).to.equal('2026-01-15')
    expect(dayAt('UTC', parseIso('2026-01-14T23:59:59Z'))).to.equal('2026-01-14')
  })

  it('a day has 23 or 25 hours when the clocks change, and none when the zone skipped it', () => {
    expect(hoursOf('Europe/Berlin', '2026-03-29')).to.equal(23)
    expect(hoursOf('Europe/Berlin', '2026-10-25')).to.equal(25)
    expect(hoursOf('Pacific/Apia', '2011-12-30')).to.equal(0)
  })

  it('every instant is in the period of its day, also where a clock is set back over midnight', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kolkata', 'Pacific/Apia']
    const from = parseIso('1999-01-01T00:00:00Z')
    const instants = fc.integer({ min: from, max: parseIso('2030-01-01T00:00:00Z') })
    fc.assert(
      fc.property(fc.constantFrom(...zones), instants, (zone, unix) => {
        const period = periodOfDay(zone, dayAt(zone, unix))
        return period.from <= unix && unix < period.to
      }),
    )
    // At 00:01 on 2006-10-29 the clocks of St John's went back to 23:01.
    const set = parseIso('2006-10-29T02:31:00Z')
    expect(dayAt('America/St_Johns', set - 90)).to.equal('2006-10-28')
    expect(dayAt('America/St_Johns', set - 30)).to.equal('2006-10-29')
    expect(dayAt('America/St_Johns', set + 30)).to.equal('2006-10-29')
  })

  it('knows the next day over the end of a year and of February', () => {
    expect(nextDay('2026-12-31')).to.equal('2027-01-01')
    expect(nextDay('2028-02-28')).to.equal('2028-02-29')
    expect(nextDay('2026-02-28')).to.equal('2026-03-01')
  })

  it('refuses what is no day of the calendar', () => {
    for (const text of [
      '',
      '2026-02-30',
      '2026-13-01',
      '2026-1-1',
      '21.11.2026',
      '2026-11-21T00',
    ]) {
      expect(
        codeOf(() => periodOfDay('UTC', text)),
        text,
      ).to.equal('DAY_INVALID')
    }
  })
})
