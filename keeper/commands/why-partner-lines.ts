import { formatAmount } from '../base/amount.ts'
import { isoTime, startOfHour } from '../base/time.ts'
import { ECC_DECIMALS } from '../programs/partners/rules/ecc.ts'
import type { WhyAmount, WhyPartner } from '../programs/partners/why.ts'
import type { KeptShare, WhyCorrection, WhyHour, WhyVotes } from '../programs/partners/why-rows.ts'
import { grouped, plural, shownTime } from './print.ts'

// Amounts are in the smallest unit, as in the rest of why.

/** From the votes to each amount. */
export function partnerLines(why: WhyPartner): string[] {
  const { partner, share, voters, ruleset, revision, votes, amounts, total } = why
  const { position, ecc } = share
  const coefficient = ecc === undefined ? '' : `, ECC ${formatAmount(ecc, ECC_DECIMALS)}`
  const again = revision === 0 ? '' : `, corrected ${plural(revision, 'time')}`
  return [
    `${nameOf(why)}: ${partner} has position ${grouped(position)} of ${grouped(voters)}${coefficient}; rules ${ruleset}${again}`,
    ...voteLines(votes),
    ...poolLines(why),
    ...amounts.map(amountLine),
    `  together ${grouped(total)}`,
    ...why.corrections.flatMap(correctionLines),
    ...why.withheld.map(
      ({ ref, amount }) => `  withheld ${grouped(amount)} for what was too much before (${ref})`,
    ),
  ]
}

function nameOf({ kind, period, from }: WhyPartner): string {
  return kind === 'hour' ? `hour ${period} (${shownTime(from)})` : `day ${period}`
}

function voteLines({ counted, cc, corrected, waiting, first }: WhyVotes): string[] {
  const late = corrected > 0 ? `, ${grouped(corrected)} of them late and corrected` : ''
  const more = counted - first.length
  return [
    `  ${plural(counted, 'vote')} of ${grouped(cc)} CC${late}`,
    ...first.map(({ at, source, key, cc: one, type, isLate }) => {
      return `    ${isoTime(at)} ${source} ${key}: ${grouped(one)} CC, ${type}${isLate ? ', late' : ''}`
    }),
    ...(more > 0 ? [`    … and ${grouped(more)} more`] : []),
    ...(waiting > 0
      ? [`    ${plural(waiting, 'vote')} more came late and wait for a correction`]
      : []),
  ]
}

function poolLines({ kind, pool, hours }: WhyPartner): string[] {
  const { carried, inflow, pool: whole, paid, carry } = pool
  const came = hours.filter(({ cc }) => cc > 0n)
  return [
    ...came.map((each) => inflowLine(kind, each)),
    `  pool ${grouped(whole)} of carried ${grouped(carried)} and inflow ${grouped(inflow)}: paid ${grouped(paid)}, carry ${grouped(carry)}`,
  ]
}

function inflowLine(kind: WhyPartner['kind'], each: WhyHour): string {
  const { hour, cc, unitsPerCc, inflow, hourly, daily } = each
  const part = kind === 'hour' ? `${grouped(hourly)} for the hour` : `${grouped(daily)} for the day`
  return `  ${shownTime(startOfHour(hour))}: ${grouped(cc)} CC × ${grouped(unitsPerCc)} = ${grouped(inflow)}, ${part}`
}

function amountLine({ category, amount, stored, because }: WhyAmount): string {
  const other = stored === amount ? '' : `; ON RECORD ${grouped(stored)}: ./muster reconcile`
  return `  ${category} ${grouped(amount)}: ${because}${other}`
}

function correctionLines(correction: WhyCorrection): string[] {
  const { id, at, by, lateVotes, lateCc, before, after, difference, taken, due } = correction
  const less = difference < 0n ? `: ${grouped(taken)} taken back, ${grouped(due)} due` : ''
  const was = before === null ? 'no share' : `position ${before.position}, ${grouped(before.total)}`
  return [
    `  correction ${id} (${shownTime(at)}, ${by}): ${plural(lateVotes, 'late vote')} of ${grouped(lateCc)} CC`,
    `    before ${was}; after position ${after.position}, ${grouped(after.total)}; difference ${grouped(difference)}${less}`,
    ...changedLines(before, after),
  ]
}

function changedLines(before: KeptShare | null, after: KeptShare): string[] {
  return Object.entries(after.amounts).flatMap(([category, now]) => {
    const was = before?.amounts[category] ?? 0n
    return was === now ? [] : [`      ${category} ${grouped(was)} → ${grouped(now)}`]
  })
}
