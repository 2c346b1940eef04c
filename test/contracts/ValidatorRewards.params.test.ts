import { expect } from 'chai'
import type { System, Terms } from '../helpers/contracts.ts'
import {
  DAY,
  DEFAULT_PARAMS,
  HOUR,
  NO_CAP,
  allUp,
  cutOf,
  deployRewards,
  deploySystem,
  ethers,
  fund,
  loadFixture,
  pushCycle,
  pushHours,
  range,
  settle,
  toCut,
  toOpen,
  toTime,
} from '../helpers/contracts.ts'

const four = (): Promise<System> => deploySystem({ validators: 4 })
const capped = (): Promise<System> => deploySystem({ validators: 4, params: { cap: 100n } })

const BAD: readonly [name: keyof Terms, given: bigint, min: number, max: number][] = [
  ['rateBps', 0n, 1, 10_000],
  ['rateBps', 10_001n, 1, 10_000],
  ['minSnapshots', 0n, 1, 24],
  ['minSnapshots', 25n, 1, 24],
  ['maxRefused', 0n, 1, 32],
  ['maxRefused', 33n, 1, 32],
  ['stipend', 14_999n, 15_000, 500_000],
  ['stipend', 500_001n, 15_000, 500_000],
  ['grace', BigInt(HOUR) - 1n, HOUR, 3 * DAY],
  ['grace', BigInt(3 * DAY) + 1n, HOUR, 3 * DAY],
  ['settleDelay', BigInt(3 * DAY) + 1n, 0, 3 * DAY],
]

const setParams = async (system: System, params: Partial<Terms>): Promise<unknown> =>
  system.rewards.connect(system.admin).setParams({ ...DEFAULT_PARAMS, ...params })

describe('parameters', () => {
  for (const [name, given, min, max] of BAD) {
    it(`Z-28 refuses ${name} of ${given}, at deployment too`, async () => {
      const system = await loadFixture(four)
      const { rewards, registry, extraction, guardian, keeper, sponsor, admin } = system
      const args = [ethers.encodeBytes32String(name), given, min, max]

      await expect(setParams(system, { [name]: given }))
        .to.be.revertedWithCustomError(rewards, 'BadParam')
        .withArgs(...args)
      const parts = { registry, extraction, adminAt: admin, guardian, keeper, sponsor }
      await expect(deployRewards(parts, { ...DEFAULT_PARAMS, [name]: given }))
        .to.be.revertedWithCustomError(rewards, 'BadParam')
        .withArgs(...args)
    })
  }

  it('Z-28 takes the bounds themselves', async () => {
    const system = await loadFixture(four)
    const least = { rateBps: 1n, minSnapshots: 1n, maxRefused: 1n, stipend: 15_000n, cap: 0n }
    const most = { rateBps: 10_000n, minSnapshots: 24n, maxRefused: 32n, stipend: 500_000n }

    await setParams(system, { ...least, grace: BigInt(HOUR), settleDelay: 0n })
    await setParams(system, { ...most, grace: BigInt(3 * DAY), settleDelay: BigInt(3 * DAY) })

    expect((await system.rewards.paramsAt(1)).rateBps).to.equal(10_000)
  })

  it('R-20 Z-30 a change in cycle 1 is in force from cycle 2 on, and the event says so', async () => {
    const system = await loadFixture(four)
    await toOpen(system, 1)

    const change = setParams(system, { rateBps: 9_000n })

    await expect(change)
      .to.emit(system.rewards, 'ParamsSet')
      .withArgs(2, Object.values({ ...DEFAULT_PARAMS, rateBps: 9_000n }))
    expect((await system.rewards.paramsAt(1)).rateBps).to.equal(8_000)
    expect((await system.rewards.paramsAt(2)).rateBps).to.equal(9_000)
  })

  it('R-20 the rate raised in the last minute of a cycle does not count in it: 20 of 24 is in, then out', async () => {
    const system = await loadFixture(four)
    await pushHours(system, 1, [0, 20], [0])
    await pushHours(system, 1, [20, 23], [])
    await toTime(cutOf(system, 1) - 60)
    await setParams(system, { rateBps: 9_000n })
    await pushHours(system, 1, [23, 24], [])
    await system.rewards.connect(system.keeper).extract(1)
    await settle(system, 2, [20, 22])

    expect((await system.rewards.cycle(1)).eligible).to.equal(1)
    expect(await system.rewards.unpaidMask(2, 0)).to.equal(0b10)
  })

  it('R-20 split, minimum, grace and delay of a cycle are those of its opening', async () => {
    const system = await loadFixture(four)
    const { rewards } = system
    await pushCycle(system, 1, allUp(4))
    const grace = BigInt(3 * DAY)
    const settleDelay = BigInt(DAY)
    await setParams(system, { weighted: true, minSnapshots: 24n, grace, settleDelay })
    await rewards.connect(system.keeper).extract(1)
    await settle(system, 2, allUp(4))

    // The change was made after cut 1, in cycle 2, and is in force from cycle 3 on.
    for (const n of [1, 2]) {
      const { weighted, extractedAt, transferFrom, openFrom } = await rewards.cycle(n)
      expect(weighted).to.equal(false)
      expect([transferFrom, openFrom]).to.deep.equal([extractedAt, extractedAt + BigInt(DAY)])
    }
    await settle(system, 3, allUp(4))
    const { weighted, extractedAt, transferFrom, openFrom } = await rewards.cycle(3)
    expect(weighted).to.equal(true)
    expect([transferFrom, openFrom]).to.deep.equal([extractedAt + settleDelay, extractedAt + grace])
  })

  it('R-20 a second change waits until no undecided cycle needs the oldest terms', async () => {
    const system = await loadFixture(four)
    const { rewards } = system
    await toOpen(system, 1)
    await setParams(system, { rateBps: 8_100n })
    await setParams(system, { rateBps: 8_200n })
    await pushCycle(system, 1, allUp(4))
    await toOpen(system, 2)

    await expect(setParams(system, { rateBps: 8_300n }))
      .to.be.revertedWithCustomError(rewards, 'ParamsChangePending')
      .withArgs(2)
    await rewards.connect(system.keeper).extract(1)
    await setParams(system, { rateBps: 8_300n })

    const rates = await Promise.all([1, 2, 3].map(async (n) => (await rewards.paramsAt(n)).rateBps))
    // Cycle 1 is decided; what is asked of it now is no longer used.
    expect(rates.slice(1)).to.deep.equal([8_200n, 8_300n])
  })
})

