import { expect } from 'chai'
import type { System } from '../helpers/contracts.ts'
import {
  DAY,
  HOUR,
  ZERO,
  allUp,
  balances,
  cutOf,
  deployRewards,
  deploySystem,
  ethers,
  fund,
  fundOf,
  loadFixture,
  masksOf,
  networkHelpers,
  nextAt,
  range,
  settle,
  time,
  toOpen,
  toTime,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent } from '../helpers/solvency.ts'

const [NONE, FALSE, NOTHING, GARBAGE, FEE, SENDER_FEE, BURN_GAS] = [0, 1, 2, 3, 4, 5, 6]

const coin = (): Promise<System> => deploySystem({ validators: 4 })
const token = (): Promise<System> => deploySystem({ validators: 4, token: true })
const noSponsor = async (): Promise<System> => {
  const system = await deploySystem({ validators: 4 })
  const refusing = await ethers.deployContract('RefusingReceiver', [1])
  const { registry, extraction, admin: adminAt, guardian, keeper } = system
  const parts = { registry, extraction, adminAt, guardian, keeper, sponsor: refusing }
  return { ...system, rewards: await deployRewards(parts) }
}

function tokenOf(system: System): NonNullable<System['token']> {
  if (!system.token) throw new Error('no token')
  return system.token
}

describe('fund and skim', () => {
  it('R-40 Z-30 fund books exactly the coin that comes with it', async () => {
    const system = await loadFixture(coin)
    const { rewards, sponsor } = system
    const sender = rewards.connect(sponsor)

    await expect(sender.fund(5, { value: 5 }))
      .to.emit(rewards, 'Funded')
      .withArgs(sponsor, 1, 5)
    for (const [amount, value] of [
      [5, 4],
      [5, 6],
      [0, 1],
    ] as const) {
      await expect(sender.fund(amount, { value }))
        .to.be.revertedWithCustomError(rewards, 'WrongValue')
        .withArgs(value, amount)
    }
    await expect(sender.fund(0)).to.be.revertedWithCustomError(rewards, 'NothingReceived')
    expect((await rewards.books()).funded).to.equal(5)
  })

  it('R-40 with a token fund pulls by transferFrom and refuses coin', async () => {
    const system = await loadFixture(token)
    const { rewards, sponsor } = system
    await fund(system, 500n)
    expect((await rewards.books()).funded).to.equal(500)

    await expect(rewards.connect(sponsor).fund(5, { value: 5 }))
      .to.be.revertedWithCustomError(rewards, 'WrongValue')
      .withArgs(5, 0)
    await expect(rewards.connect(sponsor).fund(5)).to.be.revertedWithCustomError(
      tokenOf(system),
      'ERC20InsufficientAllowance',
    )
  })

  it('R-40 coin that is sent without fund is refused', async () => {
    const system = await loadFixture(coin)
    const { rewards, sponsor } = system

    await expect(sponsor.sendTransaction({ to: rewards, value: 1 })).to.be.revert(ethers)
  })

  it('R-40 Z-30 coin that was forced in enters by skim, once', async () => {
    const system = await loadFixture(coin)
    const { rewards } = system
    await fund(system, 400n)
    await settle(system, 1, allUp(3))
    await transfer(system, 1, [0])
    const { balance } = await rewards.books()
    await networkHelpers.setBalance(await rewards.getAddress(), balance + 77n)

    await expect(rewards.connect(system.stranger).skim())
      .to.emit(rewards, 'Skimmed')
      .withArgs(2, 77)

    expect((await rewards.books()).pool).to.equal(1 + 77)
    await expect(rewards.skim()).to.be.revertedWithCustomError(rewards, 'NoSurplus')
    await assertSolvent(system)
  })

  it('R-40 tokens sent without fund enter by skim', async () => {
    const system = await loadFixture(token)
    await tokenOf(system).mint(system.rewards, 9)

    await expect(system.rewards.skim()).to.emit(system.rewards, 'Skimmed').withArgs(1, 9)
    await assertSolvent(system)
  })

  it('R-40 a token that calls skim from within its transfer books nothing twice', async () => {
    const system = await loadFixture(token)
    const { rewards } = system
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await tokenOf(system).reenter(rewards, rewards.interface.encodeFunctionData('skim'))

    await transfer(system, 1, range(4))

    expect(await tokenOf(system).reentered()).to.equal(false)
    expect((await rewards.books()).funded).to.equal(400)
    await assertSolvent(system)
  })

  it('holds at most 2^104 - 1 units', async () => {
    const system = await loadFixture(token)
    const limit = 2n ** 104n - 1n
    await fund(system, limit)

    await expect(fund(system, 1n))
      .to.be.revertedWithCustomError(system.rewards, 'TooMuchMoney')
      .withArgs(limit + 1n, limit)
    await settle(system, 1, allUp(4))
    await transfer(system, 1, range(4))
    await assertSolvent(system)
  })
})

