import { expect } from 'chai'
import type { System } from '../helpers/contracts.ts'
import {
  DAY,
  HOUR,
  TX_GAS,
  allUp,
  balances,
  cutOf,
  deploySystem,
  ethers,
  fund,
  fundOf,
  loadFixture,
  nextAt,
  openOf,
  pushHours,
  range,
  settle,
  time,
  toTime,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent } from '../helpers/solvency.ts'

const CAP = 400n
const POOL = 10_000n
const DELAY = 48 * HOUR
/** The validator and the address of the thief. */
const OWN = 3
const THIEF = fundOf(OWN)
const HONEST = [0, 1, 2]

const capped = (): Promise<System> =>
  deploySystem({ validators: 4, params: { cap: CAP }, timelockDelay: DELAY })
const delayed = (): Promise<System> =>
  deploySystem({ validators: 4, params: { cap: CAP, settleDelay: BigInt(HOUR) } })
const trio = (): Promise<System> =>
  deploySystem({ validators: 4, params: { cap: CAP }, reporters: 3 })

const stolenBy = async (system: System, address = THIEF): Promise<bigint> =>
  (await balances(system, [address]))[0] ?? 0n

describe('a stolen reporter key', () => {
  it('R-52 held for a whole cycle it takes that cycle’s cap for a validator of its own, and no more', async () => {
    const system = await loadFixture(capped)
    await fund(system, POOL)
    await pushHours(system, 1, [0, 24], [OWN])
    await system.rewards.connect(system.keeper).extract(1)
    await transfer(system, 1, range(4))

    expect(await stolenBy(system)).to.equal(CAP)
    expect((await system.rewards.books()).pool).to.equal(POOL - CAP)
    await system.registry.connect(system.guardian).expelReporter(system.reporter)
    await expect(pushHours(system, 2, [0, 1], [OWN])).to.be.revertedWithCustomError(
      system.registry,
      'NotReporter',
    )
    await assertSolvent(system)
  })

  it('R-52 R-24 with a settle delay the guardian takes even that back: it takes 0', async () => {
    const system = await loadFixture(delayed)
    await fund(system, POOL)
    await settle(system, 1, [0, 0, 0, 24])

    await system.rewards.connect(system.guardian).voidCycle(1)

    await expect(transfer(system, 1, range(4))).to.be.revertedWithCustomError(
      system.rewards,
      'CycleNotSettled',
    )
    expect(await stolenBy(system)).to.equal(0)
    expect((await system.rewards.books()).pool).to.equal(POOL)
  })

  it('R-52 R-12 stolen with 4 hours to go it excludes nobody and lifts nobody in: it takes 0', async () => {
    const system = await loadFixture(capped)
    await fund(system, POOL)
    await pushHours(system, 1, [0, 20], HONEST)
    await pushHours(system, 1, [20, 24], [OWN])
    await system.rewards.connect(system.keeper).extract(1)
    await transfer(system, 1, range(4))

    expect(await stolenBy(system)).to.equal(0)
    expect(await balances(system, HONEST.map(fundOf))).to.deep.equal([133n, 133n, 133n])
  })

  it('R-52 R-11 one of three reporters alone takes 0: the others outvote it', async () => {
    const system = await loadFixture(trio)
    const [a, b, thief] = system.reporters
    await fund(system, POOL)
    for (const h of range(24)) {
      await pushHours(system, 1, [h, h + 1], HONEST, a)
      await pushHours(system, 1, [h, h + 1], HONEST, b)
      await pushHours(system, 1, [h, h + 1], [OWN], thief)
    }
    await system.rewards.connect(system.keeper).extract(1)
    await transfer(system, 1, range(4))

    expect(await stolenBy(system)).to.equal(0)
    expect(await balances(system, HONEST.map(fundOf))).to.deep.equal([133n, 133n, 133n])
  })
})

