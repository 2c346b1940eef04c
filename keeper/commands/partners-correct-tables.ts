import { formatAmount } from '../base/amount.ts'
import { startOfHour } from '../base/time.ts'
import { totalOf } from '../programs/partners/correction/correct.ts'
import type { Correction } from '../programs/partners/correction/correct.ts'
import type { Corrected, CorrectionLine } from '../programs/partners/correction/correction.ts'
import { grouped, money, plural, shownTime, table } from './print.ts'
import type { Asset } from './print.ts'

/** Everything of each period; of its shares that are other ones now, the first so many. */
export function correctionJson({ isDry, periods }: Correction, limit: number): object {
  return {
    dryRun: isDry,
    periods: periods.map(({ lines, before, after, ...corrected }) => ({
      ...corrected,
      correction: corrected.correction ?? null,
      before: withoutTrace(before),
      after: withoutTrace(after),
      changed: lines.length,
      lines: lines.slice(0, limit).map((line) => ({ ...line, before: line.before ?? null })),
    })),
  }
}

function withoutTrace({ trace: _trace, ...row }: Corrected['after']): object {
  return row
}

export interface Shown {
  unit: Asset
  limit: number
}

export function correctionLines({ isDry, periods }: Correction, shown: Shown): string[] {
  const changed = periods.filter(({ isNew }) => isNew)
  if (changed.length === 0) return ['nothing came late: nothing was posted']
  const said = isDry ? 'would be corrected: nothing was posted' : 'corrected'
  return [
    `${plural(changed.length, 'period')} ${said}`,
    ...changed.flatMap((each) => ['', ...periodLines(each, isDry, shown)]),
  ]
}

function periodLines(corrected: Corrected, isDry: boolean, { unit, limit }: Shown): string[] {
  const { kind, period, late, inflow, daily, before, after, correction, revision } = corrected
  const name = kind === 'hour' ? shownTime(startOfHour(Number(period))) : `day ${period}`
  const kept = isDry || correction === undefined ? '' : `, kept as correction ${correction}`
  const toDay = daily > 0n ? `, ${money(daily, unit)} to its day` : ''
  const came = `${plural(late.votes, 'late vote')} of ${grouped(late.cc)} CC`
  const [was, is] = [totalOf(before), totalOf(after)]
  return [
    `${name}: revision ${revision}${kept}`,
    `  ${came} brought ${money(inflow, unit)}${toDay}`,
    `  paid ${amount(was, unit)} → ${money(is, unit)}, carry ${amount(before.carry, unit)} → ${money(after.carry, unit)}`,
    `  ${moneyText(corrected, unit)}`,
    ...shareTable(corrected.lines, { unit, limit }),
  ]
}

function moneyText({ given, taken, due, withheld }: Corrected, unit: Asset): string {
  const parts = [
    `given ${money(given, unit)}`,
    `taken back ${money(taken, unit)}`,
    `due (it was settled) ${money(due, unit)}`,
    ...(withheld > 0n ? [`of what was given kept for dues ${money(withheld, unit)}`] : []),
  ]
  return parts.join(', ')
}

function shareTable(lines: readonly CorrectionLine[], { unit, limit }: Shown): string[] {
  const head = ['partner', '#', 'CC', 'before', 'now', 'difference', 'taken back', 'due']
  const rows = lines
    .slice(0, limit)
    .map(({ partner, before, after, amount: more, taken, due }) => [
      partner,
      before === undefined || before.position === after.position
        ? String(after.position)
        : `${before.position} → ${after.position}`,
      grouped(after.cc),
      amount(before?.total ?? 0n, unit),
      amount(after.total, unit),
      more > 0n ? `+${amount(more, unit)}` : amount(more, unit),
      amount(taken, unit),
      amount(due, unit),
    ])
  const left = lines.length - rows.length
  return [...table(head, rows), ...(left > 0 ? [`  … and ${grouped(left)} more: --top`] : [])]
}

function amount(value: bigint, { decimals }: Asset): string {
  return formatAmount(value, decimals)
}
