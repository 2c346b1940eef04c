import { expect } from 'chai'
import fc from 'fast-check'
import { sum } from '../../../../../keeper/base/amount.ts'
import {
  differencesOf,
  otherPartners,
  poolAgain,
  takeBack,
} from '../../../../../keeper/programs/partners/rules/differences.ts'
import { distributeHour } from '../../../../../keeper/programs/partners/rules/hourly.ts'
import { codeOf } from '../../../../helpers/errors.ts'
import { randomPool, randomVoters, votersInOrder } from '../../../../helpers/partners.ts'

describe('partners: the differences of a correction', () => {
  const two = distributeHour(100n, votersInOrder(2)).shares
  const three = distributeHour(160n, votersInOrder(3)).shares

  it('name everybody whose share is another one, with what was before', () => {
    const differences = differencesOf(two, three)
    expect(differences.map(({ partner, amount }) => [partner, amount])).to.deep.equal([
      ['p00001', 12n],
      ['p00002', 0n],
      ['p00003', 40n],
    ])
    expect(differences[2]?.before).to.equal(undefined)
    expect(differences[0]?.before).to.equal(two[0])
  })

  it('of two equal distributions are none', () => {
    expect(differencesOf(three, structuredClone(three))).to.deep.equal([])
    expect(otherPartners(three, structuredClone(three))).to.deep.equal([])
  })

  it('never take a share away wholly: late votes only add', () => {
    expect(codeOf(() => differencesOf(three, two))).to.equal('INTERNAL')
    expect(otherPartners(three, two)).to.deep.equal(['p00001', 'p00002', 'p00003'])
  })

  it('add up to what was paid more', () => {
    fc.assert(
      fc.property(randomVoters, randomPool, randomPool, (voters, before, after) => {
        const first = distributeHour(before, voters.slice(0, voters.length >> 1))
        const again = distributeHour(after, voters)
        const differences = differencesOf(first.shares, again.shares)
        expect(sum(differences.map(({ amount }) => amount))).to.equal(again.paid - first.paid)
      }),
    )
  })

  it('are shared from what was paid, what is still there of the carry, and what came late', () => {
    const shared = { paid: 90n, carry: 10n }
    expect(poolAgain(shared, { free: 50n, late: 7n })).to.equal(107n)
    expect(poolAgain(shared, { free: 4n, late: 7n })).to.equal(101n)
    expect(codeOf(() => poolAgain(shared, { free: -1n, late: 0n }))).to.equal('INTERNAL')
  })

  it('are taken back as far as what is accrued reaches; the rest is due', () => {
    expect(takeBack(-10n, 30n)).to.deep.equal({ taken: 10n, due: 0n })
    expect(takeBack(-10n, 4n)).to.deep.equal({ taken: 4n, due: 6n })
    expect(takeBack(-10n, 0n)).to.deep.equal({ taken: 0n, due: 10n })
    expect(takeBack(10n, 4n)).to.deep.equal({ taken: 0n, due: 0n })
  })
})
