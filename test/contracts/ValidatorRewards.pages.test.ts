import { expect } from 'chai'
import type { System, Terms } from '../helpers/contracts.ts'
import {
  DEFAULT_PARAMS,
  HOUR,
  TX_GAS,
  allUp,
  cutOf,
  deploySystem,
  fund,
  loadFixture,
  masksOf,
  pushCycle,
  pushHour,
  range,
  settle,
  time,
  toCut,
  toTime,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent } from '../helpers/solvency.ts'

/** 33 roster words: pages of 16, 16 and 1. */
const LARGE = 33 * 256
const weights = range(LARGE).map((i) => BigInt(1 + (i % 7)))

// Registering 8,448 validators takes seconds, so all tests share one roster.
const large = (): Promise<System> => deploySystem({ validators: LARGE, weights })
const small = (): Promise<System> => deploySystem({ validators: 5 })

/** Every third validator is up all day. */
const someUp = range(LARGE).map((i) => (i % 3 === 0 ? 24 : 0))
const UP = LARGE / 3

/** Cycle 1 pushed, funded and over, with these parameters. */
async function ready(hours: number[], params: Partial<Terms> = {}): Promise<System> {
  const system = await loadFixture(large)
  await system.rewards.connect(system.admin).setParams({ ...DEFAULT_PARAMS, ...params })
  await fund(system, 10n ** 18n)
  await pushCycle(system, 1, hours)
  await toCut(system, 1)
  return system
}

describe('extractPage', () => {
  it('R-22 Z-30 the first page freezes, later pages count on, the last settles', async () => {
    const system = await ready(someUp)
    const { rewards, registry } = system
    const keeper = rewards.connect(system.keeper)

    const first = keeper.extractPage(1, 16)
    await expect(first)
      .to.emit(rewards, 'CountStarted')
      .withArgs(1, 10n ** 18n)
    await expect(first).to.emit(registry, 'RecordFrozen').withArgs(1)
    expect((await rewards.cycle(1)).state).to.equal(1)
    await expect(keeper.extractPage(1, 16)).not.to.emit(rewards, 'Extracted')
    const share = 10n ** 18n / BigInt(UP)
    const allocated = share * BigInt(UP)
    await expect(keeper.extractPage(1, 16))
      .to.emit(rewards, 'Extracted')
      .withArgs(1, 24, UP, 10n ** 18n, allocated, 10n ** 18n - allocated, UP, false)

    expect(await rewards.rewardOf(1, 0)).to.equal(share)
    expect(await rewards.rewardOf(1, LARGE - 3)).to.equal(share)
    await assertSolvent(system)
  })

  it('R-22 three pages and one transaction give the same shares, masks and carry', async () => {
    const paged = await outcome(await ready(someUp, { weighted: true }), 16)
    const whole = await outcome(await ready(someUp, { weighted: true }), undefined)

    expect(paged).to.deep.equal(whole)
    expect(paged.allocated).to.be.greaterThan(0n)
  })

  it('R-22 anyone continues at once, with pages of at least 16 words', async () => {
    const system = await ready(someUp)
    const { rewards } = system
    const stranger = rewards.connect(system.stranger)
    await expect(stranger.extractPage(1, 16)).to.be.revertedWithCustomError(rewards, 'NotKeeper')
    await rewards.connect(system.keeper).extractPage(1, 16)

    await expect(stranger.extractPage(1, 15))
      .to.be.revertedWithCustomError(rewards, 'PageTooSmall')
      .withArgs(15, 16)
    expect(await stranger.extractPage.staticCall(1, 16)).to.equal(false)
    await stranger.extractPage(1, 16)
    expect(await stranger.extractPage.staticCall(1, 16)).to.equal(true)
    await stranger.extract(1)

    expect((await rewards.cycle(1)).state).to.equal(2)
  })

  it('R-22 while a cycle is counted nothing is transferred, claimed, swept or voided', async () => {
    const system = await ready(someUp)
    const { rewards } = system
    await rewards.connect(system.keeper).extractPage(1, 16)
    const [words, masks] = masksOf([0])

    await expect(transfer(system, 1, [0]))
      .to.be.revertedWithCustomError(rewards, 'CycleNotSettled')
      .withArgs(1, 1)
    await expect(rewards.sweep(1, words, masks)).to.be.revertedWithCustomError(
      rewards,
      'CycleNotSettled',
    )
    await expect(rewards.connect(system.guardian).voidCycle(1)).to.be.revertedWithCustomError(
      rewards,
      'CycleNotSettled',
    )
    expect(await rewards.unpaidMask(1, 0)).to.equal(0)
    expect(await rewards.rewardOf(1, 0)).to.equal(0)
  })

  it('R-22 what happens between pages does not change the result: funding, pushes, roster, parameters', async () => {
    const system = await ready(someUp)
    const { rewards, registry } = system
    await rewards.connect(system.keeper).extractPage(1, 16)

    await fund(system, 5n * 10n ** 18n)
    await expect(pushHour(system, 1, 23, range(LARGE)))
      .to.be.revertedWithCustomError(registry, 'CycleSettled')
      .withArgs(1)
    await registry.connect(system.admin).removeValidators([LARGE - 3])
    await registry.connect(system.guardian).expelReporter(system.reporter)
    await rewards.connect(system.guardian).lowerCap(1)
    await rewards.connect(system.keeper).extract(1)

    expect((await rewards.cycle(1)).eligible).to.equal(UP)
    expect((await rewards.cycle(1)).pool).to.equal(10n ** 18n)
    expect((await rewards.books()).pool).to.be.greaterThanOrEqual(5n * 10n ** 18n)
    await assertSolvent(system)
  })

  it('R-22 the pool is drawn with the first page: skim and the sponsor find nothing of it', async () => {
    const system = await ready(someUp)
    const { rewards } = system
    await rewards.connect(system.keeper).extractPage(1, 16)

    expect((await rewards.books()).unpaid).to.equal(10n ** 18n)
    await expect(rewards.skim()).to.be.revertedWithCustomError(rewards, 'NoSurplus')
    await time.increase(91 * 24 * HOUR)
    await expect(rewards.returnToSponsor())
      .to.be.revertedWithCustomError(rewards, 'CycleBeingCounted')
      .withArgs(1)
  })

  it('R-22 the pay-all switch counts the roster in pages of its own', async () => {
    const system = await ready([], { payAll: true })
    const { rewards } = system
    const keeper = rewards.connect(system.keeper)
    let pages = 0
    while ((await rewards.nextCycle()) === 1n && pages < 10) {
      await keeper.extractPage(1, 16)
      ++pages
    }

    // 33 words nobody is eligible in, then 33 of the roster: 66 words by 16.
    expect(pages).to.equal(5)
    expect((await rewards.cycle(1)).eligible).to.equal(LARGE)
    await assertSolvent(system)
  })

  it('R-22 a cycle of one page needs no second one and stays with the keeper', async () => {
    const system = await loadFixture(small)
    await pushCycle(system, 1, allUp(5))
    await toCut(system, 1)
    const { rewards } = system

    await expect(rewards.connect(system.keeper).extractPage(1, 16))
      .to.emit(rewards, 'Extracted')
      .and.not.to.emit(rewards, 'CountStarted')
  })

  it('R-22 a cycle with too few snapshots is rolled over by its first page', async () => {
    const system = await loadFixture(small)
    await pushCycle(system, 1, allUp(5), 3)
    await toTime(cutOf(system, 1) + 4 * HOUR)
    const { rewards } = system

    await expect(rewards.connect(system.keeper).extractPage(1, 16)).to.emit(
      rewards,
      'CycleRolledOver',
    )
  })

  it('R-22 no page and no extract of 8,448 validators takes more than 15 M gas', async () => {
    const system = await ready(someUp, { weighted: true })
    const tx = await system.rewards.connect(system.keeper).extract(1, { gasLimit: TX_GAS })
    const receipt = await tx.wait()

    expect(receipt?.gasUsed).to.be.lessThan(15_000_000n)
  })
})

