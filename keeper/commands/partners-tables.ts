import { formatAmount } from '../base/amount.ts'
import { startOfHour } from '../base/time.ts'
import type { StoredShare } from '../programs/partners/distribution/share-rows.ts'
import { DAILY_CATEGORIES } from '../programs/partners/rules/daily.ts'
import { ECC_DECIMALS } from '../programs/partners/rules/ecc.ts'
import { HOURLY_CATEGORIES } from '../programs/partners/rules/hourly.ts'
import type { DailyTrace, HourlyTrace } from '../programs/partners/rules/trace.ts'
import type { Done, DoneDay, DoneHour } from '../programs/partners/distribution/run.ts'
import { grouped, money, plural, shownTime, table } from './print.ts'
import type { Asset } from './print.ts'

/** A period with its first partners. */
export type Shown = Done & { shares: StoredShare[] }

// A screen; a catch-up of a year has thousands.
const MAX_STEPS_SHOWN = 50

/** One line a distribution. */
export function stepLines(done: readonly Done[], unit: Asset): string[] {
  const fresh = done.filter(({ isNew }) => isNew)
  if (fresh.length === 0) return ['nothing new to distribute: nothing was posted']
  const shown = fresh.slice(-MAX_STEPS_SHOWN)
  const left = fresh.length - shown.length
  const rows = shown.map((each) => [
    periodOf(each),
    grouped(each.voters),
    grouped(each.votes),
    amount(each.pool, unit),
    amount(each.paid + bonusOf(each), unit),
    amount(each.carry, unit),
  ])
  return [
    `${plural(fresh.length, 'distribution')} made (${unit.symbol})`,
    ...(left > 0 ? [`  … and ${plural(left, 'earlier one')}`] : []),
    ...table(['period', 'voters', 'votes', 'pool', 'paid', 'carry'], rows),
  ]
}

/** All that a person asks of a period: its money, its categories and its first partners. */
export function periodLines(shown: Shown, unit: Asset): string[] {
  const { voters, votes, isNew, ruleset } = shown
  const when = isNew ? '' : ', on record'
  const said = `${plural(voters, 'voter')}, ${plural(votes, 'vote')}, rules ${ruleset}${when}`
  const lines = shown.kind === 'hour' ? hourLines(shown, unit) : dayLines(shown, unit)
  return ['', `${periodOf(shown)}: ${said}`, ...lines, ...shareLines(shown, unit)]
}

function periodOf(done: Done): string {
  return done.kind === 'hour' ? shownTime(startOfHour(done.hour)) : `day ${done.day}`
}

function bonusOf(done: Done): bigint {
  return done.kind === 'day' ? done.bonusPaid : 0n
}

function hourLines(hour: DoneHour, unit: Asset): string[] {
  const { cc, unitsPerCc, inflow, hourly, daily, trace } = hour
  const brought = `${grouped(cc)} CC × ${money(unitsPerCc, unit)} = ${money(inflow, unit)}`
  return [
    `  ${brought}: ${money(hourly, unit)} for the hour, ${money(daily, unit)} for ${hour.day}`,
    poolLine({ ...hour, came: hourly }, unit),
    ...categoryTable(trace.parts, unit),
  ]
}

function dayLines(day: DoneDay, unit: Asset): string[] {
  const { trace, inflow, eccCap } = day
  const { tiers, ecc, top50p, bonus } = trace
  const capped = `${formatAmount(eccCap, ECC_DECIMALS)} (${plural(ecc.capped, 'partner')} above it)`
  return [
    poolLine({ ...day, came: inflow }, unit),
    ...categoryTable([...tiers, eccPart(ecc), top50p], unit),
    `  cap of the ECC: ${capped}`,
    bonus.isOn
      ? `  bonus: ${money(bonus.paid, unit)} of a budget of ${money(bonus.budget, unit)}`
      : `  no bonus: a CC is not worth more than ${money(bonus.referenceRate, unit)}`,
  ]
}

interface Pool {
  carried: bigint
  came: bigint
  pool: bigint
  paid: bigint
  carry: bigint
}

function poolLine({ carried, came, pool, paid, carry }: Pool, unit: Asset): string {
  const [from, to] = [
    `carried ${amount(carried, unit)} + ${amount(came, unit)}`,
    money(carry, unit),
  ]
  return `  pool ${money(pool, unit)} (${from}): paid ${money(paid, unit)}, carry ${to}`
}

interface Category {
  category: string
  members: number
  sharers: number
  part: bigint
  /** By ECC everybody has another one. */
  share?: bigint
  remainder: bigint
}

function eccPart({ part, members, remainder }: DailyTrace['ecc']): Category {
  return { category: 'top10p_ecc', members, sharers: members, part, remainder }
}

function categoryTable(parts: readonly Category[] | HourlyTrace['parts'], unit: Asset): string[] {
  const rows = parts.map(({ category, members, sharers, part, share, remainder }: Category) => [
    category,
    grouped(members),
    grouped(sharers),
    amount(part, unit),
    share === undefined ? 'by ECC' : amount(share, unit),
    amount(remainder, unit),
  ])
  return table(['category', 'members', 'paid', 'part', 'share', 'remainder'], rows)
}

function shareLines({ kind, shares, voters }: Shown, unit: Asset): string[] {
  if (shares.length === 0) return []
  const isDay = kind === 'day'
  const categories: readonly string[] = isDay ? DAILY_CATEGORIES : HOURLY_CATEGORIES
  const head = ['#', 'partner', 'CC', 'votes', ...(isDay ? ['ECC'] : []), ...categories, 'total']
  const rows = shares.map(({ position, partner, cc, votes, ecc = 0n, amounts, total }) => [
    grouped(position),
    partner,
    grouped(cc),
    grouped(votes),
    ...(isDay ? [formatAmount(ecc, ECC_DECIMALS)] : []),
    ...categories.map((category) => amount(amounts[category] ?? 0n, unit)),
    amount(total, unit),
  ])
  const left = voters - shares.length
  return [...table(head, rows), ...(left > 0 ? [`  … and ${grouped(left)} more: --top`] : [])]
}

function amount(value: bigint, { decimals }: Asset): string {
  return formatAmount(value, decimals)
}
