import { BPS, mulDivDown, sum } from '../../../base/amount.ts'
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

type Terms = Pick<BonusPart, 'isOn' | 'bps' | 'capPerPartner'>

/** One bonus for each total, in their order. */
export function shareBonus(
  totals: readonly Wei[],
  { unitsPerCc, budget }: Market,
  { bps, referenceRate, capPerPartner }: BonusRules,
): { bonuses: Wei[]; bonus: BonusPart } {
  const isOn = unitsPerCc > referenceRate
  const terms = { isOn, bps, referenceRate, capPerPartner, unitsPerCc, budget }
  const asked = sum(totals.map((total) => askedBonus(terms, total)))
  const scale = { ...terms, asked, isScaled: asked > budget }
  const bonuses = totals.map((total) => bonusOf(scale, total))
  const capped = totals.filter((total) => uncappedBonus(terms, total) > capPerPartner).length
  const paid = sum(bonuses)
  const remainder = budget - paid
  checkSum('shareBonus', budget, paid, remainder)
  return { bonuses, bonus: { ...scale, capped, paid, remainder } }
}

export function bonusOf(
  bonus: Terms & Pick<BonusPart, 'isScaled' | 'asked' | 'budget'>,
  total: Wei,
): Wei {
  const asked = askedBonus(bonus, total)
  return bonus.isScaled ? mulDivDown(asked, bonus.budget, bonus.asked) : asked
}

function askedBonus(terms: Terms, total: Wei): Wei {
  const uncapped = uncappedBonus(terms, total)
  return uncapped < terms.capPerPartner ? uncapped : terms.capPerPartner
}

function uncappedBonus({ isOn, bps }: Terms, total: Wei): Wei {
  return isOn ? mulDivDown(total, BigInt(bps), BPS) : 0n
}
