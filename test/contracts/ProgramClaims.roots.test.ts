import { expect } from 'chai'
import { DAY, HOUR, ZERO, ethers, loadFixture, nextAt, time } from '../helpers/contracts.ts'
import type { Desk, Leaf } from '../helpers/claims.ts'
import {
  DELAY,
  FILE_HASH,
  claimFor,
  deployClaims,
  deployDesk,
  publish,
  submit,
  treeOf,
} from '../helpers/claims.ts'
import {
  A,
  B,
  FUNDS,
  assertCovered,
  balanceOfProgram,
  deployHand,
  held,
  pay,
  payeeOf,
} from '../helpers/payouts.ts'

const desk = (): Promise<Desk> => deployDesk()
const LEAVES: Leaf[] = [
  [payeeOf(0), 100n],
  [payeeOf(1), 200n],
  [payeeOf(2), 300n],
]
const MORE: Leaf[] = [
  [payeeOf(0), 150n],
  [payeeOf(1), 200n],
  [payeeOf(2), 350n],
]

const heldByClaims = async ({ hand, claims }: Desk): Promise<bigint> =>
  (await held(hand, [claims]))[0] ?? 0n

describe('a root', () => {
  it('R-62 is proposed by the program’s payer, waits for the delay, and is accepted by anyone', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    const tree = await treeOf(claims, LEAVES)
    await expect(submit(at, tree, hand.payerOfB))
      .to.be.revertedWithCustomError(claims, 'NotPayer')
      .withArgs(hand.payerOfB)
    const start = (await time.latest()) + 10
    await nextAt(start)

    await expect(submit(at, tree))
      .to.emit(claims, 'RootSubmitted')
      .withArgs(tree.root, 600, FILE_HASH, start + DELAY)

    expect(await claims.root()).to.equal(ethers.ZeroHash)
    await nextAt(start + DELAY - 1)
    await expect(claims.accept())
      .to.be.revertedWithCustomError(claims, 'RootTooYoung')
      .withArgs(start + DELAY)
    await nextAt(start + DELAY)
    await expect(claims.connect(hand.stranger).accept())
      .to.emit(claims, 'RootAccepted')
      .withArgs(tree.root, 600, 600)
    expect(await claims.root()).to.equal(tree.root)
    await expect(claims.accept()).to.be.revertedWithCustomError(claims, 'NoRootPending')
    await assertCovered(hand)
  })

  it('R-62 R-61 accepting moves exactly what the total grew, out of balance and budget', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    await publish(at, LEAVES)
    expect(await heldByClaims(at)).to.equal(600)
    expect(await balanceOfProgram(hand, A)).to.equal(FUNDS - 600n)

    await publish(at, MORE)

    expect(await heldByClaims(at)).to.equal(700)
    expect(await claims.total()).to.equal(700)
    const { available } = await hand.payouts.programOf(A)
    expect(available).to.be.at.most(FUNDS)
    expect(await balanceOfProgram(hand, A)).to.equal(FUNDS - 700n)
    expect(await balanceOfProgram(hand, B)).to.equal(FUNDS)
    await assertCovered(hand)
  })

  it('R-62 while one waits no other is taken, so that none can push it out of sight', async () => {
    const at = await loadFixture(desk)
    const tree = await treeOf(at.claims, LEAVES)
    await submit(at, tree)

    await expect(submit(at, await treeOf(at.claims, MORE)))
      .to.be.revertedWithCustomError(at.claims, 'RootPending')
      .withArgs(tree.root)
    const { root, total } = await at.claims.pending()
    expect([root, total]).to.deep.equal([tree.root, 600n])
  })

  it('R-62 the guardian vetoes it at any time before it is accepted, and its hash is barred for good', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    const tree = await treeOf(claims, LEAVES)
    await expect(claims.connect(hand.guardian).veto()).to.be.revertedWithCustomError(
      claims,
      'NoRootPending',
    )
    await submit(at, tree)
    await time.increase(3 * DELAY)
    await expect(claims.connect(hand.payer).veto())
      .to.be.revertedWithCustomError(claims, 'NotGuardian')
      .withArgs(hand.payer)

    await expect(claims.connect(hand.guardian).veto())
      .to.emit(claims, 'RootVetoed')
      .withArgs(tree.root)

    await expect(claims.accept()).to.be.revertedWithCustomError(claims, 'NoRootPending')
    await expect(submit(at, tree))
      .to.be.revertedWithCustomError(claims, 'RootBarred')
      .withArgs(tree.root)
    // Another root starts its own delay.
    await submit(at, await treeOf(claims, MORE))
    await expect(claims.accept()).to.be.revertedWithCustomError(claims, 'RootTooYoung')
  })

  it('R-62 may be empty of neither hash nor sense: no zero root, no smaller total', async () => {
    const at = await loadFixture(desk)
    const { claims } = at
    await expect(submit(at, { root: ethers.ZeroHash, total: 1n })).to.be.revertedWithCustomError(
      claims,
      'RootEmpty',
    )
    await publish(at, LEAVES)
    await expect(submit(at, { root: ethers.id('x'), total: 599n }))
      .to.be.revertedWithCustomError(claims, 'TotalShrinks')
      .withArgs(599, 600)
    await submit(at, { root: ethers.id('x'), total: 600n })
  })

  it('R-61 R-62 beyond budget or balance it is not accepted, and can be once there is enough', async () => {
    const at = await loadFixture(() => deployDesk({ terms: { capacity: 500n, perDay: 24n } }))
    const { hand, claims } = at
    await pay(hand, 1, [[payeeOf(9), 500n]])
    await submit(at, await treeOf(claims, LEAVES.slice(0, 2)))
    const start = await time.latest()
    await nextAt(start + DELAY)
    await expect(claims.accept())
      .to.be.revertedWithCustomError(hand.payouts, 'BudgetExceeded')
      .withArgs(A, 300, 24)

    await nextAt(start + 13 * DAY)
    await claims.accept()

    expect(await heldByClaims(at)).to.equal(300)
    await assertCovered(hand)
  })

  it('R-51 R-62 a pause stops accepting, not claiming', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    const tree = await publish(at, LEAVES)
    await submit(at, await treeOf(claims, MORE))
    await time.increase(DELAY)
    await hand.payouts.connect(hand.guardian).pauseFor(HOUR)

    await expect(claims.accept()).to.be.revertedWithCustomError(hand.payouts, 'Paused')
    await claimFor(at, tree, 0)
    await time.increase(HOUR)
    await claims.accept()
    await assertCovered(hand)
  })

  it('R-62 R-50 of a payer who was revoked since is not accepted', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    await submit(at, await treeOf(claims, LEAVES))
    await hand.payouts.connect(hand.guardian).revokePayer(A)
    await time.increase(DELAY)

    await expect(claims.accept())
      .to.be.revertedWithCustomError(hand.payouts, 'NotPayer')
      .withArgs(ZERO, A)
    await expect(submit(at, await treeOf(claims, MORE))).to.be.revertedWithCustomError(
      claims,
      'NotPayer',
    )
    expect(await heldByClaims(at)).to.equal(0)
  })

  it('R-62 moves money to the contract that the admin named and to no other', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    const { payouts, admin, stranger } = hand
    const other = await deployClaims(hand, DELAY)
    await other.connect(hand.payer).submit(ethers.id('x'), 5, FILE_HASH)
    await time.increase(DELAY)

    await expect(other.accept())
      .to.be.revertedWithCustomError(payouts, 'NotClaims')
      .withArgs(other, A)
    await expect(payouts.connect(stranger).moveToClaims(A, 1))
      .to.be.revertedWithCustomError(payouts, 'NotClaims')
      .withArgs(stranger, A)
    for (const to of [payeeOf(0), await payouts.getAddress()]) {
      await expect(payouts.connect(admin).setClaims(A, to))
        .to.be.revertedWithCustomError(payouts, 'BadRecipient')
        .withArgs(to)
    }
    await payouts.connect(admin).setClaims(A, other)
    await other.accept()
    expect(await held(hand, [other, claims])).to.deep.equal([5n, 0n])
  })

  it('R-62 its delay lies between an hour and 14 days', async () => {
    const hand = await loadFixture(() => deployHand())
    const sample = await deployClaims(hand, HOUR)
    for (const delay of [HOUR - 1, 14 * DAY + 1]) {
      await expect(deployClaims(hand, delay))
        .to.be.revertedWithCustomError(sample, 'DelayOutOfRange')
        .withArgs(delay, HOUR, 14 * DAY)
    }
    expect(await sample.DELAY()).to.equal(HOUR)
    expect(await sample.PAYOUTS()).to.equal(await hand.payouts.getAddress())
    await deployClaims(hand, 14 * DAY)
  })
})