describe('the cap', () => {
  it('R-50 Z-30 the guardian lowers it at once, for the open cycle too', async () => {
    const system = await loadFixture(capped)
    const { rewards, guardian } = system
    await fund(system, 1_000n)
    await pushCycle(system, 1, allUp(4))
    await toCut(system, 1)

    await expect(rewards.connect(guardian).lowerCap(40)).to.emit(rewards, 'CapLowered').withArgs(40)
    await rewards.connect(system.keeper).extract(1)

    expect((await rewards.cycle(1)).allocated).to.equal(40)
  })

  it('R-50 the guardian never raises it', async () => {
    const system = await loadFixture(capped)
    const { rewards, guardian } = system

    for (const cap of [100n, 101n, NO_CAP]) {
      await expect(rewards.connect(guardian).lowerCap(cap))
        .to.be.revertedWithCustomError(rewards, 'CapNotLower')
        .withArgs(cap, 100)
    }
  })

  it('R-50 lowering a raise that is pending leaves the lower cap of the open cycle', async () => {
    const system = await loadFixture(capped)
    const { rewards, guardian } = system
    await toOpen(system, 1)
    await setParams(system, { cap: 1_000n })

    await rewards.connect(guardian).lowerCap(500)

    expect((await rewards.paramsAt(1)).cap).to.equal(100)
    expect((await rewards.paramsAt(2)).cap).to.equal(500)
    await rewards.connect(guardian).lowerCap(50)
    expect((await rewards.paramsAt(1)).cap).to.equal(50)
  })

  it('R-20 a raise by the admin counts from the next cycle on', async () => {
    const system = await loadFixture(capped)
    await fund(system, 1_000n)
    await toOpen(system, 1)
    await setParams(system, { cap: 300n })
    await settle(system, 1, allUp(4))
    await settle(system, 2, allUp(4))

    const paid = range(2).map(async (n) => (await system.rewards.cycle(n + 1)).allocated)
    expect(await Promise.all(paid)).to.deep.equal([100n, 300n])
  })
})
