import { expect } from 'chai'
import fc from 'fast-check'
import { toJson } from '../../../../../keeper/base/json.ts'
import { distributeDay } from '../../../../../keeper/programs/partners/rules/daily.ts'
import { explainDay, explainHour } from '../../../../../keeper/programs/partners/rules/explain.ts'
import type { Explanation } from '../../../../../keeper/programs/partners/rules/explain.ts'
import { distributeHour } from '../../../../../keeper/programs/partners/rules/hourly.ts'
import {
  dailyTraceOf,
  dailyTraceSchema,
  hourlyTraceOf,
  hourlyTraceSchema,
} from '../../../../../keeper/programs/partners/rules/trace.ts'
import { DEFAULT_RULES, parseRuleset } from '../../../../../keeper/programs/partners/ruleset.ts'
import { randomPool, randomVoters, votersInOrder } from '../../../../helpers/partners.ts'

const { daily } = parseRuleset(JSON.stringify(DEFAULT_RULES), 'the defaults')

function amountsOf(lines: readonly Explanation[]): Record<string, bigint> {
  return Object.fromEntries(lines.map(({ category, amount }) => [category, amount]))
}

describe('partners: explanations', () => {
  it('D-05 D-06 the trace of an hour gives back every amount, also after it was stored', () => {
    fc.assert(
      fc.property(randomPool, randomVoters, (pool, voters) => {
        const hour = distributeHour(pool, voters)
        const stored: unknown = JSON.parse(toJson(hourlyTraceOf(hour)))
        const trace = hourlyTraceSchema.parse(stored)
        for (const share of hour.shares) {
          expect(amountsOf(explainHour(trace, share))).to.deep.equal(share.amounts)
        }
      }),
    )
  })

  it('D-11 D-12 D-13 the trace of a day gives back all eight amounts, also after it was stored', () => {
    const markets = fc.record({ unitsPerCc: fc.bigInt(0n, 2n * 10n ** 18n), budget: randomPool })
    fc.assert(
      fc.property(randomPool, randomVoters, markets, (pool, voters, market) => {
        const day = distributeDay(pool, voters, daily, market)
        const stored: unknown = JSON.parse(toJson(dailyTraceOf(day)))
        const trace = dailyTraceSchema.parse(stored)
        for (const share of day.shares) {
          expect(amountsOf(explainDay(trace, share))).to.deep.equal(share.amounts)
        }
      }),
    )
  })

  it('each sentence has the numbers to check the amount by hand', () => {
    const voters = votersInOrder(20, { votes: 4 }).map((voter, at) => {
      return at === 0 ? { ...voter, ecc: 9n, votes: 5 } : { ...voter, ecc: 1n }
    })
    const market = { unitsPerCc: 1n, budget: 0n }
    const day = distributeDay(1_000_000n, voters, daily, market)
    const words = day.shares.slice(0, 11).map((share) => {
      return explainDay(dailyTraceOf(day), share).map(({ because }) => because)
    })
    expect(words[0]?.[0]).to.equal('position 1 is among the first 10: 66680 / 1, rest 0')
    expect(words[1]?.[0]).to.equal('position 2 is among the first 10, but 4 votes are less than 5')
    expect(words[10]?.[0]).to.equal('position 11 is not among the first 10')
    expect(words[0]?.[5]).to.equal(
      'ECC 9 is within the cap 25 (5 × 10 / 2): 333300 × 18 / 20, rest 0',
    )
    expect(words[0]?.[7]).to.equal('no bonus: the rate 1 is not above 1000000000000000000')
  })

  it('the words of the cap and of a short budget name what lowered the amount', () => {
    const voters = votersInOrder(100).map((voter, at) => ({ ...voter, ecc: at === 0 ? 91n : 1n }))
    const market = { unitsPerCc: 2n * 10n ** 18n, budget: 10n }
    const day = distributeDay(1_000_000n, voters, daily, market)
    const [first] = day.shares
    if (!first) throw new Error('nobody voted')
    const lines = explainDay(dailyTraceOf(day), first)
    expect(lines[5]?.because).to.equal(
      'ECC 91 is above the cap 50 (5 × 100 / 10) and weighs as it: 333300 × 500 / 590, rest 2',
    )
    expect(lines[7]?.because).to.match(/ × 10 \/ \d+ because the budget is short$/)
  })
})
