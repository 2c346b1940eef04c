// Fifty agents and what happens to them in a day: the cast of test/live/day.test.ts.
import type { Outage } from '../../keeper/commands/live-schedule.ts'
import type { LiarOrder } from './liar-child.ts'

export interface Role {
  name: string
  outages: readonly Outage[]
  /** Its agent signs with a key that nobody registered. */
  hasWrongKey?: boolean
  /** In place of an agent: a process that lies. */
  lies?: LiarOrder['kind']
}

const DAY: Outage = { from: 0, until: 24 }

const always = Array.from({ length: 29 }, (_, i): Role => ({ name: `steady-${i}`, outages: [] }))

/** Down for 1 to 8 hours at a stretch, each from another hour on: up to four they are paid. */
const stretches = Array.from({ length: 8 }, (_, i): Role => {
  const from = 1 + ((i * 5) % 14)
  return { name: `down-${i + 1}-hours`, outages: [{ from, until: from + i + 1 }] }
})

const several: Role[] = [
  { name: 'four-times-one', outages: [2, 7, 11, 18].map(hourFrom) },
  { name: 'five-times-one', outages: [3, 6, 12, 15, 21].map(hourFrom) },
  { name: 'late-by-4', outages: [{ from: 0, until: 4 }] },
  { name: 'late-by-5', outages: [{ from: 0, until: 5 }] },
  { name: 'gone-after-20', outages: [{ from: 20, until: 24 }] },
  { name: 'gone-after-19', outages: [{ from: 19, until: 24 }] },
]

const liars: Role[] = [
  { name: 'wrong-key', outages: [DAY], hasWrongKey: true },
  { name: 'wrong-key-too', outages: [DAY], hasWrongKey: true },
  { name: 'impersonator', outages: [DAY], lies: 'impersonator' },
  { name: 'flooder', outages: [DAY], lies: 'flooder' },
  { name: 'replayer', outages: [DAY], lies: 'replayer' },
  { name: 'dater', outages: [DAY], lies: 'dater' },
  // Twice as many pings, and yet no hour more than it is there.
  { name: 'hurrier', outages: [{ from: 4, until: 24 }], lies: 'hurrier' },
]

/** Registered, and its owner never starts it: the one in whose name another logs in. */
export const VICTIM = 'never-started'

export const ROLES: readonly Role[] = [
  ...always,
  ...stretches,
  ...several,
  ...liars,
  { name: VICTIM, outages: [DAY] },
]

function hourFrom(from: number): Outage {
  return { from, until: from + 1 }
}
