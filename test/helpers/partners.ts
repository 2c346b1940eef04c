// Made-up voters for the tests of the partners' rules.
import fc from 'fast-check'
import type { DailyRules } from '../../keeper/programs/partners/rules/daily.ts'
import type { EccVoter } from '../../keeper/programs/partners/rules/ecc.ts'

/** p0001, p0002, …: so many, each with less CC than the one before, ten votes and an ECC of 1. */
export function votersInOrder(count: number, change: Partial<EccVoter> = {}): EccVoter[] {
  return Array.from({ length: count }, (_, index) => ({
    partner: `p${String(index + 1).padStart(5, '0')}`,
    cc: BigInt(count - index),
    votes: 10,
    ecc: 10n ** 18n,
    ...change,
  }))
}

// Small numbers, so that ties and voters below a minimum are frequent.
const voter = fc.tuple(
  fc.integer({ min: 0, max: 6 }),
  fc.integer({ min: 1, max: 6 }),
  fc.oneof(fc.nat({ max: 3 }), fc.nat()),
)

const fewVoters = fc.array(voter, { maxLength: 25 }).map((voters) =>
  voters.map(([cc, votes, ecc], index) => ({
    partner: `p${(index * 7) % 26}`,
    cc: BigInt(cc),
    votes,
    ecc: BigInt(ecc),
  })),
)

// Into the third tier; CC, votes and ECC come round with periods of their own, so that all three tie.
const manyVoters = fc.tuple(fc.integer({ min: 26, max: 1_100 }), fc.nat()).map(([count, seed]) =>
  Array.from({ length: count }, (_, index) => ({
    partner: `p${(index * 7_919) % 7_907}`,
    cc: BigInt((index * 31 + seed) % 97),
    votes: 1 + ((index + seed) % 7),
    ecc: index % 11 === 0 ? 10n ** 24n : BigInt((index * seed) % 13),
  })),
)

const MANY_OF = 100

export const randomVoters = fc.oneof(
  { weight: MANY_OF - 1, arbitrary: fewVoters },
  { weight: 1, arbitrary: manyVoters },
)

/** As tiny as nothing, as large as a token's whole supply, and larger than any. */
export const randomPool = fc.oneof(
  fc.bigInt(0n, 100n),
  fc.bigInt(0n, 2n ** 96n),
  fc.bigInt(2n ** 199n, 2n ** 200n),
)

/** Any split and any minimum, also those that close a tier for everybody. */
export const randomRules: fc.Arbitrary<DailyRules> = fc
  .record({
    cuts: fc.tuple(fc.nat({ max: 10_000 }), fc.nat({ max: 10_000 })),
    minimums: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 5, maxLength: 5 }),
    bps: fc.nat({ max: 10_000 }),
    referenceRate: fc.bigInt(0n, 10n ** 18n),
    capPerPartner: randomPool,
  })
  .map(({ cuts, minimums, ...bonus }) => {
    const [low, high] = cuts[0] < cuts[1] ? cuts : [cuts[1], cuts[0]]
    const [top10 = 1, top100 = 1, top1000 = 1, top10000 = 1, all = 1] = minimums
    return {
      splitBps: { fixed: low, ecc: high - low, top50: 10_000 - high },
      minimumVotes: { top10, top100, top1000, top10000, all },
      bonus,
    }
  })
