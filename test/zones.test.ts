import { expect } from 'chai'
import { isoTime, parseIso } from '../keeper/base/time.ts'
import type { UnixSeconds } from '../keeper/base/time.ts'
import { dueSlots } from '../keeper/jobs/due.ts'
import { slotsOf, stretchesOf } from './helpers/zone-oracle.ts'

const DAY = 86_400
// The runner looks at these times after the last look, in turn: it is up, asleep, down over a weekend, or down
// for three days. Primes, so that the looks fall on every time of the day.
const LOOKS_AFTER = [39_779, 86_413, 7_193, 172_801, 259_201, 46_649]

/** What the keeper runs from `from` to `to` when it looks at those times only. */
function runOf(zone: string, time: string, from: UnixSeconds, to: UnixSeconds): UnixSeconds[] {
  const schedule = { every: 'day', zone, time } as const
  const run: UnixSeconds[] = []
  let lastFinished = from - 1
  let now = from
  for (let look = 0; now < to; look += 1) {
    now = Math.min(to, now + (LOOKS_AFTER[look % LOOKS_AFTER.length] ?? DAY))
    const due = dueSlots({ schedule, now: now - 1, lastFinished, open: [], policy: 'run' })
    run.push(...due.run)
    lastFinished = due.run.at(-1) ?? lastFinished
  }
  return run
}

/** Missed: the oracle has it and the keeper did not run it. Double: run again, or not a slot at all. */
function compare(
  zone: string,
  times: readonly string[],
  from: UnixSeconds,
  to: UnixSeconds,
): number {
  const stretches = stretchesOf(zone, from, to)
  let slots = 0
  for (const time of times) {
    const [hour = 0, minute = 0] = time.split(':').map(Number)
    const expected = slotsOf(stretches, hour * 3_600 + minute * 60, from, to)
    const run = runOf(zone, time, from, to)
    const known = new Set(expected)
    const ran = new Set(run)
    const missed = expected.filter((slot) => !ran.has(slot))
    const double = run.filter((slot, i) => !known.has(slot) || slot <= (run[i - 1] ?? -Infinity))
    expect(missed.map(isoTime), `missed in ${zone} ${time}`).to.deep.equal([])
    expect(double.map(isoTime), `double in ${zone} ${time}`).to.deep.equal([])
    slots += run.length
  }
  return slots
}

describe('the slots of every zone', function () {
  this.timeout(300_000)

  it('S-39 ten years of 18:00 and of 02:30 in every IANA zone: 0 missed, 0 double', () => {
    const [from, to] = [parseIso('2026-01-01T00:00:00Z'), parseIso('2036-01-01T00:00:00Z')]
    const zones = Intl.supportedValuesOf('timeZone')
    let slots = 0
    for (const zone of zones) slots += compare(zone, ['18:00', '02:30'], from, to)
    expect(zones.length).to.be.above(400)
    expect(slots).to.be.within(zones.length * 2 * 3_651, zones.length * 2 * 3_653)
  })

  // Days that were skipped or came twice, half-hour and two-hour changes, rules that changed at short notice.
  const CHANGED = [
    'Pacific/Apia', // no 30 December 2011
    'Pacific/Fakaofo',
    'Pacific/Kiritimati', // no 31 December 1994
    'Pacific/Kwajalein', // no 21 August 1993
    'America/Caracas',
    'America/Scoresbysund',
    'Africa/Casablanca',
    'Africa/Monrovia', // 44 minutes 30 seconds until 1972
    'Africa/Juba',
    'Antarctica/Troll',
    'Asia/Pyongyang',
    'Asia/Almaty',
    'Australia/Lord_Howe',
    'Europe/Istanbul',
    'Europe/Moscow',
    'Europe/London',
    'America/New_York',
  ]

  it('S-39 the changes of rules from 1970 to today, days that zones skipped among them: 0 missed, 0 double', () => {
    const [from, to] = [parseIso('1970-01-05T00:00:00Z'), parseIso('2026-01-01T00:00:00Z')]
    for (const zone of CHANGED) compare(zone, ['18:00', '02:30', '00:00'], from, to)
  })

  it('S-39 a skipped day has its slot at the first instant after it, before the next one', () => {
    const days = [
      ['Pacific/Apia', '2011-12-29', '2012-01-01'],
      ['Pacific/Kwajalein', '1993-08-20', '1993-08-24'],
    ] as const
    const found = days.map(([zone, from, to]) =>
      runOf(zone, '18:00', parseIso(`${from}T00:00:00Z`), parseIso(`${to}T00:00:00Z`)).map(isoTime),
    )
    expect(found).to.deep.equal([
      [
        '2011-12-29T04:00:00Z',
        '2011-12-30T04:00:00Z',
        '2011-12-30T10:00:00Z',
        '2011-12-31T04:00:00Z',
      ],
      [
        '1993-08-20T06:00:00Z',
        '1993-08-21T06:00:00Z',
        '1993-08-21T12:00:00Z',
        '1993-08-22T06:00:00Z',
        '1993-08-23T06:00:00Z',
      ],
    ])
  })
})
