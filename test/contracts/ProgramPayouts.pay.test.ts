import { expect } from 'chai'
import { TX_GAS, ZERO, ethers, loadFixture, networkHelpers, range } from '../helpers/contracts.ts'
import type { Hand, Payment } from '../helpers/payouts.ts'
import {
  A,
  B,
  FUNDS,
  assertCovered,
  balanceOfProgram,
  creditsOf,
  deployHand,
  hashOf,
  held,
  outcomeOf,
  pack,
  pay,
  payeeOf,
  refusedIn,
} from '../helpers/payouts.ts'
import { withReceivers } from '../helpers/receivers.ts'
import type { Refusers } from '../helpers/receivers.ts'

const [ACCEPTS, REVERTS] = [0, 4]
/** The contract's MAX_PAYMENTS. */
const MAX_PAYMENTS = 1_500

const coin = (): Promise<Hand> => deployHand()
const token = (): Promise<Hand> => deployHand({ token: 'ERC20Mock' })

const refusers = async (): Promise<Refusers> => withReceivers(range(20).map(() => REVERTS))
const three: Payment[] = [
  [payeeOf(0), 5n],
  [payeeOf(1), 6n],
  [payeeOf(2), 7n],
]

describe('pay', () => {
  for (const [asset, fixture] of [
    ['coin', coin],
    ['tokens', token],
  ] as const) {
    it(`R-60 pays a batch of ${asset} once, and its event carries the hash of its payload`, async () => {
      const hand = await loadFixture(fixture)
      const { payouts } = hand

      await expect(pay(hand, 9, three))
        .to.emit(payouts, 'BatchPaid')
        .withArgs(A, 9, hashOf(await pack(three)), 3, 18, 0)

      expect(await held(hand, [0, 1, 2].map(payeeOf))).to.deep.equal([5n, 6n, 7n])
      expect(await balanceOfProgram(hand, A)).to.equal(FUNDS - 18n)
      await expect(pay(hand, 9, three))
        .to.be.revertedWithCustomError(payouts, 'BatchAlreadyPaid')
        .withArgs(A, 9)
      await assertCovered(hand)
    })
  }

  it('R-60 a used number refuses every other payload, and another number pays the same one', async () => {
    const hand = await loadFixture(coin)
    await pay(hand, 0, three)

    await expect(pay(hand, 0, [[payeeOf(5), 1n]])).to.be.revertedWithCustomError(
      hand.payouts,
      'BatchAlreadyPaid',
    )
    await pay(hand, 1, three)
    expect(await held(hand, [0, 1, 2].map(payeeOf))).to.deep.equal([10n, 12n, 14n])
  })

  it('R-60 only the program’s payer pays: not another’s, not the admin, not for an unknown program', async () => {
    const hand = await loadFixture(coin)
    const { payouts, payer, payerOfB, admin, guardian, stranger } = hand

    for (const by of [payerOfB, admin, guardian, stranger]) {
      await expect(pay(hand, 1, three, { by }))
        .to.be.revertedWithCustomError(payouts, 'NotPayer')
        .withArgs(by, A)
    }
    await expect(pay(hand, 1, three, { program: 3, by: payer }))
      .to.be.revertedWithCustomError(payouts, 'NotPayer')
      .withArgs(payer, 3)
  })

  it('R-60 a program’s numbers are its own: nobody else can use one up', async () => {
    const hand = await loadFixture(coin)
    const { payouts } = hand
    await pay(hand, 7, three, { program: B })

    expect(await payouts.isPaid(B, 7)).to.equal(true)
    expect(await payouts.isPaid(A, 7)).to.equal(false)
    await pay(hand, 7, three)
  })

  it('R-60 keeps 256 numbers a word up to the last, and words of one program are not another’s', async () => {
    const hand = await loadFixture(coin)
    const { payouts } = hand
    const last = 2n ** 64n - 1n
    for (const seq of [0n, 255n, 256n, last]) await pay(hand, seq, three)
    await pay(hand, 3n, three, { program: B })

    expect(await payouts.paidWord(A, 0)).to.equal(1n | (1n << 255n))
    expect(await payouts.paidWord(A, 1)).to.equal(1n)
    expect(await payouts.paidWord(A, 2n ** 56n - 1n)).to.equal(1n << 255n)
    expect(await payouts.paidWord(B, 0)).to.equal(8n)
    expect(await payouts.paidWord(0, 2n ** 56n - 1n)).to.equal(0n)
    expect(await payouts.isPaid(A, last)).to.equal(true)
    expect(await payouts.isPaid(A, last - 1n)).to.equal(false)
    // There is no word 2^56, which would be the next program's word 0.
    expect(payouts.interface.getFunction('paidWord').inputs[1]?.type).to.equal('uint56')
  })

  it('R-60 a batch without payments, or with more than 1,500, is refused', async () => {
    const hand = await loadFixture(coin)
    const { payouts } = hand

    await expect(pay(hand, 1, [])).to.be.revertedWithCustomError(payouts, 'BatchEmpty')
    const many = range(MAX_PAYMENTS + 1).map((): Payment => [payeeOf(0), 1n])
    await expect(pay(hand, 1, many))
      .to.be.revertedWithCustomError(payouts, 'ListTooLong')
      .withArgs(MAX_PAYMENTS + 1, MAX_PAYMENTS)
    expect(await payouts.isPaid(A, 1)).to.equal(false)
  })

  it('R-60 words behind the list are never paid, whatever they look like', async () => {
    const hand = await loadFixture(coin)
    const { payouts, payer } = hand
    const [extra = 0n] = await pack([[payeeOf(8), 50n]])
    const data = payouts.interface.encodeFunctionData('pay', [A, 1, await pack(three)])
    const send = async (behind: string): Promise<unknown> =>
      payer.sendTransaction({ to: payouts, data: data + behind, gasLimit: TX_GAS })

    await expect(send(ethers.toBeHex(extra, 32).slice(2)))
      .to.be.revertedWithCustomError(payouts, 'ListTooLong')
      .withArgs(4, 3)
    expect(await held(hand, [payeeOf(0), payeeOf(8)])).to.deep.equal([0n, 0n])
    // Zeros, which look like nothing, change nothing.
    await send('00'.repeat(64))
    expect(await held(hand, [0, 1, 2].map(payeeOf))).to.deep.equal([5n, 6n, 7n])
    await assertCovered(hand)
  })

  it('R-60 one payee named twice is paid twice, and an amount of 0 is a payment of nothing', async () => {
    const hand = await loadFixture(coin)

    const outcome = await outcomeOf(
      hand,
      pay(hand, 1, [
        [payeeOf(0), 5n],
        [payeeOf(1), 0n],
        [payeeOf(0), 6n],
      ]),
    )

    expect(outcome).to.deep.equal([3n, 11n, 0n])
    expect(await held(hand, [payeeOf(0), payeeOf(1)])).to.deep.equal([11n, 0n])
  })
})