describe('tokens that misbehave', () => {
  it('R-30 a transfer that returns false is a refusal, not a payment', async () => {
    const system = await loadFixture(token)
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await tokenOf(system).setQuirk(FALSE)

    await transfer(system, 1, range(4))

    const { credits, unpaid } = await system.rewards.books()
    expect([credits, unpaid]).to.deep.equal([400n, 0n])
    await expect(system.rewards.withdraw(fundOf(0)))
      .to.be.revertedWithCustomError(system.rewards, 'PaymentFailed')
      .withArgs(fundOf(0), 100)
    await tokenOf(system).setQuirk(NONE)
    await system.rewards.withdraw(fundOf(0))
    expect(await balances(system, [fundOf(0)])).to.deep.equal([100n])
    await assertSolvent(system)
  })

  it('R-30 a token that returns nothing pays as usual, in and out', async () => {
    const system = await loadFixture(token)
    await tokenOf(system).setQuirk(NOTHING)
    await fund(system, 400n)
    await settle(system, 1, allUp(4))

    await transfer(system, 1, range(4))

    expect(await balances(system, range(4).map(fundOf))).to.deep.equal([100n, 100n, 100n, 100n])
    await assertSolvent(system)
  })

  it('R-30 fund refuses a token that returns false', async () => {
    const system = await loadFixture(token)
    await tokenOf(system).setQuirk(FALSE)

    await expect(fund(system, 5n))
      .to.be.revertedWithCustomError(system.rewards, 'SafeERC20FailedOperation')
      .withArgs(tokenOf(system))
  })

  it('R-30 a blocklisted payee is credited and the other three are paid', async () => {
    const system = await loadFixture(token)
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await tokenOf(system).setBlocked(fundOf(1), true)

    await expect(transfer(system, 1, range(4)))
      .to.emit(system.rewards, 'Paid')
      .withArgs(1, [[0, 0b1101]])

    expect(await balances(system, range(4).map(fundOf))).to.deep.equal([100n, 0n, 100n, 100n])
    await assertSolvent(system)
  })

  it('R-30 a token that burns all gas stops at its stipend', async () => {
    const system = await loadFixture(token)
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await tokenOf(system).setQuirk(BURN_GAS)

    const receipt = await (await transfer(system, 1, range(4))).wait()

    expect(receipt?.gasUsed).to.be.lessThan(1_000_000n)
    expect((await system.rewards.books()).credits).to.equal(400)
  })

  it('R-30 an answer other than true is a refusal', async () => {
    const system = await loadFixture(token)
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await tokenOf(system).setQuirk(GARBAGE)

    await expect(transfer(system, 1, [0])).to.emit(system.rewards, 'PaymentRefused')
  })

  it('R-40 R-41 with a fee on transfer fund books what arrived: 495 of 500', async () => {
    const system = await loadFixture(token)
    await tokenOf(system).setQuirk(FEE)

    await expect(fund(system, 500n))
      .to.emit(system.rewards, 'Funded')
      .withArgs(system.sponsor, 1, 495)
    const { funded, balance } = await system.rewards.books()
    expect([funded, balance]).to.deep.equal([495n, 495n])
  })

  it('R-41 after a sender fee the balance is short: extract allocates nothing and says so', async () => {
    const system = await loadFixture(token)
    const { rewards } = system
    await fund(system, 4_000n)
    await settle(system, 1, allUp(4))
    await tokenOf(system).setQuirk(SENDER_FEE)
    await transfer(system, 1, [0, 1])

    // 1,000 are paid each and 10 are taken on top: 1,980 are left of the 2,000 that are owed.
    const extract = settle(system, 2, allUp(4))

    await expect(extract).to.emit(rewards, 'Shortfall').withArgs(2, 1_980, 2_000)
    await expect(extract).to.emit(rewards, 'CycleRolledOver').withArgs(2, 1, 24, 0)
    expect((await rewards.cycle(2)).allocated).to.equal(0)
  })

  it('R-41 after a rebase the balance is short; once it is made good the next cycle pays', async () => {
    const system = await loadFixture(token)
    const { rewards } = system
    await fund(system, 400n)
    await tokenOf(system).burn(rewards, 1)

    await expect(settle(system, 1, allUp(4)))
      .to.emit(rewards, 'Shortfall')
      .withArgs(1, 399, 400)
    await tokenOf(system).mint(rewards, 1)
    await settle(system, 2, allUp(4))

    expect((await rewards.cycle(2)).allocated).to.equal(400)
    await assertSolvent(system)
  })

  it('refuses an address without code as token, as registry, and one that is no token', async () => {
    const system = await loadFixture(coin)
    const { rewards, registry, extraction, guardian, keeper, sponsor, admin } = system
    const parts = { registry, extraction, adminAt: admin, guardian, keeper, sponsor }

    await expect(deployRewards({ ...parts, token: fundOf(0) }))
      .to.be.revertedWithCustomError(rewards, 'NotAToken')
      .withArgs(fundOf(0))
    await expect(deployRewards({ ...parts, token: registry })).to.be.revert(ethers)
    await expect(deployRewards({ ...parts, registry: fundOf(0) }))
      .to.be.revertedWithCustomError(rewards, 'BadRecipient')
      .withArgs(fundOf(0))
    for (const role of ['adminAt', 'guardian', 'keeper', 'sponsor']) {
      await expect(deployRewards({ ...parts, [role]: ZERO }))
        .to.be.revertedWithCustomError(rewards, 'BadRecipient')
        .withArgs(ZERO)
    }
  })
})

