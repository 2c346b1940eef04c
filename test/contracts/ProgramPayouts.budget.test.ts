import { expect } from 'chai'
import fc from 'fast-check'
import { DAY, HOUR, ZERO, ethers, loadFixture, nextAt, time } from '../helpers/contracts.ts'
import type { Hand } from '../helpers/payouts.ts'
import {
  A,
  B,
  FUNDS,
  assertCovered,
  balanceOfProgram,
  byAdmin,
  deployHand,
  fundProgram,
  held,
  pay,
  payeeOf,
} from '../helpers/payouts.ts'

const CAPACITY = 10_000n
/** 100 an hour. */
const PER_DAY = 2_400n

const bucket = (): Promise<Hand> => deployHand({ terms: { capacity: CAPACITY, perDay: PER_DAY } })
const slow = (): Promise<Hand> => deployHand({ terms: { capacity: CAPACITY, perDay: 24n } })

const available = async ({ payouts }: Hand, program = A): Promise<bigint> =>
  (await payouts.programOf(program)).available

const spend = async (hand: Hand, seq: bigint | number, amount: bigint): Promise<void> => {
  await pay(hand, seq, [[payeeOf(0), amount]])
}

describe('the budget of a program', () => {
  it('R-61 is full at first, lets out what it holds and not a unit more', async () => {
    const hand = await loadFixture(bucket)
    const { payouts } = hand
    expect(await available(hand)).to.equal(CAPACITY)

    await expect(pay(hand, 1, [[payeeOf(0), CAPACITY + 1n]]))
      .to.be.revertedWithCustomError(payouts, 'BudgetExceeded')
      .withArgs(A, CAPACITY + 1n, CAPACITY)
    expect(await payouts.isPaid(A, 1)).to.equal(false)
    await spend(hand, 1, CAPACITY)
    expect(await available(hand)).to.equal(0)
    await assertCovered(hand)
  })

  it('R-61 refills by the second, rounded down, and never above its capacity', async () => {
    const hand = await loadFixture(bucket)
    await spend(hand, 1, CAPACITY)
    const start = await time.latest()

    // A unit takes 36 seconds.
    for (const [after, expected] of [
      [35, 0n],
      [36, 1n],
      [71, 1n],
      [HOUR, 100n],
      [3 * DAY, 7_200n],
      [5 * DAY, CAPACITY],
    ] as const) {
      await time.increaseTo(start + after)
      expect(await available(hand), String(after)).to.equal(expected)
    }
  })

  it('R-61 a small budget refills also under many small payments', async () => {
    const hand = await loadFixture(slow)
    await spend(hand, 0, CAPACITY)
    const start = await time.latest()
    // A unit an hour; a payment of nothing every half hour used to lose the half unit each time.
    for (let i = 1; i <= 48; ++i) {
      await nextAt(start + (i * HOUR) / 2)
      await spend(hand, i, 0n)
    }

    expect(await available(hand)).to.equal(24)
    await spend(hand, 49, 24n)
    expect(await available(hand)).to.equal(0)
  })

  it('R-61 lets out at most capacity and refill in any window, whatever the payments', async () => {
    const hand = await loadFixture(bucket)
    const steps = fc.array(
      fc.record({ wait: fc.integer({ min: 1, max: 2 * DAY }), want: fc.bigInt(1n, 3_000n) }),
      { minLength: 12, maxLength: 12 },
    )
    let seq = 0
    const paid: { at: number; amount: bigint }[] = []
    for (const { wait, want } of fc.sample(steps, { numRuns: 5, seed: 5 }).flat()) {
      await nextAt((await time.latest()) + wait)
      const amount = want
      const outcome = await spend(hand, ++seq, amount).then(
        () => true,
        () => false,
      )
      if (outcome) paid.push({ at: await time.latest(), amount })
    }

    expect(paid.length).to.be.greaterThan(20)
    for (const [i, { at: from }] of paid.entries()) {
      let sum = 0n
      for (const { at, amount } of paid.slice(i)) {
        sum += amount
        const refill = PER_DAY * BigInt(at - from)
        expect(sum * BigInt(DAY) <= CAPACITY * BigInt(DAY) + refill, `${from} … ${at}`).to.equal(
          true,
        )
      }
    }
  })

  it('R-61 is not the balance: a program with less money than budget pays what it has', async () => {
    const hand = await loadFixture(() => deployHand({ terms: { capacity: 2n * FUNDS } }))
    const { payouts } = hand

    await expect(pay(hand, 1, [[payeeOf(0), FUNDS + 1n]]))
      .to.be.revertedWithCustomError(payouts, 'BalanceExceeded')
      .withArgs(A, FUNDS + 1n, FUNDS)
    await spend(hand, 1, FUNDS)
    expect(await balanceOfProgram(hand, B)).to.equal(FUNDS)
    expect(await held(hand, [payeeOf(0)])).to.deep.equal([FUNDS])
    await assertCovered(hand)
  })

  it('R-61 a capacity of 0 lets nothing out', async () => {
    const hand = await loadFixture(() => deployHand({ terms: { capacity: 0n } }))
    await time.increase(30 * DAY)

    await expect(pay(hand, 1, [[payeeOf(0), 1n]]))
      .to.be.revertedWithCustomError(hand.payouts, 'BudgetExceeded')
      .withArgs(A, 1, 0)
  })

  it('R-61 R-50 the guardian lowers it at once, what it holds included, and cannot raise it', async () => {
    const hand = await loadFixture(bucket)
    const { payouts, guardian } = hand
    const lower = payouts.connect(guardian).lowerBudget

    await expect(lower(A, 300, 240))
      .to.emit(payouts, 'BudgetLowered')
      .withArgs(A, 300, 240)

    expect(await available(hand)).to.equal(300)
    await expect(pay(hand, 1, [[payeeOf(0), 301n]])).to.be.revertedWithCustomError(
      payouts,
      'BudgetExceeded',
    )
    for (const [capacity, perDay] of [
      [301, 240],
      [300, 241],
      [0, 241],
      [301, 0],
      [300, 240],
    ] as const) {
      await expect(lower(A, capacity, perDay))
        .to.be.revertedWithCustomError(payouts, 'BudgetNotLower')
        .withArgs(A)
    }
    await lower(A, 300, 0)
    await spend(hand, 1, 300n)
    await time.increase(9 * DAY)
    expect(await available(hand)).to.equal(0)
  })

  it('R-61 new terms keep what it holds, up to the new capacity: raising it gives nothing at once', async () => {
    const hand = await loadFixture(bucket)
    const { terms } = hand
    await spend(hand, 1, CAPACITY)
    const start = await time.latest()
    await nextAt(start + HOUR)
    await byAdmin(hand, 'setTerms', [A, { ...terms, capacity: 20_000n, perDay: 24_000n }])
    expect(await available(hand)).to.equal(100)
    await time.increaseTo(start + 2 * HOUR)
    expect(await available(hand)).to.equal(1_100)
    await byAdmin(hand, 'setTerms', [A, { ...terms, capacity: 50n, perDay: 0n }])
    expect(await available(hand)).to.equal(50)
    await byAdmin(hand, 'setTerms', [A, { ...terms, perDay: 0n }])
    expect(await available(hand)).to.equal(50)
  })

  it('R-61 the money of one program never pays for another', async () => {
    const hand = await loadFixture(() => deployHand({ terms: { capacity: 10n * FUNDS } }))
    const { payouts } = hand
    await spend(hand, 1, FUNDS)

    await expect(pay(hand, 2, [[payeeOf(1), 1n]]))
      .to.be.revertedWithCustomError(payouts, 'BalanceExceeded')
      .withArgs(A, 1, 0)
    await pay(hand, 1, [[payeeOf(2), FUNDS]], { program: B })
    await fundProgram(hand, A, 3n)
    await pay(hand, 2, [[payeeOf(1), 3n]])
    await assertCovered(hand)
  })
})

