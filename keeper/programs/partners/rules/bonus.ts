import { BPS, mulDivDown, splitProRata, sum } from '../../../base/amount.ts'
import type { Bps, Wei } from '../../../base/amount.ts'
import { checkSum } from './equal-part.ts'

export interface BonusRules {
  /** Of what a partner gets from the day's pool. */
  bps: Bps
  /** The bonus is on while a CC is worth more than this. */
  referenceRate: Wei
  capPerPartner: Wei
}

export interface BonusPart extends BonusRules {
  unitsPerCc: Wei
  isOn: boolean
  budget: Wei
  /** Σ of what the rules give, before the budget is looked at. */
  asked: Wei
  /** Of the asked ones, how many the cap lowered. */
  capped: number
  /** The budget was short: everybody gets floor(asked by him × budget / asked by all). */
  isScaled: boolean
  paid: Wei
  /** Stays in the budget. */
  remainder: Wei
}

export interface Market {
  /** The rate in force. */
  unitsPerCc: Wei
  /** Its own money, not the day's pool. */
  budget: Wei
}

/** One bonus for each total, in their order. */
export function shareBonus(
  totals: readonly Wei[],
  { unitsPerCc, budget }: Market,
  rules: BonusRules,
): { bonuses: Wei[]; bonus: BonusPart } {
  const isOn = unitsPerCc > rules.referenceRate
  const rateBps = isOn ? BigInt(rules.bps) : 0n
  const uncapped = totals.map((total) => mulDivDown(total, rateBps, BPS))
  const wanted = uncapped.map((each) => (each < rules.capPerPartner ? each : rules.capPerPartner))
  const asked = sum(wanted)
  const isScaled = asked > budget
  const bonuses = isScaled ? splitProRata(budget, wanted).shares : wanted
  const paid = sum(bonuses)
  const capped = uncapped.filter((each) => each > rules.capPerPartner).length
  const remainder = budget - paid
  checkSum('shareBonus', budget, paid, remainder)
  const { bps, referenceRate, capPerPartner } = rules
  const terms = { bps, referenceRate, capPerPartner, unitsPerCc, budget }
  return { bonuses, bonus: { ...terms, isOn, asked, capped, isScaled, paid, remainder } }
}
