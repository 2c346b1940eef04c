import { expect } from 'chai'
import { DAY, HOUR, ZERO, ethers, loadFixture, nextAt, time } from '../helpers/contracts.ts'
import type { Desk, Leaf } from '../helpers/claims.ts'
import { DELAY, claimFor, deployDesk, publish, submit, treeOf } from '../helpers/claims.ts'
import type { Hand } from '../helpers/payouts.ts'
import {
  A,
  B,
  FUNDS,
  assertCovered,
  balanceOfProgram,
  byAdmin,
  creditsOf,
  deployHand,
  fundProgram,
  held,
  pay,
  payeeOf,
} from '../helpers/payouts.ts'

const CAPACITY = 10_000n
/** 100 an hour. */
const PER_DAY = 2_400n
const TIMELOCK = 48 * HOUR
const THIEF = payeeOf(66)
const REVERTS = 4

const hand = (): Promise<Hand> => deployHand()
const locked = (): Promise<Hand> =>
  deployHand({ terms: { capacity: CAPACITY, perDay: PER_DAY }, timelockDelay: TIMELOCK })
const desk = (): Promise<Desk> => deployDesk({ terms: { capacity: CAPACITY, perDay: PER_DAY } })

const stolen = async (from: Hand): Promise<bigint> => (await held(from, [THIEF]))[0] ?? 0n

const LEAVES: Leaf[] = [
  [payeeOf(0), 2_000n],
  [payeeOf(1), 1_000n],
]

describe('powers over the programs', () => {
  it('R-51 R-60 a pause stops batches for at most 72 h, ends by itself, and spares withdrawals', async () => {
    const at = await loadFixture(hand)
    const { payouts, guardian, payer } = at
    const wallet = await ethers.deployContract('HostilePayee')
    await wallet.setMode(REVERTS)
    await pay(at, 1, [[wallet, 9n]])
    await wallet.setMode(0)
    await expect(payouts.connect(payer).pauseFor(1)).to.be.revertedWithCustomError(
      payouts,
      'AccessControlUnauthorizedAccount',
    )
    await expect(payouts.connect(guardian).pauseFor(72 * HOUR + 1))
      .to.be.revertedWithCustomError(payouts, 'PauseTooLong')
      .withArgs(72 * HOUR + 1, 72 * HOUR)
    const start = (await time.latest()) + 5
    await nextAt(start)
    await payouts.connect(guardian).pauseFor(72 * HOUR)

    await nextAt(start + 72 * HOUR - 1)
    await expect(pay(at, 2, [[payeeOf(0), 1n]]))
      .to.be.revertedWithCustomError(payouts, 'Paused')
      .withArgs(start + 72 * HOUR)
    expect(await payouts.pausedUntil()).to.equal(start + 72 * HOUR)
    await nextAt(start + 72 * HOUR)
    await pay(at, 2, [[payeeOf(0), 1n]])

    await payouts.connect(guardian).pauseFor(HOUR)
    await payouts.withdraw(wallet)
    await fundProgram(at, A, 1n)
    await payouts.connect(guardian).unpause()
    await pay(at, 3, [[payeeOf(0), 1n]])
    await assertCovered(at)
  })

  it('R-50 R-51 pauses take 7 days in 30 at most', async () => {
    const at = await loadFixture(hand)
    const guardian = at.payouts.connect(at.guardian)
    const start = (await time.latest()) + 5
    for (const [after, duration] of [
      [0, 72],
      [72, 72],
      [144, 24],
    ] as const) {
      await nextAt(start + after * HOUR)
      await guardian.pauseFor(duration * HOUR)
    }
    await nextAt(start + 7 * DAY)

    await expect(guardian.pauseFor(1)).to.be.revertedWithCustomError(at.payouts, 'PauseBudgetSpent')
    await pay(at, 1, [[payeeOf(0), 1n]])
  })

  it('R-50 the guardian takes a payer away at once; only the admin appoints another', async () => {
    const at = await loadFixture(hand)
    const { payouts, guardian, payer, terms, stranger } = at
    await expect(payouts.connect(guardian).revokePayer(A))
      .to.emit(payouts, 'PayerRevoked')
      .withArgs(A, payer)

    await expect(pay(at, 1, [[payeeOf(0), 1n]])).to.be.revertedWithCustomError(payouts, 'NotPayer')
    await pay(at, 1, [[payeeOf(0), 1n]], { program: B })
    await expect(payouts.connect(guardian).setTerms(A, terms)).to.be.revertedWithCustomError(
      payouts,
      'AccessControlUnauthorizedAccount',
    )
    await expect(
      payouts.connect(at.admin).setTerms(A, { ...terms, payer: stranger.address }),
    ).to.emit(payouts, 'TermsSet')
    await pay(at, 1, [[payeeOf(0), 1n]], { by: stranger })
  })

  it('R-50 each power is one role’s: everybody else is refused', async () => {
    const at = await loadFixture(hand)
    const { payouts, admin, guardian, payer, stranger, terms } = at
    const ofAdmin = [
      ['addProgram', [9, terms]],
      ['setTerms', [A, terms]],
      ['setClaims', [A, ZERO]],
      ['skim', [A]],
      ['returnFunds', [A, THIEF, 1]],
      ['proposeCreditMove', [THIEF, THIEF]],
    ] as const
    const ofGuardian = [
      ['lowerBudget', [A, 0, 0]],
      ['revokePayer', [A]],
      ['pauseFor', [1]],
      ['unpause', []],
    ] as const
    for (const [calls, others] of [
      [ofAdmin, [guardian, payer, stranger]],
      [ofGuardian, [admin, payer, stranger]],
    ] as const) {
      for (const [name, args] of calls) {
        const data = payouts.interface.encodeFunctionData(name as 'skim', args as never)
        for (const by of others) {
          await expect(
            by.sendTransaction({ to: payouts, data }),
            name,
          ).to.be.revertedWithCustomError(payouts, 'AccessControlUnauthorizedAccount')
        }
      }
    }
  })
})

