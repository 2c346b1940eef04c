import { expect } from 'chai'
import fc from 'fast-check'
import {
  compareIds,
  rankVoters,
  topPercentUp,
} from '../../../../../keeper/programs/partners/rules/position.ts'
import type { Voter } from '../../../../../keeper/programs/partners/rules/position.ts'
import { codeOf } from '../../../../helpers/errors.ts'
import { randomVoters } from '../../../../helpers/partners.ts'

const voter = (partner: string, cc: bigint, votes = 1): Voter => ({ partner, cc, votes })

describe('partners: positions', () => {
  it('D-10 everyone who voted has a position: by CC, then by votes, then by the bytes of the id', () => {
    const voters = [
      voter('b', 5n),
      voter('a', 5n),
      voter('z', 5n, 2),
      voter('B', 5n),
      voter('m', 9n),
      voter('q', 0n),
    ]
    const ranked = rankVoters(voters).map(({ position, partner }) => `${position} ${partner}`)
    expect(ranked).to.deep.equal(['1 m', '2 z', '3 B', '4 a', '5 b', '6 q'])
  })

  it('the order in which voters are given does not matter', () => {
    fc.assert(
      fc.property(randomVoters, fc.infiniteStream(fc.nat()), (voters, keys) => {
        const shuffled = voters
          .map((each) => ({ each, key: keys.next().value }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ each }) => each)
        expect(rankVoters(shuffled)).to.deep.equal(rankVoters(voters))
      }),
    )
  })

  it('compares ids as their bytes in UTF-8, also beyond the basic plane', () => {
    // Around the surrogates, where code units and bytes order differently.
    const letter = fc.constantFrom(
      'a',
      'b',
      'é',
      '\uD7FF',
      '\uE000',
      '\uFF21',
      '\u{10000}',
      '\u{1F600}',
    )
    const ids = fc.string({ unit: letter, maxLength: 4 })
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const expected = Buffer.compare(Buffer.from(a), Buffer.from(b))
        expect(Math.sign(compareIds(a, b))).to.equal(expected)
      }),
    )
    expect(compareIds('\u{1F600}', '\uFF21')).to.be.greaterThan(0)
  })

  it('the top 10 % is rounded up: 1 of 1, 1 of 10, 2 of 11, 0 of 0', () => {
    expect([0, 1, 10, 11, 20, 21].map((count) => topPercentUp(count, 10))).to.deep.equal([
      0, 1, 1, 2, 2, 3,
    ])
    expect([0, 1, 2, 3].map((count) => topPercentUp(count, 50))).to.deep.equal([0, 1, 1, 2])
  })

  it('refuses a partner who is there twice and a voter without a vote', () => {
    expect(codeOf(() => rankVoters([voter('a', 1n), voter('a', 1n)]))).to.equal('INTERNAL')
    expect(codeOf(() => rankVoters([voter('a', 2n), voter('b', 1n), voter('a', 0n)]))).to.equal(
      'INTERNAL',
    )
    expect(codeOf(() => rankVoters([voter('a', 1n, 0)]))).to.equal('INTERNAL')
    expect(codeOf(() => rankVoters([voter('a', -1n)]))).to.equal('INTERNAL')
  })
})
