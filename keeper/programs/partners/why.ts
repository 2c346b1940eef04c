import { sum } from '../../base/amount.ts'
import type { Wei } from '../../base/amount.ts'
import type { Day } from '../../base/day.ts'
import { KeeperError } from '../../base/errors.ts'
import { startOfHour } from '../../base/time.ts'
import type { Hour, UnixSeconds } from '../../base/time.ts'
import { accrualsByRef } from '../../payouts/payout-records.ts'
import type { Db } from '../../store/db.ts'
import { readDay, readHour } from './distribution/distribution-rows.ts'
import type { DayRow, HourRow } from './distribution/distribution-rows.ts'
import { PARTNERS } from './names.ts'
import { eccWeight } from './rules/ecc.ts'
import { explainDay, explainHour } from './rules/explain.ts'
import type { Explanation } from './rules/explain.ts'
import { readWhyCorrections, readWhyHours, readWhyShare, readWhyVotes } from './why-rows.ts'
import type { WhyCorrection, WhyHour, WhyShare, WhyVotes } from './why-rows.ts'

/** Of one category: what the rules give, and what is on record. */
export interface WhyAmount extends Explanation {
  stored: Wei
  part: Wei
  /** Of the first so many positions so many share it; the bonus is everybody's. */
  members?: number
  sharers?: number
  share?: Wei
  remainder: Wei
  /** By ECC: what the share is of all weights. */
  weight?: { own: bigint; all: bigint; cap: bigint }
}

/** What a partner got of an hour or a day, from the votes to each amount. */
export interface WhyPartner {
  kind: 'hour' | 'day'
  /** The hour as a number, or the day. */
  period: string
  /** [from, to). */
  from: UnixSeconds
  to: UnixSeconds
  partner: string
  share: WhyShare
  amounts: WhyAmount[]
  total: Wei
  votes: WhyVotes
  /** How often the period was corrected; the version of its rules. */
  revision: number
  ruleset: string
  voters: number
  pool: Record<'carried' | 'inflow' | 'pool' | 'paid' | 'carry', Wei>
  /** What was voted, and what it brought: of a day each hour. */
  hours: WhyHour[]
  /** Of this partner's share, oldest first. */
  corrections: WhyCorrection[]
  /** Kept back of it for what he had got too much before. */
  withheld: { ref: string; amount: Wei }[]
}

export type PartnerPeriod = { hour: Hour } | { day: Day }

// Of an award: a partner's id may have slashes, the period before it has none.
const REF = /^(?:h(\d{1,15})|d(\d{4}-\d{2}-\d{2}))(?::c\d+)?(?::due)?\/(.+)$/s

/** Which period and partner an award is of; undefined: it is none of ours. */
export function periodOfRef(ref: string): (PartnerPeriod & { partner: string }) | undefined {
  const [, hour, day, partner] = REF.exec(ref) ?? []
  if (partner === undefined) return undefined
  if (day !== undefined) return { day, partner }
  return { hour: Number(hour), partner }
}

/** Undefined: the period is not distributed, or the partner did not vote in it. */
export async function explainPartner(
  db: Db,
  partner: string,
  period: PartnerPeriod,
): Promise<WhyPartner | undefined> {
  return 'hour' in period
    ? ofHour(db, partner, await readHour(db, false, period.hour))
    : ofDay(db, partner, await readDay(db, false, period.day))
}

/** Where nobody says which: the last day that he has a share of, or the last hour. */
export async function lastPeriodOf(db: Db, partner: string): Promise<PartnerPeriod> {
  const { day, hour } = await db.one<{ day: Day | null; hour: bigint | null }>(
    `select (select max(day) from partner_day_share where not shadow and partner = $1) as day,
            (select max(hour) from partner_hour_share where not shadow and partner = $1) as hour`,
    [partner],
  )
  if (day !== null) return { day }
  if (hour !== null) return { hour: Number(hour) }
  throw new KeeperError('PARTNERS_SHARE_UNKNOWN', { partner, period: 'any hour or day' })
}