describe('a root set aside', () => {
  it('R-62 R-51 by the guardian stops claims for its time and is in force again by itself', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    const tree = await publish(at, LEAVES)
    const start = (await time.latest()) + 5
    await nextAt(start)

    await expect(claims.connect(hand.guardian).setAside(72 * HOUR))
      .to.emit(claims, 'RootSetAside')
      .withArgs(tree.root, start + 72 * HOUR)

    expect(await claims.root()).to.equal(ethers.ZeroHash)
    await nextAt(start + 72 * HOUR - 1)
    await expect(claimFor(at, tree, 0))
      .to.be.revertedWithCustomError(claims, 'RootRests')
      .withArgs(start + 72 * HOUR)
    await nextAt(start + 72 * HOUR)
    await claimFor(at, tree, 0)
    expect(await claims.root()).to.equal(tree.root)
    // And for a little less gas once somebody puts it back.
    await expect(claims.connect(hand.stranger).restore())
      .to.emit(claims, 'RootRestored')
      .withArgs(tree.root)
    await claimFor(at, tree, 1)
    await expect(claims.restore()).to.be.revertedWithCustomError(claims, 'NotSetAside')
  })

  it('R-62 is put back early by the guardian only', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    const tree = await publish(at, LEAVES)
    await claims.connect(hand.guardian).setAside(DAY)

    await expect(claims.connect(hand.payer).restore())
      .to.be.revertedWithCustomError(claims, 'NotGuardian')
      .withArgs(hand.payer)
    await claims.connect(hand.guardian).restore()
    await claimFor(at, tree, 0)
  })

  it('R-62 a new root takes its place and rests for the rest of the time', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    await publish(at, LEAVES)
    const tree = await treeOf(claims, MORE)
    await submit(at, tree)
    await time.increase(DELAY)
    await claims.connect(hand.guardian).setAside(DAY)
    await claims.accept()

    await expect(claimFor(at, tree, 0)).to.be.revertedWithCustomError(claims, 'RootRests')
    await time.increase(DAY)
    await claimFor(at, tree, 0)
    expect(await held(hand, [payeeOf(0)])).to.deep.equal([150n])
  })

  it('R-62 a root accepted after its time is in force at once', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    const old = await publish(at, LEAVES)
    await claims.connect(hand.guardian).setAside(HOUR)
    const tree = await publish(at, MORE)

    await claimFor(at, tree, 0)
    await expect(claimFor(at, old, 1)).to.be.revertedWithCustomError(claims, 'ProofInvalid')
    await expect(claims.restore()).to.be.revertedWithCustomError(claims, 'NotSetAside')
  })

  it('R-51 R-62 rests 72 hours at a time and 7 days in 30, and only a guardian sets it aside', async () => {
    const at = await loadFixture(desk)
    const { hand, claims } = at
    const guardian = claims.connect(hand.guardian)
    await expect(guardian.setAside(1)).to.be.revertedWithCustomError(claims, 'RootEmpty')
    await publish(at, LEAVES)
    await expect(claims.connect(hand.payer).setAside(1)).to.be.revertedWithCustomError(
      claims,
      'NotGuardian',
    )
    for (const duration of [0, 72 * HOUR + 1]) {
      await expect(guardian.setAside(duration))
        .to.be.revertedWithCustomError(claims, 'PauseTooLong')
        .withArgs(duration, 72 * HOUR)
    }
    const start = (await time.latest()) + 5
    for (const [after, duration] of [
      [0, 72],
      [72, 72],
      [144, 24],
    ] as const) {
      await nextAt(start + after * HOUR)
      await guardian.setAside(duration * HOUR)
    }
    await nextAt(start + 7 * DAY)
    await expect(guardian.setAside(1)).to.be.revertedWithCustomError(claims, 'PauseBudgetSpent')
    await nextAt(start + 33 * DAY)
    await guardian.setAside(72 * HOUR)
  })
})