describe('returnToSponsor', () => {
  it('R-42 Z-30 after 90 days without a settled cycle anyone returns the pool to the sponsor', async () => {
    const system = await loadFixture(coin)
    const { rewards, sponsor } = system
    await fund(system, 401n)
    await settle(system, 1, allUp(4))
    await transfer(system, 1, [0])
    await fund(system, 1_000n)
    const from = Number((await rewards.cycle(1)).extractedAt) + 90 * DAY

    await nextAt(from - 1)
    await expect(rewards.connect(system.stranger).returnToSponsor())
      .to.be.revertedWithCustomError(rewards, 'StillAlive')
      .withArgs(from)
    await nextAt(from)
    const back = rewards.connect(system.stranger).returnToSponsor()
    await expect(back).to.changeEtherBalances(ethers, [sponsor], [1_001])
    await expect(back).to.emit(rewards, 'ReturnedToSponsor').withArgs(sponsor, 1_001)

    const { pool, unpaid } = await rewards.books()
    expect([pool, unpaid]).to.deep.equal([0n, 300n])
    await assertSolvent(system)
  })

  it('R-42 never returns what is unpaid or credited, and says when nothing is left', async () => {
    const system = await loadFixture(coin)
    const { rewards } = system
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await time.increase(31 * DAY)
    await rewards.sweep(1, ...masksOf([0, 1]))
    await time.increase(90 * DAY)

    await expect(rewards.returnToSponsor()).to.be.revertedWithCustomError(rewards, 'NoSurplus')
    const { unpaid, credits } = await rewards.books()
    expect([unpaid, credits]).to.deep.equal([200n, 200n])
    await rewards.withdraw(fundOf(0))
    await transfer(system, 1, [2, 3], system.stranger)
    expect(await balances(system, [0, 2, 3].map(fundOf))).to.deep.equal([100n, 100n, 100n])
    await assertSolvent(system)
  })

  it('R-42 rolled-over cycles do not count as settled', async () => {
    const system = await loadFixture(coin)
    const { rewards } = system
    await fund(system, 400n)
    for (const cycle of range(89)) {
      await toTime(cutOf(system, cycle + 1) + 4 * HOUR)
      await rewards.connect(system.keeper).extract(cycle + 1)
    }
    await toOpen(system, 92)

    await rewards.returnToSponsor()

    expect((await rewards.books()).pool).to.equal(0)
  })

  it('R-42 money that comes after the return is shared as ever; old cycles have no claim to it', async () => {
    const system = await loadFixture(coin)
    const { rewards } = system
    await fund(system, 400n)
    await time.increase(92 * DAY)
    await rewards.returnToSponsor()
    await fund(system, 200n)

    const open = Number(await system.registry.cycleAt(await time.latest()))
    expect(await rewards.poolOf(1)).to.equal(0)
    expect(await rewards.poolOf(open)).to.equal(200)
    await assertSolvent(system)
  })

  it('R-42 a sponsor that refuses the coin leaves the pool where it is', async () => {
    const system = await loadFixture(noSponsor)
    const { rewards, stranger } = system
    await rewards.connect(stranger).fund(5, { value: 5 })
    await time.increase(91 * DAY)

    await expect(rewards.returnToSponsor())
      .to.be.revertedWithCustomError(rewards, 'PaymentFailed')
      .withArgs(await rewards.SPONSOR(), 5)
  })
})
