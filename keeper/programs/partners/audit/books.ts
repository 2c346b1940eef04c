import type { CheckRoom, Line } from '../../../payouts/program-check.ts'
import { daySchema, hourSchema } from './period-rows.ts'
import type { Correction, DayRow, HourRow } from './period-rows.ts'

// Written a second time on purpose, as the accounts below: the books' own words would prove nothing about themselves.
export const PROGRAM = 'partners'
export const CODES = ['partners.inflow', 'partners.bonus', 'partners.due', 'partners.fund'] as const

export const POOLS = {
  hour: 'pool:partners:hour',
  day: 'pool:partners:day',
  late: 'pool:partners:late',
  bonus: 'pool:partners:bonus',
} as const
const ISSUER = 'issuer:partners'
const FUND = 'partners:bonus-fund:'

/** The operator's money for the bonus: it is in the books alone. */
export function isFund({ code, key, debit, credit }: Omit<Moved, 'asset' | 'amount'>): boolean {
  return (
    code === 'partners.fund' && key.startsWith(FUND) && debit === ISSUER && credit === POOLS.bonus
  )
}

type Moved = Pick<Line, 'key' | 'debit' | 'credit' | 'amount' | 'code' | 'asset'>
type Room = Pick<CheckRoom, 'expect'> & { asset: string }

/** What an hour brought, as it was distributed. */
export async function expectHour(room: Room, { hour, hourly, daily }: HourRow): Promise<void> {
  const inflow = { debit: ISSUER, code: 'partners.inflow', source: `hour ${hour}` }
  const ofHour = { key: `partners:inflow-hour:${hour}`, credit: POOLS.hour, amount: hourly }
  const ofDay = { key: `partners:inflow-day:${hour}`, credit: POOLS.day, amount: daily }
  await expectMove(room, { ...inflow, ...ofHour })
  await expectMove(room, { ...inflow, ...ofDay })
}

export async function expectDay(room: Room, { day, bonusPaid }: DayRow): Promise<void> {
  await expectBonus(room, `partners:bonus:${day}`, bonusPaid, `day ${day}`)
}

/** What a correction brought: to the day of the hour where that is not over yet. */
export async function expectCorrection(
  room: Room,
  correction: Correction,
  isDayOver: boolean,
): Promise<void> {
  const { id, kind, period, before, after, inflow, daily } = correction
  const same = { code: 'partners.inflow', source: `correction ${id} of ${kind} ${period}` }
  const key = (what: string): string => `partners:${what}:${period}:c${id}`
  if (kind === 'hour') {
    const [was, is] = [hourSchema.parse(before), hourSchema.parse(after)]
    const ofHour = { debit: ISSUER, credit: POOLS.hour, amount: is.hourly - was.hourly }
    const ofDay = { debit: ISSUER, credit: isDayOver ? POOLS.late : POOLS.day, amount: daily }
    await expectMove(room, { ...same, key: key('inflow-hour'), ...ofHour })
    await expectMove(room, { ...same, key: key('inflow-day'), ...ofDay })
    return
  }
  const moved = { debit: POOLS.late, credit: POOLS.day, amount: inflow }
  await expectMove(room, { ...same, key: key('late'), ...moved })
  const [was, is] = [daySchema.parse(before), daySchema.parse(after)]
  await expectBonus(room, key('bonus'), is.bonusPaid - was.bonusPaid, same.source)
}

/** What a correction took of a partner beyond what was accrued. */
export async function expectDue(
  room: Room,
  { id, kind, period }: Correction,
  { partner, due }: { partner: string; due: bigint },
): Promise<void> {
  const name = `${kind === 'hour' ? 'h' : 'd'}${period}:c${id}/${partner}`
  await expectMove(room, {
    key: `partners:due:${name}`,
    debit: `due:partners:${partner}`,
    credit: POOLS[kind],
    amount: due,
    code: 'partners.due',
    source: `correction ${id} of ${kind} ${period}`,
  })
}

async function expectBonus(room: Room, key: string, paid: bigint, source: string): Promise<void> {
  const sides =
    paid > 0n
      ? { debit: POOLS.bonus, credit: POOLS.day, amount: paid }
      : { debit: POOLS.day, credit: POOLS.bonus, amount: -paid }
  await expectMove(room, { key, ...sides, code: 'partners.bonus', source })
}

async function expectMove(
  { asset, expect }: Room,
  line: Omit<Line, 'asset' | 'missing'>,
): Promise<void> {
  // Nothing is no transfer.
  if (line.amount === 0n) return
  const missing = { code: 'RECORD_NOT_BOOKED', facts: { record: line.source } } as const
  await expect({ ...line, asset, missing })
}