describe('a payee that refuses', () => {
  it('R-30 R-31 R-60 is credited at its position, and all others are paid', async () => {
    const { hand, receivers } = await loadFixture(refusers)
    const { payouts } = hand
    const bad = receivers[0]!

    const batch = pay(hand, 4, [three[0]!, [bad, 9n], three[2]!])

    await expect(batch).to.emit(payouts, 'PaymentRefused').withArgs(A, 4, 1, bad, 9)
    expect(await outcomeOf(hand, batch)).to.deep.equal([3n, 12n, 9n])
    expect(await held(hand, [payeeOf(0), payeeOf(2), bad])).to.deep.equal([5n, 7n, 0n])
    expect(await creditsOf(hand, [bad])).to.deep.equal([9n])
    await assertCovered(hand)
  })

  it('R-61 its credit is spent: the program pays it once and cannot use it again', async () => {
    const { hand, receivers } = await loadFixture(refusers)
    const bad = receivers[0]!
    await pay(hand, 1, [[bad, FUNDS]])

    expect(await balanceOfProgram(hand, A)).to.equal(0)
    await expect(pay(hand, 2, three)).to.be.revertedWithCustomError(hand.payouts, 'BudgetExceeded')
    await bad.setMode(ACCEPTS)
    await hand.payouts.withdraw(bad)
    expect(await held(hand, [bad])).to.deep.equal([FUNDS])
    await assertCovered(hand)
  })

  it('R-30 is not called a second time in a batch: all its payments are credited', async () => {
    const { hand, receivers } = await loadFixture(refusers)
    const first = receivers[0]!
    // Would accept an even amount.
    await first.setMode(14)

    const batch = pay(hand, 1, [[first, 1n], three[0]!, [first, 2n], [first, 4n]])

    expect(await refusedIn(hand, batch)).to.deep.equal([0n, 2n, 3n])
    expect(await creditsOf(hand, [first])).to.deep.equal([7n])
    await assertCovered(hand)
  })

  it('R-30 counts once however often a batch names it: it alone cannot stop the batch', async () => {
    const { hand, receivers } = await loadFixture(refusers)
    const bad = receivers[0]!
    const payments = [...range(40).map((): Payment => [bad, 1n]), three[0]!]

    expect(await outcomeOf(hand, pay(hand, 1, payments))).to.deep.equal([41n, 5n, 40n])
    await assertCovered(hand)
  })

  it('R-30 its namesakes in the filter, addresses that end in the same byte, are paid', async () => {
    const { hand, receivers } = await loadFixture(refusers)
    const bad = await receivers[0]!.getAddress()
    const namesake = ethers.getAddress(`0x${'5'.repeat(38)}${bad.slice(-2)}`)

    const batch = pay(hand, 1, [
      [bad, 1n],
      [namesake, 2n],
      [bad, 3n],
      [namesake, 4n],
    ])

    expect(await outcomeOf(hand, batch)).to.deep.equal([4n, 6n, 4n])
    expect(await held(hand, [namesake])).to.deep.equal([6n])
  })

  it('R-30 16 of them stop a batch cleanly after the 16th: the rest needs another number', async () => {
    const { hand, receivers } = await loadFixture(refusers)
    const payments: Payment[] = [...receivers.map((bad): Payment => [bad, 1n]), ...three]

    expect(await outcomeOf(hand, pay(hand, 1, payments))).to.deep.equal([16n, 0n, 16n])
    expect(await held(hand, [payeeOf(0)])).to.deep.equal([0n])
    expect(await outcomeOf(hand, pay(hand, 2, payments.slice(16)))).to.deep.equal([7n, 18n, 4n])
    await assertCovered(hand)
  })

  it('R-30 15 of them at the head of a full batch leave it within a transaction’s gas', async () => {
    const hand = await loadFixture(coin)
    const bad = range(15).map((i) =>
      ethers.getAddress(`0x${'7'.repeat(38)}${(i + 16).toString(16)}`),
    )
    for (const at of bad) await networkHelpers.setCode(at, '0x5f5ffd')
    const good = range(MAX_PAYMENTS - bad.length).map((i) =>
      ethers.getAddress(ethers.id(`${i}`).slice(0, 42)),
    )
    // Existing accounts: new ones would need more gas than a transaction has.
    for (const at of good) await networkHelpers.setBalance(at, 1n)

    const batch = pay(
      hand,
      1,
      [...bad, ...good].map((to): Payment => [to, 1n]),
    )

    expect(await outcomeOf(hand, batch)).to.deep.equal([1_500n, 1_485n, 15n])
    await assertCovered(hand)
  }).timeout(120_000)
})

