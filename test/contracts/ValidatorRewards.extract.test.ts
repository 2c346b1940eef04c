import { expect } from 'chai'
import type { System } from '../helpers/contracts.ts'
import {
  DAY,
  HOUR,
  allUp,
  cutOf,
  deploySystem,
  ethers,
  fund,
  hourOf,
  loadFixture,
  nextAt,
  nodeOf,
  pushCycle,
  pushHour,
  pushHours,
  range,
  settle,
  toTime,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent, shareOf } from '../helpers/solvency.ts'

const five = (): Promise<System> => deploySystem({ validators: 5 })
const shortGrace = (): Promise<System> =>
  deploySystem({ validators: 5, params: { grace: BigInt(HOUR) } })
const payAll = (): Promise<System> => deploySystem({ validators: 3, params: { payAll: true } })
const weights = [1n, 2n, 4n, 0n, 10n]
const weighted = (): Promise<System> =>
  deploySystem({ validators: 5, weights, params: { weighted: true } })
const weightless = (): Promise<System> =>
  deploySystem({ validators: 2, weights: [0n, 0n], params: { weighted: true } })
const weightedToken = (): Promise<System> =>
  deploySystem({
    validators: 300,
    token: true,
    params: { weighted: true },
    weights: range(300).map((i) => BigInt(i * i)),
  })

/** Evidence that can no longer come: the window of the cycle's last hour is over. */
async function pastWindows(system: System, cycle: number): Promise<void> {
  await toTime(cutOf(system, cycle) + 4 * HOUR)
}

describe('who may extract, and when', () => {
  it('Z-11 before grace only the keeper extracts; reporter, guardian, admin and strangers are refused', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, allUp(5))
    const { rewards } = system
    const open = cutOf(system, 1) + DAY

    for (const caller of [system.reporter, system.guardian, system.admin, system.stranger]) {
      await expect(rewards.connect(caller).extract(1))
        .to.be.revertedWithCustomError(rewards, 'NotKeeper')
        .withArgs(caller, open)
    }
    await rewards.connect(system.keeper).extract(1)
  })

  it('R-01 a second before the cut extract is refused, at the cut it waits for the last hour', async () => {
    const system = await loadFixture(five)
    const { rewards, registry } = system
    const keeper = rewards.connect(system.keeper)
    await pushHours(system, 1, [0, 23], range(5))
    const cut = cutOf(system, 1)

    await nextAt(cut - 1)
    await expect(keeper.extract(1))
      .to.be.revertedWithCustomError(rewards, 'CycleStillOpen')
      .withArgs(1, cut)
    await nextAt(cut)
    await expect(keeper.extract(1))
      .to.be.revertedWithCustomError(rewards, 'EvidenceNotFinal')
      .withArgs(1, 1 << 23)
    await nextAt(cut + 1)
    await registry.connect(system.reporter).pushStatus([0b11111n], hourOf(system, 1, 23))
    await nextAt(cut + 2)
    await keeper.extract(1)
    expect((await rewards.cycle(1)).snapshots).to.equal(24)
  })

  it('R-04 a missing last hour is waited for until its window of 4 h is over, by every caller', async () => {
    const system = await loadFixture(five)
    const { rewards } = system
    await pushHours(system, 1, [0, 23], range(5))

    await nextAt(cutOf(system, 1) + 4 * HOUR - 1)
    await expect(rewards.connect(system.keeper).extract(1)).to.be.revertedWithCustomError(
      rewards,
      'EvidenceNotFinal',
    )
    await nextAt(cutOf(system, 1) + 4 * HOUR)
    await rewards.connect(system.keeper).extract(1)
    expect((await rewards.cycle(1)).snapshots).to.equal(23)
  })

  it('R-04 a stranger cannot settle on thin evidence: even after grace all hours must be final', async () => {
    const short = await loadFixture(shortGrace)
    const { rewards } = short
    await pushHours(short, 1, [0, 23], range(5))
    await toTime(cutOf(short, 1) + HOUR)

    await expect(rewards.connect(short.stranger).extract(1))
      .to.be.revertedWithCustomError(rewards, 'EvidenceNotFinal')
      .withArgs(1, 1 << 23)
  })

  it('refuses a cycle that is not the next one, cycle 0, and one that is decided', async () => {
    const system = await loadFixture(five)
    const { rewards } = system
    const keeper = rewards.connect(system.keeper)

    for (const cycle of [0, 2, 4_000_000_000]) {
      await expect(keeper.extract(cycle))
        .to.be.revertedWithCustomError(rewards, 'CycleNotNext')
        .withArgs(cycle, 1)
    }
    await settle(system, 1, allUp(5))
    await expect(keeper.extract(1))
      .to.be.revertedWithCustomError(rewards, 'CycleAlreadySettled')
      .withArgs(1)
  })

  it('R-25 a keeper that is front-run by a stranger’s extract gets a state error and the same amounts', async () => {
    const system = await loadFixture(five)
    const { rewards } = system
    await fund(system, 500n)
    await pushCycle(system, 1, allUp(5))
    await toTime(cutOf(system, 1) + DAY)
    await rewards.connect(system.stranger).extract(1)

    await expect(rewards.connect(system.keeper).extract(1))
      .to.be.revertedWithCustomError(rewards, 'CycleAlreadySettled')
      .withArgs(1)
    await expect(rewards.connect(system.keeper).extractPage(1, 16))
      .to.be.revertedWithCustomError(rewards, 'CycleAlreadySettled')
      .withArgs(1)
    expect(await rewards.rewardOf(1, 0)).to.equal(100)
  })
})

