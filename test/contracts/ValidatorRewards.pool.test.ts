import { expect } from 'chai'
import type { System } from '../helpers/contracts.ts'
import {
  HOUR,
  allUp,
  cutOf,
  deploySystem,
  fund,
  loadFixture,
  pushCycle,
  pushHour,
  range,
  settle,
  toCut,
  toOpen,
  toTime,
} from '../helpers/contracts.ts'
import { assertSolvent } from '../helpers/solvency.ts'

const five = (): Promise<System> => deploySystem({ validators: 5 })
const empty = (): Promise<System> => deploySystem()
const onToken = (): Promise<System> => deploySystem({ validators: 1, token: true })
const capped = (): Promise<System> => deploySystem({ validators: 2, params: { cap: 100n } })

/** Evidence that can no longer come: the window of the cycle's last hour is over. */
async function pastWindows(system: System, cycle: number): Promise<void> {
  await toTime(cutOf(system, cycle) + 4 * HOUR)
}

describe('roll-over', () => {
  it('R-12 19 of 24 snapshots roll the cycle over: nobody is paid, the pool carries, missing hours are named', async () => {
    const system = await loadFixture(five)
    const { rewards, registry } = system
    await fund(system, 500n)
    await pushCycle(system, 1, allUp(5), 19)
    await pastWindows(system, 1)

    const extract = rewards.connect(system.keeper).extract(1)

    await expect(extract).to.emit(rewards, 'CycleRolledOver').withArgs(1, 0, 19, 0xf80000)
    await expect(extract).to.emit(registry, 'RecordCleared').withArgs(1)
    expect((await rewards.cycle(1)).state).to.equal(3)
    expect(await rewards.nextCycle()).to.equal(2)
    expect((await rewards.books()).pool).to.equal(500)
    await settle(system, 2, allUp(5))
    expect((await rewards.cycle(2)).allocated).to.equal(500)
  })

  it('R-12 with 20 of 24 snapshots the cycle is settled', async () => {
    const system = await loadFixture(five)
    await fund(system, 500n)
    await pushCycle(system, 1, allUp(5), 20)
    await pastWindows(system, 1)

    await system.rewards.connect(system.keeper).extract(1)

    expect((await system.rewards.cycle(1)).allocated).to.equal(500)
  })

  it('R-12 omitting 4 hours neither excludes who was up in 20 of 24 nor lifts in who was up in 15', async () => {
    const system = await loadFixture(five)
    // Hours 20 to 23 are left out: the worst for validator 0, the best for validator 1.
    for (const h of range(20)) await pushHour(system, 1, h, h < 15 ? [0, 1] : h < 16 ? [0] : [])
    const list = await system.registry.eligibleWords(1, 8000, 0, 1)

    // 16 of 20 is in (it was up 20 of 24 with the 4 omitted), 15 of 20 is out.
    expect(list).to.deep.equal([1n])
  })

  it('R-12 a shortage is not decided before it is irreversible', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, allUp(5), 19)
    await toCut(system, 1)

    await expect(system.rewards.connect(system.keeper).extract(1)).to.be.revertedWithCustomError(
      system.rewards,
      'EvidenceNotFinal',
    )
  })

  it('rolls over a cycle with no roster and no push', async () => {
    const system = await loadFixture(empty)
    await pastWindows(system, 1)

    await expect(system.rewards.connect(system.keeper).extract(1))
      .to.emit(system.rewards, 'CycleRolledOver')
      .withArgs(1, 0, 0, 0xffffff)
  })

  it('R-21 a cap of 100 pays 100 and the rest waits in the pool', async () => {
    const system = await loadFixture(capped)
    await fund(system, 1_000n)
    await settle(system, 1, [24, 24])

    expect((await system.rewards.cycle(1)).allocated).to.equal(100)
    expect((await system.rewards.books()).pool).to.equal(900)
  })

  it('R-21 caps of rolled-over cycles accrue: after 2 the third pays 300, the fourth 100 again', async () => {
    const system = await loadFixture(capped)
    await fund(system, 1_000n)
    for (const cycle of [1, 2]) await rollOver(system, cycle)
    await settle(system, 3, [24, 24])
    await settle(system, 4, [24, 24])

    expect((await system.rewards.cycle(3)).allocated).to.equal(300)
    expect((await system.rewards.cycle(4)).allocated).to.equal(100)
  })

  it('R-21 at most 7 unused caps accrue: after 9 rolled-over cycles the tenth pays 800', async () => {
    const system = await loadFixture(capped)
    await fund(system, 2_000n)
    for (const cycle of range(9)) await rollOver(system, cycle + 1)
    await settle(system, 10, [24, 24])

    expect((await system.rewards.cycle(10)).allocated).to.equal(800)
    await assertSolvent(system)
  })

  it('R-21 without a cap the whole pool of 10^24 is shared', async () => {
    const system = await loadFixture(onToken)
    await fund(system, 10n ** 24n)
    await settle(system, 1, [24])

    expect((await system.rewards.cycle(1)).allocated).to.equal(10n ** 24n)
  })
})

describe('the pool of a cycle', () => {
  it('R-20 money funded after the cut joins the next pool, and fund says so', async () => {
    const system = await loadFixture(five)
    const { rewards, sponsor } = system
    await fund(system, 500n)
    await pushCycle(system, 1, allUp(5))

    await expect(fund(system, 1_000n)).to.emit(rewards, 'Funded').withArgs(sponsor, 2, 1000)

    expect(await rewards.poolOf(1)).to.equal(500)
    expect(await rewards.poolOf(2)).to.equal(1500)
    await rewards.connect(system.keeper).extract(1)
    expect((await rewards.cycle(1)).allocated).to.equal(500)
    expect((await rewards.books()).pool).to.equal(1000)
  })

  it('R-20 money funded before cycle 1 joins cycle 1', async () => {
    const system = await loadFixture(five)

    await expect(fund(system, 7n)).to.emit(system.rewards, 'Funded').withArgs(system.sponsor, 1, 7)
  })

  it('R-20 three cycles decided late each see what was funded before their cut', async () => {
    const system = await loadFixture(five)
    for (const cycle of [1, 2, 3]) {
      await toOpen(system, cycle)
      await fund(system, 500n * BigInt(cycle))
      await pushCycle(system, cycle, allUp(5))
    }
    const { rewards } = system

    for (const cycle of [1, 2, 3]) {
      await rewards.connect(system.keeper).extract(cycle)
      expect((await rewards.cycle(cycle)).allocated).to.equal(500 * cycle)
    }
    await assertSolvent(system)
  })
})

async function rollOver(system: System, cycle: number): Promise<void> {
  await pastWindows(system, cycle)
  await system.rewards.connect(system.keeper).extract(cycle)
}