describe('a program', () => {
  it('R-50 is added once, with a payer, by the admin only', async () => {
    const hand = await loadFixture(bucket)
    const { payouts, admin, guardian, payer, stranger, terms } = hand
    await expect(payouts.connect(admin).addProgram(A, terms))
      .to.be.revertedWithCustomError(payouts, 'ProgramKnown')
      .withArgs(A)
    await expect(payouts.connect(admin).addProgram(3, { ...terms, payer: ZERO }))
      .to.be.revertedWithCustomError(payouts, 'BadRecipient')
      .withArgs(ZERO)
    await expect(payouts.connect(admin).addProgram(3, terms)).to.emit(payouts, 'ProgramAdded')
    for (const by of [guardian, payer, stranger]) {
      await expect(payouts.connect(by).addProgram(4, terms)).to.be.revertedWithCustomError(
        payouts,
        'AccessControlUnauthorizedAccount',
      )
    }
    const { balance, claims } = await payouts.programOf(3)
    expect([balance, claims]).to.deep.equal([0n, ZERO])
  })

  it('R-61 that is unknown takes no money, no terms and no powers', async () => {
    const hand = await loadFixture(bucket)
    const { payouts, admin, guardian, terms } = hand
    for (const call of [
      () => fundProgram(hand, 3, 1n),
      () => payouts.connect(admin).setTerms(3, terms),
      () => payouts.connect(admin).setClaims(3, payouts),
      () => payouts.connect(admin).returnFunds(3, payeeOf(0), 0),
      () => payouts.connect(guardian).lowerBudget(3, 0, 0),
      () => payouts.connect(guardian).revokePayer(3),
      () => payouts.moveToClaims(3, 0),
    ]) {
      await expect(call()).to.be.revertedWithCustomError(payouts, 'ProgramUnknown').withArgs(3)
    }
    expect((await payouts.programOf(3)).terms.payer).to.equal(ZERO)
    expect(await ethers.provider.getBalance(payouts)).to.equal(2n * FUNDS)
  })
})