async function ofHour(
  db: Db,
  partner: string,
  row: HourRow | undefined,
): Promise<WhyPartner | undefined> {
  if (!row) return undefined
  const { hour, trace } = row
  const share = await readWhyShare(db, 'hour', hour, partner)
  if (!share) return undefined
  const because = explainHour(trace, { partner, ...share })
  const amounts = because.map((each, at) => {
    const {
      part = 0n,
      members = 0,
      sharers = 0,
      share: one = 0n,
      remainder = 0n,
    } = trace.parts[at] ?? {}
    const stored = share.amounts[each.category] ?? 0n
    return { ...each, stored, part, members, sharers, share: one, remainder }
  })
  const period = { kind: 'hour', period: String(hour), name: `h${hour}` } as const
  const span = { from: startOfHour(hour), to: startOfHour(hour + 1) }
  return storyOf(db, { ...period, ...span, partner, share, amounts, row })
}

async function ofDay(
  db: Db,
  partner: string,
  row: DayRow | undefined,
): Promise<WhyPartner | undefined> {
  if (!row) return undefined
  const { day, trace, from, to } = row
  const share = await readWhyShare(db, 'day', day, partner)
  if (!share) return undefined
  const because = explainDay(trace, { partner, ecc: 0n, ...share })
  const details = dayDetails(trace, share)
  const amounts = because.map((each, at) => {
    const detail = details[at] ?? { part: 0n, remainder: 0n }
    return { ...each, stored: share.amounts[each.category] ?? 0n, ...detail }
  })
  const period = { kind: 'day', period: day, name: `d${day}` } as const
  return storyOf(db, { ...period, from, to, partner, share, amounts, row })
}

type Detail = Omit<WhyAmount, keyof Explanation | 'stored'>

/** In the order of the categories: the tiers, the ECC, the better half, the bonus. */
function dayDetails(trace: DayRow['trace'], { ecc: own = 0n }: WhyShare): Detail[] {
  const { tiers, ecc, top50p, bonus } = trace
  const equal = [...tiers, top50p].map(({ part, members, sharers, share, remainder }) => {
    return { part, members, sharers, share, remainder }
  })
  const weight = { own: eccWeight(ecc, own), all: ecc.weightSum, cap: ecc.capDown }
  const { part, members, remainder } = ecc
  const byEcc = { part, members, sharers: members, remainder, weight }
  const ofBonus = { part: bonus.budget, remainder: bonus.remainder }
  return [...equal.slice(0, tiers.length), byEcc, ...equal.slice(tiers.length), ofBonus]
}

interface Told extends Pick<WhyPartner, 'kind' | 'period' | 'from' | 'to' | 'partner' | 'share'> {
  /** As references have it. */
  name: string
  amounts: WhyAmount[]
  row: HourRow | DayRow
}

async function storyOf(db: Db, { name, row, ...told }: Told): Promise<WhyPartner> {
  const { kind, period, partner, amounts, from, to } = told
  const { revision, ruleset, voters, carried, pool, paid, carry } = row
  const inflow = 'hourly' in row ? row.hourly : row.inflow
  const known = 'corrections' in row ? row.corrections : Number.MAX_SAFE_INTEGER
  const corrections = await readWhyCorrections(db, { kind, period, partner })
  const names = [name, ...corrections.map(({ id }) => `${name}:c${id}`)]
  const refs = names.map((each) => `${each}:due/${partner}`)
  const dues = await accrualsByRef(db, PARTNERS, refs)
  return {
    ...told,
    total: sum(amounts.map(({ stored }) => stored)),
    votes: await readWhyVotes(db, { partner, from, to, corrections: known }),
    revision,
    ruleset,
    voters,
    pool: { carried, inflow, pool, paid, carry },
    hours: await readWhyHours(db, 'hour' in row ? { hour: row.hour } : { day: row.day }),
    corrections,
    withheld: [...dues.values()].map(({ ref, amount }) => ({ ref, amount: -amount })),
  }
}