describe('amounts', () => {
  it('Z-12 Z-30 R-14 one extract decides, allocates, clears the record and tells all in its events', async () => {
    const system = await loadFixture(five)
    const { rewards, registry } = system
    await fund(system, 1_000n)
    await pushCycle(system, 1, [24, 20, 19, 24, 0])

    const extract = rewards.connect(system.keeper).extract(1)

    await expect(extract).to.emit(rewards, 'Counted').withArgs(1, 0, [0b01011n])
    await expect(extract).to.emit(rewards, 'Extracted').withArgs(1, 24, 3, 1000, 999, 1, 3, false)
    await expect(extract).to.emit(registry, 'RecordCleared').withArgs(1)
    const cycle = await rewards.cycle(1)
    expect([cycle.pool, cycle.allocated, cycle.eligible, cycle.state]).to.deep.equal([
      1000n,
      999n,
      3n,
      2n,
    ])
    await assertSolvent(system)
  })

  it('Z-12 an extract that fails changes nothing', async () => {
    const system = await loadFixture(five)
    const { rewards, registry } = system
    await fund(system, 1_000n)
    await pushCycle(system, 1, allUp(5))
    const before = await rewards.books()

    // Enough gas to count, too little to finish.
    const keeper = rewards.connect(system.keeper)
    await expect(keeper.extract(1, { gasLimit: 150_000 })).to.be.revert(ethers)

    expect(await rewards.books()).to.deep.equal(before)
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(24)
    expect(await rewards.nextCycle()).to.equal(1)
  })

  it('Z-15 R-21 equal shares are floored and sum of shares + carry = pool: 1000 / 3 = 333, carry 1', async () => {
    const system = await loadFixture(five)
    await fund(system, 1_000n)
    await settle(system, 1, [24, 24, 24])
    const { rewards } = system

    const shares = await Promise.all(range(5).map(async (i) => rewards.rewardOf(1, i)))

    expect(shares).to.deep.equal([333n, 333n, 333n, 0n, 0n])
    const { pool, unpaid } = await rewards.books()
    expect([pool, unpaid]).to.deep.equal([1n, 999n])
  })

  it('Z-13 R-21 the carry joins the next pool, and a second extract without inflow allocates nothing more', async () => {
    const system = await loadFixture(five)
    await fund(system, 1_000n)
    await settle(system, 1, [24, 24, 24])
    await settle(system, 2, [24, 24, 24])
    const { rewards } = system

    expect((await rewards.cycle(2)).allocated).to.equal(0)
    await fund(system, 5n)
    await settle(system, 3, [24, 24, 24])
    expect((await rewards.cycle(3)).allocated).to.equal(6)
    expect((await rewards.books()).pool).to.equal(0)
    await assertSolvent(system)
  })

  it('Z-17 shares add up over three cycles until they are transferred', async () => {
    const system = await loadFixture(five)
    for (const cycle of [1, 2, 3]) {
      await fund(system, 500n)
      await settle(system, cycle, allUp(5))
    }

    expect(await system.rewards.balanceOf(nodeOf(0), 1, 3)).to.equal(300)
    expect((await system.rewards.books()).unpaid).to.equal(1500)
  })

  it('R-21 weighted: floor(pool x weight / weights) each, the rest carries', async () => {
    const system = await loadFixture(weighted)
    await fund(system, 1_000n)
    await settle(system, 1, [24, 24, 24, 24, 19])
    const { rewards } = system

    const shares = await Promise.all(range(5).map(async (i) => rewards.rewardOf(1, i)))

    // Weights 1, 2, 4 and 0 of 7; the validator with weight 10 was down.
    expect(shares).to.deep.equal([142n, 285n, 571n, 0n, 0n])
    const cycle = await rewards.cycle(1)
    expect([cycle.allocated, cycle.weightSum, cycle.weighted]).to.deep.equal([998n, 7n, true])
    expect((await rewards.books()).pool).to.equal(2)
  })

  it('R-21 weighted over two words: 300 shares and the carry sum up to the pool', async () => {
    const system = await loadFixture(weightedToken)
    const pool = 10n ** 18n + 7n
    await fund(system, pool)
    await settle(system, 1, allUp(300))

    let sum = 0n
    for (const i of range(300)) sum += await system.rewards.rewardOf(1, i)

    const { allocated } = await system.rewards.cycle(1)
    expect(sum).to.equal(allocated)
    expect(allocated + (await system.rewards.books()).pool).to.equal(pool)
    expect(await system.rewards.rewardOf(1, 299)).to.equal(await shareOf(system, 1, 299))
  })

  it('R-20 a weight changed in the middle of a cycle does not count in it', async () => {
    const system = await loadFixture(weighted)
    await fund(system, 700n)
    await pushHours(system, 1, [0, 12], [0, 1, 2])
    await system.registry.connect(system.admin).setWeights([0], [1_000])
    await pushHours(system, 1, [12, 24], [0, 1, 2])
    await system.rewards.connect(system.keeper).extract(1)

    expect(await system.rewards.rewardOf(1, 0)).to.equal(100)
  })

  it('R-21 eligible validators without any weight get nothing: the pool carries and the batch still runs', async () => {
    const system = await loadFixture(weightless)
    await fund(system, 100n)
    await settle(system, 1, [24, 24])

    await transfer(system, 1, [0, 1])

    const { pool, unpaid } = await system.rewards.books()
    expect([pool, unpaid]).to.deep.equal([100n, 0n])
    expect(await system.rewards.unpaidMask(1, 0)).to.equal(0)
  })

  it('R-21 an empty pool settles the cycle with nothing to pay', async () => {
    const system = await loadFixture(five)

    await expect(settle(system, 1, allUp(5)))
      .to.emit(system.rewards, 'Extracted')
      .withArgs(1, 24, 5, 0, 0, 0, 5, false)
    expect(await system.rewards.rewardOf(1, 0)).to.equal(0)
    expect(await system.rewards.oldestUnpaid(1, 1)).to.equal(0)
  })

  it('R-21 a share below one unit is 0: a pool of 4 for 5 validators is all carried', async () => {
    const system = await loadFixture(five)
    await fund(system, 4n)

    await expect(settle(system, 1, allUp(5)))
      .to.emit(system.rewards, 'Extracted')
      .withArgs(1, 24, 5, 4, 0, 4, 5, false)
    expect((await system.rewards.books()).pool).to.equal(4)
  })

  it('Z-16 R-21 with nobody eligible all is carried by default', async () => {
    const system = await loadFixture(five)
    await fund(system, 500n)

    await expect(settle(system, 1, [19, 19]))
      .to.emit(system.rewards, 'Extracted')
      .withArgs(1, 24, 0, 500, 0, 500, 0, false)
    expect((await system.rewards.books()).pool).to.equal(500)
  })

  it('Z-16 R-21 with the pay-all switch and nobody eligible everybody is paid', async () => {
    const system = await loadFixture(payAll)
    await fund(system, 300n)

    await expect(settle(system, 1, [19, 10]))
      .to.emit(system.rewards, 'Extracted')
      .withArgs(1, 24, 3, 300, 300, 0, 3, false)
    expect(await system.rewards.rewardOf(1, 2)).to.equal(100)
  })

  it('R-21 the pay-all switch pays the eligible ones alone as long as there is one', async () => {
    const system = await loadFixture(payAll)
    await fund(system, 300n)
    await settle(system, 1, [20, 19])

    expect(await system.rewards.unpaidMask(1, 0)).to.equal(1)
    expect(await system.rewards.rewardOf(1, 0)).to.equal(300)
  })

  it('R-21 R-12 the pay-all switch pays nobody below 20 snapshots', async () => {
    const system = await loadFixture(payAll)
    await fund(system, 300n)
    await pushCycle(system, 1, [0], 19)
    await pastWindows(system, 1)

    await expect(system.rewards.connect(system.keeper).extract(1)).to.emit(
      system.rewards,
      'CycleRolledOver',
    )
    expect((await system.rewards.books()).pool).to.equal(300)
  })

  it('Z-29 the preview says what extract will do: eligible, pool, share and whether it is final', async () => {
    const system = await loadFixture(five)
    await fund(system, 100n)
    await pushHours(system, 1, [0, 23], [0, 1, 2])
    expect(await system.rewards.previewExtract(1)).to.deep.equal([3n, 100n, 33n, false])

    await pushHour(system, 1, 23, [0, 1])

    expect(await system.rewards.previewExtract(1)).to.deep.equal([3n, 100n, 33n, true])
    await system.rewards.connect(system.keeper).extract(1)
    expect((await system.rewards.cycle(1)).eligible).to.equal(3)
  })

  it('Z-29 the preview follows the pay-all switch and shows nobody below the minimum', async () => {
    const system = await loadFixture(payAll)
    await fund(system, 300n)
    await pushCycle(system, 1, [0], 19)
    expect(await system.rewards.previewExtract(1)).to.deep.equal([0n, 300n, 0n, false])

    await pushHours(system, 1, [19, 24], [])

    expect(await system.rewards.previewExtract(1)).to.deep.equal([3n, 300n, 100n, true])
  })
})