describe('payments to nobody', () => {
  it('R-30 coin for the zero address or for the contract becomes a credit that nobody can burn', async () => {
    const hand = await loadFixture(coin)
    const { payouts } = hand
    const self = await payouts.getAddress()

    const batch = pay(hand, 1, [[ZERO, 5n], three[0]!, [self, 6n]])

    expect(await outcomeOf(hand, batch)).to.deep.equal([3n, 5n, 11n])
    for (const at of [ZERO, self]) {
      await expect(payouts.withdraw(at))
        .to.be.revertedWithCustomError(payouts, 'BadRecipient')
        .withArgs(at)
    }
    expect(await creditsOf(hand, [ZERO, self])).to.deep.equal([5n, 6n])
    await assertCovered(hand)
  })

  it('R-30 tokens for the zero address, the token or the contract become credits, whatever the token allows', async () => {
    const hand = await loadFixture(() => deployHand({ token: 'HostileToken' }))
    const { payouts } = hand
    const nobody = [ZERO, await hand.token!.getAddress(), await payouts.getAddress()]

    const batch = pay(hand, 1, [...nobody.map((to): Payment => [to, 5n]), three[0]!])

    expect(await outcomeOf(hand, batch)).to.deep.equal([4n, 5n, 15n])
    expect(await creditsOf(hand, nobody)).to.deep.equal([5n, 5n, 5n])
    for (const at of nobody) {
      await expect(payouts.withdraw(at)).to.be.revertedWithCustomError(payouts, 'BadRecipient')
    }
    await assertCovered(hand)
  })
})