describe('a stolen payer key', () => {
  it('R-52 R-61 takes one capacity and what refills until the guardian acts, of one program', async () => {
    const at = await loadFixture(locked)
    const { payouts, guardian } = at
    await pay(at, 0, [[THIEF, CAPACITY]])
    const start = await time.latest()
    for (let hour = 1; hour <= 6; ++hour) {
      await nextAt(start + hour * HOUR)
      await pay(at, hour, [[THIEF, 100n]])
    }
    await expect(pay(at, 7, [[THIEF, 1n]])).to.be.revertedWithCustomError(payouts, 'BudgetExceeded')

    await payouts.connect(guardian).revokePayer(A)

    await time.increase(9 * DAY)
    await expect(pay(at, 8, [[THIEF, 1n]])).to.be.revertedWithCustomError(payouts, 'NotPayer')
    expect(await stolen(at)).to.equal(CAPACITY + 6n * 100n)
    expect(await balanceOfProgram(at, B)).to.equal(FUNDS)
    await assertCovered(at)
  })

  it('R-52 credits are no way around the budget: what it credits it has spent', async () => {
    const at = await loadFixture(locked)
    const own = await ethers.deployContract('HostilePayee')
    await own.setMode(REVERTS)
    await pay(at, 1, [[own, CAPACITY]])

    await expect(pay(at, 2, [[THIEF, 1n]])).to.be.revertedWithCustomError(
      at.payouts,
      'BudgetExceeded',
    )
    expect(await creditsOf(at, [own])).to.deep.equal([CAPACITY])
  })

  it('R-52 R-62 takes 0 of the claims when its root is vetoed, or it is revoked, within the delay', async () => {
    for (const answer of ['veto', 'revoke']) {
      const at = await loadFixture(desk)
      const { claims } = at
      const { payouts, guardian } = at.hand
      await publish(at, LEAVES)
      await submit(at, { root: (await treeOf(claims, [[THIEF, 3_000n]])).root, total: 3_000n })

      if (answer === 'veto') await claims.connect(guardian).veto()
      else await payouts.connect(guardian).revokePayer(A)

      await time.increase(DELAY)
      await expect(claims.accept(), answer).to.be.revert(ethers)
      expect(await held(at.hand, [claims])).to.deep.equal([3_000n])
    }
  })

  it('R-52 R-62 unseen for the whole delay it takes all that is unclaimed, and one budget: no other program’s', async () => {
    const at = await loadFixture(desk)
    const { hand: of, claims } = at
    const honest = await publish(at, LEAVES)
    await claimFor(at, honest, 1)
    const { available } = await of.payouts.programOf(A)
    const take: Leaf[] = [[THIEF, 2_000n + available]]
    const tree = await treeOf(claims, take)
    await submit(at, { root: tree.root, total: 3_000n + available })
    await time.increase(DELAY)
    await claims.accept()
    await claimFor(at, tree, 0)

    expect(await stolen(of)).to.equal(2_000n + available)
    expect(available).to.be.at.most(CAPACITY)
    expect(await held(of, [claims, payeeOf(1)])).to.deep.equal([0n, 1_000n])
    expect(await balanceOfProgram(of, B)).to.equal(FUNDS)
    await assertCovered(of)
  })
})

