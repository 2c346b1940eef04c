import { expect } from 'chai'
import { validate } from 'node-cron'
import { dayAt, periodOfDay } from '../../../../keeper/base/day.ts'
import { SECONDS_PER_HOUR, parseIso } from '../../../../keeper/base/time.ts'
import { loadConfig } from '../../../../keeper/config.ts'
import { dueAt, wakeUpsOf } from '../../../../keeper/jobs/queue/partner-times.ts'
import type { Cron } from '../../../../keeper/jobs/wake-up.ts'
import { dueThrough, planSteps } from '../../../../keeper/programs/partners/rules/plan-steps.ts'
import type { Reached } from '../../../../keeper/programs/partners/rules/plan-steps.ts'

const DAYS = 3
const MINUTE = 60
const LOOK_EVERY = 5 * MINUTE

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const digits = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const
  const known = formats.get(timeZone) ?? new Intl.DateTimeFormat('en-GB', { timeZone, ...digits })
  formats.set(timeZone, known)
  return known
}

/** By its own reading of five or six fields: a number or a star each. */
function isWoken({ expression, timezone }: Cron, at: number): boolean {
  const fields = expression.split(' ')
  const [second, minute, hour] = fields.length === 6 ? fields : ['0', ...fields]
  const shown = formatOf(timezone)
    .format(at * 1_000)
    .split(':')
    .map(Number)
  return [hour, minute, second].every((field, i) => field === '*' || Number(field) === shown[i])
}

interface Event {
  at: number
  step: string
}

/** Three days of a keeper with that configuration: what it distributes, and when. */
function live(zone: string, from: string, env: Record<string, string> = {}): Event[] {
  const config = loadConfig({ MUSTER_PARTNERS_ZONE: zone, ...env })
  const start = parseIso(from)
  const events: Event[] = []
  const reached: Reached = { firstHour: start / SECONDS_PER_HOUR }
  const wakes = wakeUpsOf(config)
  const moments = (at: number): number[] => {
    const clock = [at, at + 35].filter((each) => wakes.some((cron) => isWoken(cron, each)))
    // The look of every five minutes, for zones whose days end within an hour of UTC.
    return at % LOOK_EVERY === 0 ? [...new Set([at, ...clock])].toSorted((a, b) => a - b) : clock
  }
  for (let at = start; at < start + DAYS * 24 * SECONDS_PER_HOUR; at += MINUTE) {
    for (const now of moments(at)) {
      for (const step of planSteps(zone, reached, dueThrough(zone, dueAt(now, config)))) {
        events.push({ at: now, step: step.kind === 'hour' ? `h${step.hour}` : step.day })
        if (step.kind === 'hour') reached.lastHour = step.hour
        else reached.lastDay = step.day
      }
    }
  }
  return events
}

const ZONES: [zone: string, from: string, what: string][] = [
  ['UTC', '2026-03-01T00:00:00Z', 'an ordinary one'],
  ['Europe/Berlin', '2026-03-27T23:00:00Z', 'a day of 23 hours'],
  ['Europe/Berlin', '2026-10-23T22:00:00Z', 'a day of 25 hours'],
  ['America/Havana', '2026-03-07T05:00:00Z', 'midnight is skipped'],
  ['America/Havana', '2026-10-31T04:00:00Z', 'midnight comes twice'],
  ['Asia/Kathmandu', '2026-03-01T18:00:00Z', 'five hours and three quarters ahead'],
]

describe('the schedule of the partners (D-21)', function () {
  this.timeout(30_000)
  for (const [zone, from, what] of ZONES) {
    it(`D-21 ${zone}, ${what}: each hour at minute 30, each day after its last hour, nothing twice`, () => {
      const events = live(zone, from)
      const hours = events.filter(({ step }) => step.startsWith('h'))
      const days = events.filter(({ step }) => !step.startsWith('h'))
      const numbers = hours.map(({ step }) => Number(step.slice(1)))
      const first = parseIso(from) / SECONDS_PER_HOUR
      expect(numbers).to.deep.equal(numbers.map((_, i) => first + i))
      expect(new Set(days.map(({ step }) => step)).size).to.equal(days.length)
      expect(days.length).to.be.greaterThan(1)

      for (const [i, { at, step }] of events.entries()) {
        if (step.startsWith('h')) continue
        const before = events[i - 1]
        const hour = Number(before?.step.slice(1))
        // The last hour of the day came at the same moment, just before.
        expect(before?.at).to.equal(at)
        expect(dayAt(zone, hour * SECONDS_PER_HOUR)).to.equal(step)
        expect(dayAt(zone, (hour + 1) * SECONDS_PER_HOUR)).not.to.equal(step)
        const end = Math.max(periodOfDay(zone, step).to, (hour + 1) * SECONDS_PER_HOUR)
        const isWhole = periodOfDay(zone, step).to % SECONDS_PER_HOUR === 0
        expect(at - end).to.be.within(35, isWhole ? 5 * MINUTE : 6 * MINUTE)
      }
      const ofDays = new Set(days.map(({ at }) => at))
      for (const { at, step } of hours) {
        if (ofDays.has(at)) continue
        expect(at - (Number(step.slice(1)) + 1) * SECONDS_PER_HOUR, step).to.equal(30 * MINUTE)
      }
    })
  }

  it('D-21 in UTC the day comes at 00:00:35, and the hour of 23:00 before it', () => {
    const events = live('UTC', '2026-03-01T00:00:00Z')
    const midnight = parseIso('2026-03-02T00:00:35Z')
    const then = events.filter(({ at }) => at === midnight).map(({ step }) => step)
    expect(then).to.deep.equal([`h${(midnight - 35) / SECONDS_PER_HOUR - 1}`, '2026-03-01'])
  })

  it('D-21 other minutes, other seconds and other zones are a matter of settings', () => {
    const env = { MUSTER_PARTNERS_MINUTE: '5', MUSTER_PARTNERS_DAILY_TIME: '00:02:35' }
    const events = live('Europe/Berlin', '2026-06-30T22:00:00Z', env)
    expect(events[0]?.at).to.equal(parseIso('2026-06-30T23:05:00Z'))
    const day = events.find(({ step }) => step === '2026-07-01')
    expect(day?.at).to.equal(parseIso('2026-07-01T22:02:35Z'))
    const config = loadConfig({ MUSTER_PARTNERS_ZONE: 'Europe/Berlin', ...env })
    for (const { expression } of wakeUpsOf(config)) expect(validate(expression)).to.equal(true)
  })
})