describe('the words of eligible validators', () => {
  it('R-23 are keyed by cycle: unpaid bits of cycle 1 survive the next five cycles', async () => {
    const system = await loadFixture(small)
    const { rewards } = system
    await fund(system, 500n)
    await settle(system, 1, [24, 24, 24, 24, 24])
    await transfer(system, 1, [0])
    for (const cycle of [2, 3, 4, 5, 6]) await settle(system, cycle, [24])

    expect(await rewards.unpaidMask(1, 0)).to.equal(0b11110)
    expect(await rewards.rewardOf(1, 4)).to.equal(100)
    expect(await rewards.unpaidMask(6, 0)).to.equal(1)
    await transfer(system, 1, [1, 2, 3, 4])
    expect(await rewards.unpaidMask(1, 0)).to.equal(0)
    await assertSolvent(system)
  })

  it('R-23 an unpaid bit does not stop a later extract of the same lane', async () => {
    const system = await loadFixture(small)
    for (const cycle of [1, 2, 3, 4, 5]) {
      await fund(system, 500n)
      await settle(system, cycle, [24, 24, 24, 24, 24])
    }

    expect((await system.rewards.books()).unpaid).to.equal(2_500)
    expect(await system.rewards.oldestUnpaid(1, 5)).to.equal(1)
  })

  it('R-23 a word outside the roster has no bits: 65,536 is not read as word 0', async () => {
    const system = await loadFixture(small)
    const { rewards } = system
    await fund(system, 500n)
    await settle(system, 1, [24])

    expect(await rewards.unpaidMask(1, 65_536)).to.equal(0)
    expect(await rewards.rewardOf(1, 65_536 * 256)).to.equal(0)
    const keeper = rewards.connect(system.keeper)
    await keeper.extractTransfer(1, [65_536, 2n ** 255n], [1, 1])
    expect(await rewards.unpaidMask(1, 0)).to.equal(1)
  })
})

interface Outcome {
  allocated: bigint
  pool: bigint
  weightSum: bigint
  masks: bigint[]
  shares: bigint[]
}

async function outcome(system: System, page: number | undefined): Promise<Outcome> {
  const { rewards } = system
  const keeper = rewards.connect(system.keeper)
  while ((await rewards.nextCycle()) === 1n) {
    await (page === undefined ? keeper.extract(1) : keeper.extractPage(1, page))
  }
  const { allocated, pool, weightSum } = await rewards.cycle(1)
  const masks = await Promise.all(range(33).map(async (w) => rewards.unpaidMask(1, w)))
  const some = [0, 3, 255, 256, 5_001, LARGE - 3]
  const shares = await Promise.all(some.map(async (i) => rewards.rewardOf(1, i)))
  await assertSolvent(system)
  return { allocated, pool, weightSum, masks, shares }
}