describe('a stolen keeper key', () => {
  it('R-52 takes 0: it can only pay what is due to whom it is due, or be silent until grace', async () => {
    const system = await loadFixture(capped)
    const { rewards, keeper, stranger } = system
    await fund(system, POOL)
    await settle(system, 1, allUp(4))
    const hand = rewards.connect(keeper)

    for (const call of [
      () => hand.extractTransfer(1, [0], [0b1111], { gasLimit: 110_000 }),
      () => hand.claim([1], 0),
      () => hand.withdrawTo(keeper),
      () => hand.pauseFor(1),
      () => hand.voidCycle(1),
      () => hand.lowerCap(0),
      () => hand.grantRole(ethers.ZeroHash, stranger),
      () => system.registry.connect(keeper).pushStatus([8], 0),
      () => system.registry.connect(keeper).redirect(fundOf(0), 1, [0], keeper),
    ]) {
      await expect(call()).to.be.revert(ethers)
    }
    await time.increase(DAY)
    await transfer(system, 1, range(4), stranger)

    expect(await balances(system, range(4).map(fundOf))).to.deep.equal([100n, 100n, 100n, 100n])
    expect((await rewards.books()).credits).to.equal(0)
    await assertSolvent(system)
  })

  it('R-52 the longest it can hold a share back is one grace period: 24 h after extract', async () => {
    const system = await loadFixture(capped)
    await fund(system, POOL)
    await pushHours(system, 1, [0, 24], range(4))
    // The thief lets the cut pass; a stranger extracts after grace and transfers after grace.
    await nextAt(cutOf(system, 1) + DAY)
    await system.rewards.connect(system.stranger).extract(1)
    await nextAt(cutOf(system, 1) + 2 * DAY)
    await system.rewards
      .connect(system.stranger)
      .extractTransfer(1, [0], [0b1111], { gasLimit: TX_GAS })

    expect(await stolenBy(system, fundOf(0))).to.equal(100)
  })
})

describe('a stolen guardian key', () => {
  it('R-52 takes 0 and holds settled pay back by 7 days in 30 at most: then anyone pays everybody', async () => {
    const system = await loadFixture(capped)
    const { rewards, registry, keeper } = system
    const guardian = rewards.connect(system.guardian)
    await fund(system, POOL)
    await settle(system, 1, allUp(4))
    const start = (await time.latest()) + 1
    for (const [after, duration] of [
      [0, 72],
      [72, 72],
      [144, 24],
    ] as const) {
      await nextAt(start + after * HOUR)
      await guardian.pauseFor(duration * HOUR)
    }
    await guardian.revokeKeeper(keeper)
    await registry.connect(system.guardian).expelReporter(system.reporter)
    await guardian.lowerCap(0)
    await expect(guardian.voidCycle(1)).to.be.revertedWithCustomError(rewards, 'VoidTooLate')

    await nextAt(start + 7 * DAY)
    await expect(guardian.pauseFor(1)).to.be.revertedWithCustomError(rewards, 'PauseBudgetSpent')
    await transfer(system, 1, range(4), system.stranger)

    expect(await balances(system, range(4).map(fundOf))).to.deep.equal([100n, 100n, 100n, 100n])
    expect((await rewards.books()).pool).to.equal(POOL - CAP)
    await assertSolvent(system)
  })
})

