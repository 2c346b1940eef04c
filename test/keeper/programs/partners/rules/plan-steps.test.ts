import { expect } from 'chai'
import fc from 'fast-check'
import { periodOfDay } from '../../../../../keeper/base/day.ts'
import { parseIso, startOfHour } from '../../../../../keeper/base/time.ts'
import {
  dueThrough,
  hoursOfDay,
  lastCycle,
  planSteps,
} from '../../../../../keeper/programs/partners/rules/plan-steps.ts'
import type { Step, Through } from '../../../../../keeper/programs/partners/rules/plan-steps.ts'

const ZONES = ['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/St_Johns']
const hourAt = (iso: string): number => Math.floor(parseIso(iso) / 3_600)
const lengthOf = (zone: string, day: string): number => {
  const hours = hoursOfDay(zone, day)
  return hours ? hours.last - hours.first + 1 : 0
}
const shown = (steps: readonly Step[]): (number | string)[] =>
  steps.map((step) => (step.kind === 'hour' ? step.hour : step.day))

describe('the plan of distributions', () => {
  it('a day has 23 or 25 hours when the clocks change, and none when it was skipped', () => {
    expect(lengthOf('Europe/Berlin', '2026-03-28')).to.equal(24)
    expect(lengthOf('Europe/Berlin', '2026-03-29')).to.equal(23)
    expect(lengthOf('Europe/Berlin', '2026-10-25')).to.equal(25)
    expect(lengthOf('Pacific/Apia', '2011-12-30')).to.equal(0)
    expect(lengthOf('Asia/Kolkata', '2026-11-20')).to.equal(24)
  })

  it('each day comes after its last hour and before the first of the next', () => {
    const firstHour = hourAt('2026-11-20T22:00:00Z')
    const through = { hour: firstHour + 26, withDay: false }
    const steps = planSteps('UTC', { firstHour }, through)
    const next = Array.from({ length: 24 }, (_, at) => firstHour + 2 + at)
    expect(shown(steps)).to.deep.equal([
      firstHour,
      firstHour + 1,
      '2026-11-20',
      ...next,
      '2026-11-21',
      firstHour + 26,
    ])
  })

  it('a day whose hours are done waits for nothing but its own turn', () => {
    const firstHour = hourAt('2026-11-20T00:00:00Z')
    const lastHour = firstHour + 23
    const plan = (through: Through, lastDay?: string) =>
      shown(planSteps('UTC', { firstHour, lastHour, ...(lastDay ? { lastDay } : {}) }, through))
    expect(plan({ hour: lastHour, withDay: true })).to.deep.equal(['2026-11-20'])
    expect(plan({ hour: lastHour, withDay: false })).to.deep.equal([])
    expect(plan({ hour: lastHour + 1, withDay: false })).to.deep.equal(['2026-11-20', lastHour + 1])
    expect(plan({ hour: lastHour + 1, withDay: false }, '2026-11-20')).to.deep.equal([lastHour + 1])
  })

  it('D-21 an hour is due at its minute; a day 35 seconds after its end, with all its hours', () => {
    const at = (iso: string): Through =>
      dueThrough('Europe/Berlin', { at: parseIso(iso), minute: 30, afterDay: 35 })
    const hour = hourAt('2026-11-20T12:00:00Z')
    expect(at('2026-11-20T13:29:59Z')).to.deep.equal({ hour: hour - 1, withDay: false })
    expect(at('2026-11-20T13:30:00Z')).to.deep.equal({ hour, withDay: false })
    // Midnight in Berlin is 23:00 UTC.
    const last = hourAt('2026-11-20T22:00:00Z')
    expect(at('2026-11-20T23:00:34Z')).to.deep.equal({ hour: last - 1, withDay: false })
    expect(at('2026-11-20T23:00:35Z')).to.deep.equal({ hour: last, withDay: true })
    expect(at('2026-11-21T00:29:59Z')).to.deep.equal({ hour: last, withDay: true })
    expect(at('2026-11-21T00:30:00Z')).to.deep.equal({ hour: last + 1, withDay: false })
  })

  it('where a day begins at half past, it is due after the hour that reaches into the next', () => {
    const at = (iso: string): Through =>
      dueThrough('Asia/Kolkata', { at: parseIso(iso), minute: 30, afterDay: 35 })
    const last = hourAt('2026-11-20T18:00:00Z')
    expect(at('2026-11-20T19:00:34Z')).to.deep.equal({ hour: last - 1, withDay: false })
    expect(at('2026-11-20T19:00:35Z')).to.deep.equal({ hour: last, withDay: true })
  })

  it('the last cycle is the hour that ended last and the last day all of whose hours ended', () => {
    const of = (zone: string, iso: string) => lastCycle(zone, parseIso(iso))
    const midnight = hourAt('2026-11-21T00:00:00Z')
    expect(of('UTC', '2026-11-21T00:00:00Z')).to.deep.equal({
      hour: midnight - 1,
      day: '2026-11-20',
    })
    expect(of('UTC', '2026-11-20T23:59:59Z')).to.deep.equal({
      hour: midnight - 2,
      day: '2026-11-19',
    })
    expect(of('Asia/Kolkata', '2026-11-20T18:45:00Z').day).to.equal('2026-11-19')
    expect(of('Asia/Kolkata', '2026-11-20T19:00:00Z').day).to.equal('2026-11-20')
  })

  it('however it is cut into runs, every hour and every day comes once and in the same order', () => {
    const start = hourAt('2026-03-27T00:00:00Z')
    const cuts = fc.array(fc.tuple(fc.nat(100), fc.boolean()), { maxLength: 6 })
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), fc.nat(30), cuts, (zone, offset, parts) => {
        const firstHour = start + offset
        const end = { hour: start + 150, withDay: true }
        const whole = planSteps(zone, { firstHour }, end)
        const taken: Step[] = []
        const reached: { firstHour: number; lastHour?: number; lastDay?: string } = { firstHour }
        for (const [hours, withDay] of [...parts, [150, true] as const]) {
          const steps = planSteps(zone, reached, { hour: start + hours, withDay })
          for (const step of steps) {
            if (step.kind === 'hour') reached.lastHour = step.hour
            else reached.lastDay = step.day
          }
          taken.push(...steps)
        }
        expect(taken).to.deep.equal(whole)
        const hours = whole.flatMap((step) => (step.kind === 'hour' ? [step.hour] : []))
        expect(hours).to.deep.equal(Array.from(hours, (_, at) => firstHour + at))
      }),
      { numRuns: 60 },
    )
  })

  it('every hour is of one day, whose period its start is in', () => {
    for (const zone of ZONES) {
      const { first, last } = hoursOfDay(zone, '2026-10-25') ?? { first: 0, last: 0 }
      const { from, to } = periodOfDay(zone, '2026-10-25')
      expect(startOfHour(first) >= from && startOfHour(first - 1) < from).to.equal(true)
      expect(startOfHour(last) < to && startOfHour(last + 1) >= to).to.equal(true)
    }
  })
})
