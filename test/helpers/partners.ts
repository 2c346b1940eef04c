// Made-up voters for the tests of the partners' rules.
import fc from 'fast-check'
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

export const randomVoters = fc.array(voter, { maxLength: 25 }).map((voters) =>
  voters.map(([cc, votes, ecc], index) => ({
    partner: `p${(index * 7) % 26}`,
    cc: BigInt(cc),
    votes,
    ecc: BigInt(ecc),
  })),
)

export const randomPool = fc.oneof(fc.bigInt(0n, 100n), fc.bigInt(0n, 2n ** 96n))