describe('a stolen admin key', () => {
  it('R-52 takes 0 before 48 h have passed and the next cycle has been opened and closed', async () => {
    const system = await loadFixture(capped)
    const { rewards, registry } = system
    await fund(system, POOL)
    await settle(system, 1, allUp(4))
    const stolenAt = await time.latest()
    const take = await schedule(system, stolenAt)

    // Cycles 2 and 3 open before the change is in force and are paid to the honest.
    await pushHours(system, 2, [0, 24], range(4))
    await rewards.connect(system.keeper).extract(2)
    await pushHours(system, 3, [0, 24], range(4))
    await rewards.connect(system.keeper).extract(3)
    await take()
    await pushHours(system, 4, [1, 24], range(4))
    await rewards.connect(system.keeper).extract(4)
    for (const cycle of [1, 2, 3, 4]) await transfer(system, cycle, range(4))

    expect(await registry.fundOf(4, 0)).to.equal(fundOf(0))
    expect(await registry.fundOf(5, 0)).to.equal(THIEF)
    const paid = await balances(system, HONEST.map(fundOf))
    expect(paid).to.deep.equal(HONEST.map(() => 4n * (CAP / 4n)))
    await assertSolvent(system)
  })

  it('R-52 then it takes at most the pool of the first cycle it opened; unpaid pay and credits stay', async () => {
    const system = await loadFixture(capped)
    const { rewards } = system
    await fund(system, POOL)
    await settle(system, 1, allUp(4))
    const { unpaid } = await rewards.books()
    const take = await schedule(system, await time.latest())
    await toTime(openOf(system, 4) + HOUR)
    await take()
    for (const cycle of [2, 3, 4]) {
      await toTime(cutOf(system, cycle) + 4 * HOUR)
      await rewards.connect(system.keeper).extract(cycle)
    }
    await settleLate(system, 5)
    await transfer(system, 5, range(4))

    // It raised the cap too, so it takes the whole pool: what was funded and not yet allocated.
    expect(await stolenBy(system)).to.equal(POOL - CAP)
    const after = await rewards.books()
    expect([after.unpaid, after.pool]).to.deep.equal([unpaid, 0n])
    await transfer(system, 1, HONEST)
    expect(await balances(system, HONEST.map(fundOf))).to.deep.equal([100n, 100n, 100n])
    await assertSolvent(system)
  })

  it('R-52 R-32 a credit is out of its reach for 180 days and 30 days’ notice', async () => {
    const system = await loadFixture(capped)
    const { rewards, timelock, admin } = system
    await fund(system, POOL)
    await settle(system, 1, allUp(4))
    await time.increase(30 * DAY)
    await rewards.sweep(1, [0], [1])
    const data = rewards.interface.encodeFunctionData('proposeCreditMove', [fundOf(0), THIEF])
    const call = [await rewards.getAddress(), 0, data, ethers.ZeroHash, ethers.ZeroHash] as const
    await timelock!.connect(admin).schedule(...call, DELAY)
    await time.increase(DELAY)

    await expect(timelock!.connect(admin).execute(...call)).to.be.revertedWithCustomError(
      rewards,
      'CreditTooYoung',
    )
    await rewards.withdraw(fundOf(0))
    expect(await stolenBy(system, fundOf(0))).to.equal(100)
  })
})

/** Schedules what a thief would: all pay to its address and no cap. The answer executes it. */
async function schedule(system: System, at: number): Promise<() => Promise<void>> {
  const { registry, rewards, timelock, admin } = system
  const { rateBps, minSnapshots, weighted, payAll, maxRefused, stipend, grace, settleDelay } =
    await rewards.paramsAt(1)
  const terms = { rateBps, minSnapshots, weighted, payAll, maxRefused, stipend, grace, settleDelay }
  const cap = 2n ** 128n - 1n
  const calls = [
    [
      await registry.getAddress(),
      registry.interface.encodeFunctionData('setFunds', [range(4), range(4).map(() => THIEF)]),
    ],
    [
      await rewards.getAddress(),
      rewards.interface.encodeFunctionData('setParams', [{ ...terms, cap }]),
    ],
  ] as const
  for (const [to, data] of calls) {
    const call = [to, 0, data, ethers.ZeroHash, ethers.ZeroHash] as const
    await timelock!.connect(admin).schedule(...call, DELAY)
  }
  return async () => {
    expect(await time.latest()).to.be.at.least(at + DELAY)
    for (const [to, data] of calls) {
      await timelock!.connect(admin).execute(to, 0, data, ethers.ZeroHash, ethers.ZeroHash)
    }
  }
}

async function settleLate(system: System, cycle: number): Promise<void> {
  await pushHours(system, cycle, [0, 24], range(4))
  await toTime(cutOf(system, cycle) + 4 * HOUR)
  await system.rewards.connect(system.keeper).extract(cycle)
}
