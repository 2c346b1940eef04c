import { expect } from 'chai'
import type { Signer, System } from '../helpers/contracts.ts'
import {
  HOUR,
  ZERO,
  allUp,
  deploySystem,
  hourOf,
  loadFixture,
  nodeOf,
  pushCycle,
  pushHour,
  pushHours,
  range,
  settle,
  toCut,
  toOpen,
  toTime,
} from '../helpers/contracts.ts'

const one = (): Promise<System> => deploySystem({ validators: 3 })
const trio = (): Promise<System> => deploySystem({ validators: 4, reporters: 3 })

/** The three reporters of `trio`. */
function threeOf(system: System): [Signer, Signer, Signer] {
  const [a, b, c] = system.reporters
  if (!a || !b || !c) throw new Error('three reporters are needed')
  return [a, b, c]
}

describe('the quorum of reporters', () => {
  it('R-11 an hour counts when 2 of 3 reporters pushed it, not when one did', async () => {
    const system = await loadFixture(trio)
    const [a, b] = threeOf(system)
    await pushHour(system, 1, 0, [0], a)
    expect(await system.registry['snapshotCount(uint32)'](1)).to.equal(0)

    await pushHour(system, 1, 0, [0], b)

    expect(await system.registry['snapshotCount(uint32)'](1)).to.equal(1)
    expect(await system.registry['appearances(uint32,uint32)'](0, 1)).to.equal(1)
  })

  it('R-11 a bit counts when 2 of 3 reporters set it; one reporter alone lifts nobody', async () => {
    const system = await loadFixture(trio)
    const [a, b, c] = threeOf(system)
    for (const h of range(5)) {
      await pushHour(system, 1, h, [0, 1, 3], a)
      await pushHour(system, 1, h, [0, 2], b)
      await pushHour(system, 1, h, [0, 1], c)
    }
    const { registry } = system

    const seen = await Promise.all(
      range(4).map(async (i) => registry['appearances(uint32,uint32)'](i, 1)),
    )
    expect(seen).to.deep.equal([5n, 5n, 0n, 0n])
    const list = await registry['getNodeList(uint256,uint32)'](8000, 1)
    expect(list).to.deep.equal([nodeOf(0), nodeOf(1)])
  })

  it('R-11 each reporter has its own words: a union stays with the reporter that pushed it', async () => {
    const system = await loadFixture(trio)
    const [a, b] = threeOf(system)
    await pushHour(system, 1, 0, [0], a)
    await pushHour(system, 1, 0, [1], b)
    await pushHour(system, 1, 0, [2], a)

    const { registry } = system
    expect(await registry.snapshotOf(hourOf(system, 1, 0), a)).to.deep.equal([0b101n])
    expect(await registry.snapshotOf(hourOf(system, 1, 0), b)).to.deep.equal([0b010n])
  })

  it('R-04 with 2 of 3 pushed the last hour is final after 30 minutes, with 3 of 3 at once', async () => {
    const system = await loadFixture(trio)
    const [a, b, c] = threeOf(system)
    for (const h of range(24)) {
      await pushHour(system, 1, h, [0], a)
      await pushHour(system, 1, h, [0], b)
    }
    const { registry } = system
    expect((await registry.record(1)).isFinal).to.equal(false)

    await pushHour(system, 1, 23, [0], c)
    expect((await registry.record(1)).isFinal).to.equal(true)
  })

  it('R-04 with 2 of 3 pushed 30 minutes after the end of the hour are enough', async () => {
    const system = await loadFixture(trio)
    const [a, b] = threeOf(system)
    for (const h of range(24)) {
      await pushHour(system, 1, h, [0], a)
      await pushHour(system, 1, h, [0], b)
    }
    const end = (hourOf(system, 1, 23) + 1) * HOUR
    await toTime(end + 30 * 60 - 1)
    expect((await system.registry.record(1)).isFinal).to.equal(false)

    await toTime(end + 30 * 60)

    expect((await system.registry.record(1)).isFinal).to.equal(true)
  })

  it('R-11 in force from the next cut: a reporter added in cycle 1 pushes for cycle 2 and not for 1', async () => {
    const system = await loadFixture(one)
    const { registry, admin, others } = system
    const [fresh] = others
    await toOpen(system, 1)

    await expect(registry.connect(admin).addReporter(fresh!))
      .to.emit(registry, 'ReporterAdded')
      .withArgs(fresh, 1, 2)

    await expect(pushHour(system, 1, 0, [0], fresh))
      .to.be.revertedWithCustomError(registry, 'NotReporter')
      .withArgs(fresh, 1)
    await settle(system, 1, allUp(3))
    await pushHour(system, 2, 0, [0], fresh)
    // Two reporters: both are a majority of two, one is not.
    expect(await registry['snapshotCount(uint32)'](2)).to.equal(0)
    await pushHour(system, 2, 0, [0])
    expect(await registry['snapshotCount(uint32)'](2)).to.equal(1)
    expect(await registry.reportersOf(1)).to.deep.equal([system.reporter.address])
    expect(await registry.reportersOf(2)).to.deep.equal([system.reporter.address, fresh!.address])
  })

  it('R-11 R-20 a removed reporter still counts in the cycle it was removed in', async () => {
    const system = await loadFixture(trio)
    const [a, , c] = threeOf(system)
    const { registry, admin } = system
    await toOpen(system, 1)

    await expect(registry.connect(admin).removeReporter(c))
      .to.emit(registry, 'ReporterRemoved')
      .withArgs(c, 2, 1)

    await pushHour(system, 1, 0, [0], a)
    await pushHour(system, 1, 0, [0], c)
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(1)
    await toCut(system, 1)
    await expect(pushHour(system, 2, 0, [0], c))
      .to.be.revertedWithCustomError(registry, 'NotReporter')
      .withArgs(c, 2)
    expect(await registry.reportersOf(2)).to.have.length(2)
  })

  it('R-11 R-50 the guardian expels a reporter at once: its pushes leave the open lanes', async () => {
    const system = await loadFixture(trio)
    const [a, b, c] = threeOf(system)
    for (const reporter of [a, b]) await pushHours(system, 1, [0, 3], [0], reporter)
    await pushHour(system, 1, 0, [0], c)
    const { registry, guardian } = system

    await expect(registry.connect(guardian).expelReporter(b))
      .to.emit(registry, 'ReporterExpelled')
      .withArgs(b, 1)

    // Hour 0 still has two reporters, hours 1 and 2 have one of three: the majority stays 2.
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(1)
    expect(await registry.isReporter(b)).to.equal(false)
    await expect(pushHour(system, 1, 3, [0], b))
      .to.be.revertedWithCustomError(registry, 'NotReporter')
      .withArgs(b, 1)
    await pushHour(system, 1, 1, [0], c)
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(2)
  })

  it('R-11 expelling does not reach into a cycle that is settled or being counted', async () => {
    const system = await loadFixture(trio)
    const [a] = threeOf(system)
    await settle(system, 1, allUp(3))

    await system.registry.connect(system.guardian).expelReporter(a)

    expect(await system.registry['snapshotCount(uint32)'](1)).to.equal(24)
  })

  it('R-11 a seat passes on only when every cycle of its old holder is settled', async () => {
    const system = await loadFixture(trio)
    const { registry } = system
    const [, , c] = threeOf(system)
    const [fourth, fifth] = system.others
    const admin = registry.connect(system.admin)
    await toOpen(system, 1)
    await admin.removeReporter(c)
    // Seat 2 still speaks for c in cycle 1, so the newcomer sits on seat 3.
    await expect(admin.addReporter(fourth!))
      .to.emit(registry, 'ReporterAdded')
      .withArgs(fourth, 3, 2)
    await toOpen(system, 2)

    await expect(admin.addReporter(fifth!))
      .to.be.revertedWithCustomError(registry, 'ReporterChangePending')
      .withArgs(2)
    await toTime((hourOf(system, 2, 0) + 4) * HOUR)
    await system.rewards.connect(system.keeper).extract(1)
    await expect(admin.addReporter(fifth!)).to.emit(registry, 'ReporterAdded').withArgs(fifth, 2, 3)
  })

  it('R-11 the new holder of a seat inherits no pushes, and expelling the old one takes none of its', async () => {
    const system = await loadFixture(one)
    const { registry, guardian } = system
    const [second, third] = system.others
    const admin = registry.connect(system.admin)
    await admin.addReporter(second!)
    await toOpen(system, 1)
    await admin.removeReporter(second!)
    await pushCycle({ ...system, reporters: [system.reporter, second!] }, 1, allUp(3))
    await system.rewards.connect(system.keeper).extract(1)
    await expect(admin.addReporter(third!)).to.emit(registry, 'ReporterAdded').withArgs(third, 1, 3)
    await settle(system, 2, allUp(3))
    for (const reporter of [system.reporter, third!]) await pushHour(system, 3, 0, [0], reporter)

    await registry.connect(guardian).expelReporter(second!)

    expect(await registry['snapshotCount(uint32)'](3)).to.equal(1)
    expect(await registry.snapshotOf(hourOf(system, 3, 0), third!)).to.deep.equal([1n])
  })

  it('an expelled reporter comes back only after the admin removed it, on a seat of its own', async () => {
    const system = await loadFixture(one)
    const { registry, reporter } = system
    const admin = registry.connect(system.admin)
    await toOpen(system, 1)
    await registry.connect(system.guardian).expelReporter(reporter)

    await expect(admin.addReporter(reporter))
      .to.be.revertedWithCustomError(registry, 'ReporterKnown')
      .withArgs(reporter)
    await admin.removeReporter(reporter)
    await admin.addReporter(reporter)

    await toOpen(system, 2)
    await pushHour(system, 2, 0, [0])
    expect(await registry['snapshotCount(uint32)'](2)).to.equal(1)
    expect(await registry.reportersOf(2)).to.deep.equal([reporter.address])
  })

  it('R-12 the only reporter expelled: what remains below 20 hours rolls over, nobody is paid', async () => {
    const system = await loadFixture(one)
    await pushHours(system, 1, [0, 10], [0, 1, 2])
    await system.registry.connect(system.guardian).expelReporter(system.reporter)
    await toTime((hourOf(system, 1, 24) + 4) * HOUR)

    await expect(system.rewards.connect(system.keeper).extract(1))
      .to.emit(system.rewards, 'CycleRolledOver')
      .withArgs(1, 0, 0, 0xffffff)
  })

  it('R-11 has at most 8 seats', async () => {
    const system = await loadFixture(one)
    const { registry, others } = system
    const admin = registry.connect(system.admin)
    for (const reporter of others.slice(0, 7)) await admin.addReporter(reporter)

    await expect(admin.addReporter(others[7]!))
      .to.be.revertedWithCustomError(registry, 'TooManyReporters')
      .withArgs(8)
  })

  it('R-11 with 8 reporters 5 are a majority and 4 are not', async () => {
    const system = await loadFixture(one)
    const { registry, others } = system
    for (const reporter of others.slice(0, 7)) {
      await registry.connect(system.admin).addReporter(reporter)
    }
    const all = [system.reporter, ...others.slice(0, 7)]
    for (const reporter of all.slice(0, 4)) await pushHour(system, 1, 0, [0], reporter)
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(0)

    await pushHour(system, 1, 0, [], all[4])

    expect(await registry['snapshotCount(uint32)'](1)).to.equal(1)
    expect(await registry['appearances(uint32,uint32)'](0, 1)).to.equal(0)
    await pushHour(system, 1, 0, [0], all[7])
    expect(await registry['appearances(uint32,uint32)'](0, 1)).to.equal(1)
  })

  it('refuses reporters that are known, unknown, zero, or keepers (R-50)', async () => {
    const system = await loadFixture(one)
    const { registry, reporter, keeper, stranger } = system
    const admin = registry.connect(system.admin)

    await expect(admin.addReporter(reporter))
      .to.be.revertedWithCustomError(registry, 'ReporterKnown')
      .withArgs(reporter)
    await expect(admin.addReporter(ZERO)).to.be.revertedWithCustomError(registry, 'ZeroAddress')
    await expect(admin.addReporter(keeper))
      .to.be.revertedWithCustomError(registry, 'ReporterIsKeeper')
      .withArgs(keeper)
    await expect(admin.removeReporter(stranger))
      .to.be.revertedWithCustomError(registry, 'ReporterUnknown')
      .withArgs(stranger)
    await expect(registry.connect(system.guardian).expelReporter(stranger))
      .to.be.revertedWithCustomError(registry, 'ReporterUnknown')
      .withArgs(stranger)
  })

  it('a reporter added and removed before its first cycle never speaks', async () => {
    const system = await loadFixture(one)
    const { registry, others } = system
    const admin = registry.connect(system.admin)
    await toOpen(system, 1)
    await admin.addReporter(others[0]!)
    await admin.removeReporter(others[0]!)
    await toOpen(system, 2)

    await expect(pushHour(system, 2, 0, [0], others[0])).to.be.revertedWithCustomError(
      registry,
      'NotReporter',
    )
    await pushHour(system, 2, 0, [0])
    expect(await registry['snapshotCount(uint32)'](2)).to.equal(1)
  })

  it('with no reporter left nothing is pushed, and a new one heals the next cycle', async () => {
    const system = await loadFixture(one)
    const { registry, others } = system
    const admin = registry.connect(system.admin)
    await toOpen(system, 1)
    await admin.removeReporter(system.reporter)
    await toTime((hourOf(system, 2, 0) + 4) * HOUR)
    await system.rewards.connect(system.keeper).extract(1)
    await admin.addReporter(others[0]!)
    await toOpen(system, 3)

    await pushHour(system, 3, 0, [0], others[0])

    expect(await registry['snapshotCount(uint32)'](3)).to.equal(1)
  })
})
