import { expect } from 'chai'
import { parseDecimalDown } from '../../../../../keeper/base/decimal.ts'
import { distributeDay } from '../../../../../keeper/programs/partners/rules/daily.ts'
import type { Market } from '../../../../../keeper/programs/partners/rules/bonus.ts'
import { ECC_DECIMALS } from '../../../../../keeper/programs/partners/rules/ecc.ts'
import { distributeHour } from '../../../../../keeper/programs/partners/rules/hourly.ts'
import { splitInflow } from '../../../../../keeper/programs/partners/rules/pools.ts'
import { parseRuleset } from '../../../../../keeper/programs/partners/ruleset.ts'
import { DEFAULT_RULES } from '../../../../../keeper/programs/partners/ruleset.ts'
import {
  groupBy,
  readTimedVotes,
  readWeightedVotes,
  votersOf,
} from '../../../../helpers/partner-votes.ts'
import type { RealVote } from '../../../../helpers/partner-votes.ts'
import { oracleDay, oracleHour } from '../../../../helpers/partners-oracle.ts'
import type { Amounts } from '../../../../helpers/partners-oracle.ts'

// Prime, so that no division comes out even.
const UNITS_PER_CC = 1_000_000_000_000_000_003n
const { daily: rules } = parseRuleset(JSON.stringify(DEFAULT_RULES), 'the defaults')
// The bonus is on, and on the busiest days its budget is short.
const market: Market = { unitsPerCc: UNITS_PER_CC, budget: 3_000_000_000_000_000_001n }

const eccOf = (power: string): bigint => parseDecimalDown(power, ECC_DECIMALS)

const terms = {
  bps: rules.splitBps,
  minimumVotes: rules.minimumVotes,
  bonus: rules.bonus,
  rate: market.unitsPerCc,
  budget: market.budget,
}

function amountsOf(shares: readonly { partner: string; amounts: Amounts }[]): Map<string, Amounts> {
  return new Map(shares.map(({ partner, amounts }) => [partner, amounts]))
}

function expectSame(ours: Map<string, Amounts>, oracle: Map<string, Amounts>, where: string): void {
  expect(ours.size, where).to.equal(oracle.size)
  for (const [partner, amounts] of oracle) {
    for (const [category, amount] of Object.entries(amounts)) {
      const got = ours.get(partner)?.[category]
      if (got !== amount) expect(got, `${where} ${partner} ${category}`).to.equal(amount)
    }
  }
}

/** Each day's pool is what its votes bring and what the day before left. Returns the shares that were compared. */
function compareDays(votes: readonly RealVote[]): number {
  let [carry, compared] = [0n, 0]
  for (const [day, ofDay] of groupBy(votes, (vote) => vote.day)) {
    const pool = carry + splitInflow(BigInt(ofDay.length), UNITS_PER_CC).daily
    const ours = distributeDay(pool, votersOf(ofDay, eccOf), rules, market)
    const oracle = oracleDay(pool, ofDay, terms)
    expectSame(amountsOf(ours.shares), oracle.amounts, day)
    expect(ours.carry, day).to.equal(oracle.carry)
    carry = ours.carry
    compared += ours.shares.length
  }
  return compared
}

describe('partners, on real votes', () => {
  it('D-05, D-25 shares every hour of the file as the slow implementation does, carry included', () => {
    let [carry, inflows, paid] = [0n, 0n, 0n]
    const hours = groupBy(readTimedVotes(), ({ hour }) => hour)
    for (const [hour, votes] of hours) {
      const { hourly } = splitInflow(BigInt(votes.length), UNITS_PER_CC)
      const pool = carry + hourly
      const ours = distributeHour(pool, votersOf(votes, eccOf))
      const oracle = oracleHour(pool, votes)
      expectSame(amountsOf(ours.shares), oracle.amounts, `hour ${hour}`)
      expect(ours.carry, `hour ${hour}`).to.equal(oracle.carry)
      carry = ours.carry
      inflows += hourly
      paid += ours.paid
    }
    expect(hours.length).to.equal(339)
    expect(paid + carry).to.equal(inflows)
  }).timeout(30_000)

  it('D-12, D-13, D-15 shares every day of the file as the slow implementation does, carry included', () => {
    expect(compareDays(readTimedVotes())).to.be.greaterThan(5_932)
  }).timeout(30_000)

  it('D-11, D-14 weighs real voting powers, exponents and all, as the slow implementation does', () => {
    expect(compareDays(readWeightedVotes())).to.be.greaterThan(4_248)
  }).timeout(30_000)
})