describe('a stolen guardian key', () => {
  it('R-52 takes 0: it lowers, revokes, pauses and vetoes, and nobody’s credit or claim stays away', async () => {
    const at = await loadFixture(desk)
    const { hand: of, claims } = at
    const { payouts, guardian } = of
    const tree = await publish(at, LEAVES)
    const wallet = await ethers.deployContract('HostilePayee')
    await wallet.setMode(REVERTS)
    await pay(of, 1, [[wallet, 9n]])
    await wallet.setMode(0)
    const power = payouts.connect(guardian)
    for (const call of [
      () => power.pay(A, 2, [1n]),
      () => power.returnFunds(A, THIEF, 1),
      () => power.skim(A),
      () => power.setClaims(A, claims),
      () => power.withdrawTo(THIEF),
      () => power.moveToClaims(A, 1),
      () => power.grantRole(ethers.ZeroHash, guardian),
      () => claims.connect(guardian).submit(ethers.id('x'), 9_999, ethers.ZeroHash),
      () => claims.connect(guardian).claim(2_000, tree.proof(0), THIEF),
    ]) {
      await expect(call()).to.be.revert(ethers)
    }

    await power.pauseFor(72 * HOUR)
    await power.lowerBudget(A, 0, 0)
    await power.revokePayer(A)
    await claims.connect(guardian).setAside(72 * HOUR)

    await payouts.withdraw(wallet)
    await time.increase(72 * HOUR)
    await claimFor(at, tree, 0)
    expect(await held(of, [wallet, payeeOf(0)])).to.deep.equal([9n, 2_000n])
    expect(await stolen(of)).to.equal(0)
    await assertCovered(of)
  })
})

describe('a stolen admin key', () => {
  it('R-52 takes 0 for 48 h; then what the programs still have, and no credit and no claim of others', async () => {
    const at = await loadFixture(locked)
    const { payouts, timelock, admin, terms } = at
    const wallet = await ethers.deployContract('HostilePayee')
    await wallet.setMode(REVERTS)
    await pay(at, 1, [[wallet, 500n]])
    const to = await payouts.getAddress()
    const data = payouts.interface.encodeFunctionData('returnFunds', [A, THIEF, FUNDS - 500n])
    const call = [to, 0n, data, ethers.ZeroHash, ethers.ZeroHash] as const
    for (const name of ['returnFunds', 'setTerms'] as const) {
      const direct = payouts.connect(admin)
      const attempt =
        name === 'setTerms' ? direct.setTerms(A, terms) : direct.returnFunds(A, THIEF, 1)
      await expect(attempt).to.be.revertedWithCustomError(
        payouts,
        'AccessControlUnauthorizedAccount',
      )
    }
    await timelock!.connect(admin).schedule(...call, TIMELOCK)
    const start = await time.latest()
    await nextAt(start + TIMELOCK - 1)
    await expect(timelock!.connect(admin).execute(...call)).to.be.revert(ethers)
    expect(await stolen(at)).to.equal(0)

    await nextAt(start + TIMELOCK)
    await timelock!.connect(admin).execute(...call)

    expect(await stolen(at)).to.equal(FUNDS - 500n)
    expect(await creditsOf(at, [wallet])).to.deep.equal([500n])
    await expect(byAdmin(at, 'proposeCreditMove', [await wallet.getAddress(), THIEF])).to.be.revert(
      ethers,
    )
    await wallet.setMode(0)
    await payouts.withdraw(wallet)
    expect(await held(at, [wallet])).to.deep.equal([500n])
    await assertCovered(at)
  })
})
