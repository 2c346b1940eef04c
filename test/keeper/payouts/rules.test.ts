import { expect } from 'chai'
import fc from 'fast-check'
import { outcomesOf, packPayments, pickPayments } from '../../../keeper/payouts/batch.ts'
import { MAX_PAYMENTS, maxPayments, payGas } from '../../../keeper/payouts/gas.ts'
import { batchId, contentOf, payoutKey } from '../../../keeper/payouts/names.ts'
import { MAX_PAYMENT, settlePayee } from '../../../keeper/payouts/rules.ts'
import { award, payeeAt } from '../../helpers/paying.ts'

describe('settlement rules', () => {
  it('below the minimum nothing is paid; at it, all is', () => {
    const rules = { minimum: 10n, unit: 1n }
    expect(settlePayee([4n, 5n], rules)).to.equal(undefined)
    expect(settlePayee([4n, 6n], rules)).to.deep.equal({ amount: 10n, carry: 0n })
  })

  it('a cap and whole units leave a carry; less than a unit waits', () => {
    expect(settlePayee([57n], { minimum: 1n, unit: 10n })).to.deep.equal({ amount: 50n, carry: 7n })
    expect(settlePayee([9n], { minimum: 1n, unit: 10n })).to.equal(undefined)
    const capped = settlePayee([250n], { minimum: 1n, unit: 10n, capPerPayee: 105n })
    expect(capped).to.deep.equal({ amount: 100n, carry: 150n })
  })

  it('nobody is paid less than the minimum for the sake of whole units', () => {
    const rules = { minimum: 102n, unit: 10n }
    expect(settlePayee([109n], rules)).to.equal(undefined)
    expect(settlePayee([111n], rules)).to.deep.equal({ amount: 110n, carry: 1n })
    expect(() => settlePayee([500n], { ...rules, capPerPayee: 109n })).to.throw('settlement rules')
  })

  it('no payment is larger than the 96 bits of the contract', () => {
    const settled = settlePayee([MAX_PAYMENT, 5n], { minimum: 1n, unit: 1n })
    expect(settled).to.deep.equal({ amount: MAX_PAYMENT, carry: 5n })
  })

  it('nothing is lost: amount and carry are what was accrued, whatever the rules', () => {
    const amounts = fc.array(fc.bigInt({ min: 1n, max: 10n ** 30n }), {
      minLength: 1,
      maxLength: 20,
    })
    const few = fc.bigInt({ min: 1n, max: 1_000n })
    fc.assert(
      fc.property(amounts, few, few, (accrued, minimum, unit) => {
        const total = accrued.reduce((sum, amount) => sum + amount, 0n)
        const settled = settlePayee(accrued, { minimum, unit, capPerPayee: 10n ** 25n })
        if (!settled) return total - (total % unit) < minimum || total < unit
        const { amount, carry } = settled
        const isWhole = amount % unit === 0n && amount > 0n && amount >= minimum
        return amount + carry === total && isWhole && carry >= 0n
      }),
    )
  })
})

describe('batches', () => {
  const payable = (index: number, amount: bigint) => ({
    key: `k${index}`,
    payee: payeeAt(index),
    address: payeeAt(index),
    amount,
  })
  const waiting = [5n, 6n, 1n].map((amount, index) => payable(index, amount))

  it('takes the first that fit; nobody overtakes the one that does not', () => {
    const keysOf = (money: bigint, payments = 10): string[] =>
      pickPayments(waiting, { money, payments }).payments.map(({ key }) => key)
    expect(keysOf(12n)).to.deep.equal(['k0', 'k1', 'k2'])
    expect(keysOf(10n)).to.deep.equal(['k0'])
    expect(keysOf(4n)).to.deep.equal([])
    expect(keysOf(12n, 2)).to.deep.equal(['k0', 'k1'])
    expect(pickPayments(waiting, { money: 10n, payments: 10 }).isShort).to.equal(true)
    expect(pickPayments(waiting, { money: 12n, payments: 2 }).isShort).to.equal(false)
  })

  it('packs the address above the amount', () => {
    const [word = 0n] = packPayments([{ address: payeeAt(0), amount: 7n }])
    expect(word >> 96n).to.equal(BigInt(payeeAt(0)))
    expect(word & MAX_PAYMENT).to.equal(7n)
  })

  it('what comes after the last payment that was made is untouched', () => {
    expect(outcomesOf(4, 3, new Set([1]))).to.deep.equal(['paid', 'refused', 'paid', 'untouched'])
  })

  it('the largest batch fits 15 M gas and one more does not', () => {
    const terms = { stipend: 30_000, maxRefused: 16, isNative: true }
    const most = maxPayments(terms)
    expect(most).to.be.within(100, MAX_PAYMENTS)
    expect(payGas(most, terms) <= 15_000_000n).to.equal(true)
    expect(payGas(most + 1, terms) > 15_000_000n).to.equal(true)
  })
})

describe('keys of payouts', () => {
  it('the order of the accruals does not matter, their set does', () => {
    const key = payoutKey('manual', 'a', ['x', 'y'])
    expect(payoutKey('manual', 'a', ['y', 'x'])).to.equal(key)
    expect(payoutKey('manual', 'a', ['x'])).not.to.equal(key)
    expect(payoutKey('points', 'a', ['x', 'y'])).not.to.equal(key)
  })

  it('two equal days have two batch ids: the sequence number and the attempt are in it', () => {
    const place = { chainId: 1, contract: '0xAB', number: 1, seq: 0, attempt: 0 }
    const ids = [
      batchId(place, ['p']),
      batchId({ ...place, seq: 1 }, ['p']),
      batchId({ ...place, attempt: 1 }, ['p']),
      batchId(place, ['q']),
    ]
    expect(new Set(ids).size).to.equal(4)
    expect(batchId({ ...place, contract: '0xab' }, ['p'])).to.equal(ids[0])
  })

  it('an award is another one when its payee, amount or reason is', () => {
    const one = award('a', payeeAt(0), 5n)
    const others = [
      award('a', payeeAt(1), 5n),
      award('a', payeeAt(0), 6n),
      award('a', payeeAt(0), 5n, { reason: { reason: 'else' } }),
    ]
    expect(contentOf(award('b', payeeAt(0), 5n, { effectiveAt: 1 }))).to.equal(contentOf(one))
    for (const other of others) expect(contentOf(other)).not.to.equal(contentOf(one))
  })
})
