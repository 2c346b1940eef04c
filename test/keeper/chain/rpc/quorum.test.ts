import { expect } from 'chai'
import fc from 'fast-check'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import { agreedBy, mostTelling, quorumOf, reachedBy } from '../../../../keeper/chain/rpc/quorum.ts'

const same = (value: number): number => value

describe('what several endpoints say together', () => {
  it('S-34 one endpoint is believed; of several, two must agree', () => {
    expect([1, 2, 3, 10].map(quorumOf)).to.deep.equal([1, 2, 2, 2])
  })

  it('S-32 S-34 one that runs ahead, lags or lies never moves the height beyond the honest ones', () => {
    const heights = fc.array(fc.nat(1_000), { minLength: 2, maxLength: 9 })
    fc.assert(
      fc.property(heights, fc.integer(), (honest, lie) => {
        const reached = reachedBy([...honest, lie], 2, same) ?? -1
        expect(reached).to.be.at.most(Math.max(...honest))
        expect(reached).to.be.at.least(reachedBy(honest, 2, same) ?? -1)
      }),
    )
  })

  it('S-34 what only one says is not agreed, however many say something else', () => {
    const others = fc.uniqueArray(fc.nat(), { maxLength: 10 })
    fc.assert(
      fc.property(others, (values) => {
        expect(agreedBy(values, 2, String)).to.equal(undefined)
      }),
    )
    expect(agreedBy([1, 2, 3, 2], 2, String)).to.equal(2)
    expect(agreedBy([5], 1, String)).to.equal(5)
  })

  it('S-14 S-15 of several refusals the one is told that says most about our transaction', () => {
    const refused = (fault: string): KeeperError =>
      new KeeperError('RPC_REFUSED', { method: 'm', fault, message: fault })
    const silent = new KeeperError('RPC_UNAVAILABLE', { url: 'u', method: 'm', reason: 'late' })
    const wrong = new KeeperError('RPC_HASH_MISMATCH', { url: 'u' })
    const told = (...errors: unknown[]): Error => mostTelling(errors)
    const known = refused('already-known')
    const low = refused('nonce-too-low')
    expect(told(silent, low, known)).to.equal(known)
    expect(told(refused('other'), low, silent)).to.equal(low)
    expect(told(silent, wrong)).to.equal(wrong)
    expect(told(silent)).to.equal(silent)
    expect(told()).to.include({ code: 'INTERNAL' })
  })
})
