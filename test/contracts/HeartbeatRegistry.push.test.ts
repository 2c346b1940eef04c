import { expect } from 'chai'
import type { System } from '../helpers/contracts.ts'
import {
  DAY,
  HOUR,
  PUSH_AFTER,
  PUSH_WINDOW,
  addValidators,
  allUp,
  cutOf,
  deploySystem,
  ethers,
  hourOf,
  loadFixture,
  nextAt,
  openOf,
  pushCycle,
  pushHour,
  settle,
  toCut,
  toOpen,
  toTime,
  wordsOf,
} from '../helpers/contracts.ts'

const five = (): Promise<System> => deploySystem({ validators: 5 })
const many = (): Promise<System> => deploySystem({ validators: 300 })
const oneWord = (): Promise<System> => deploySystem({ validators: 256 })
const empty = (): Promise<System> => deploySystem()

const endOf = (system: System, cycle: number, h: number): number =>
  (hourOf(system, cycle, h) + 1) * HOUR

describe('the grid of hours and cycles', () => {
  it('R-01 gives cycle n the 24 hours from its opening to its cut', async () => {
    const system = await loadFixture(five)
    const { registry, firstCut } = system

    expect(await registry.cycleAt(firstCut - 1)).to.equal(0)
    expect(await registry.cycleAt(firstCut)).to.equal(1)
    expect(await registry.cycleAt(firstCut + DAY - 1)).to.equal(1)
    expect(await registry.cycleAt(firstCut + DAY)).to.equal(2)
    expect(await registry.cutOf(0)).to.equal(firstCut)
    expect(await registry.cutOf(1)).to.equal(firstCut + DAY)
    expect(await registry.cutOf(7)).to.equal(firstCut + 7 * DAY)
  })

  it('R-01 books an hour to the cycle that owns it, whatever the time of the push', async () => {
    const system = await loadFixture(five)
    await pushHour(system, 1, 0, [0])
    // The last hour of cycle 1 ends at the cut, so it is pushed when cycle 2 is open.
    await toTime(cutOf(system, 1) + 3 * HOUR)

    await pushHour(system, 1, 23, [0])
    await pushHour(system, 2, 0, [0])

    expect(await system.registry['snapshotCount(uint32)'](1)).to.equal(2)
    expect(await system.registry['snapshotCount(uint32)'](2)).to.equal(1)
    expect(await system.registry.snapshotHours(1)).to.deep.equal([
      hourOf(system, 1, 0),
      hourOf(system, 1, 23),
    ])
  })

  it('R-01 extract two hours late counts the same 24 hours and leaves the 25th to the next cycle', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, allUp(5))
    await toTime(cutOf(system, 1) + 2 * HOUR)
    await pushHour(system, 2, 0, [0])

    await system.rewards.connect(system.keeper).extract(1)

    expect((await system.rewards.cycle(1)).snapshots).to.equal(24)
    expect(await system.registry['snapshotCount(uint32)'](2)).to.equal(1)
  })

  it('R-05 counts seconds: the same hours are accepted after 1 block or after 500', async () => {
    const system = await loadFixture(five)
    await ethers.provider.send('hardhat_mine', ['0x1f4', '0x0'])

    await expect(pushHour(system, 1, 0, [0])).to.emit(system.registry, 'SnapshotPushed')

    expect(await system.registry.cycleAt(openOf(system, 2))).to.equal(2)
  })

  it('R-05 lost hours shrink the denominator for all alike: 20 of 20 and 16 of 20 are in, 15 is out', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, [20, 16, 15], 20)

    expect(await system.registry['getNodeList(uint256,uint32)'](8000, 1)).to.have.length(2)
    expect((await system.registry.record(1)).missing).to.equal(0xf00000)
  })
})

describe('pushStatus', () => {
  it('Z-01 only the reporter stores a snapshot; keeper, guardian, admin and strangers are refused', async () => {
    const system = await loadFixture(five)
    const { registry, admin, guardian, keeper, stranger } = system
    const hour = hourOf(system, 1, 0)
    await toTime(endOf(system, 1, 0))

    for (const caller of [admin, guardian, keeper, stranger]) {
      await expect(registry.connect(caller).pushStatus([1n], hour))
        .to.be.revertedWithCustomError(registry, 'NotReporter')
        .withArgs(caller, 1)
    }
    await expect(registry.connect(system.reporter).pushStatus([1n], hour)).to.emit(
      registry,
      'SnapshotPushed',
    )
  })

  it('Z-30 R-14 a push tells hour, reporter and words in its event', async () => {
    const system = await loadFixture(many)

    const push = pushHour(system, 1, 0, [0, 299])

    await expect(push)
      .to.emit(system.registry, 'SnapshotPushed')
      .withArgs(hourOf(system, 1, 0), system.reporter, [1n, 1n << 43n])
  })

  it('Z-02 a second push of the same hour is merged by union and adds no snapshot', async () => {
    const system = await loadFixture(five)
    await pushHour(system, 1, 0, [0, 1])

    await pushHour(system, 1, 0, [1, 2])

    const { registry, reporter } = system
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(1)
    expect(await registry.snapshotOf(hourOf(system, 1, 0), reporter)).to.deep.equal([0b111n])
  })

  it('R-03 the event of a merged push holds the added bits only', async () => {
    const system = await loadFixture(five)
    await pushHour(system, 1, 0, [0, 1])

    const second = pushHour(system, 1, 0, [1, 2])
    await expect(second)
      .to.emit(system.registry, 'SnapshotPushed')
      .withArgs(hourOf(system, 1, 0), system.reporter, [0b100n])
    await expect(pushHour(system, 1, 0, [0]))
      .to.emit(system.registry, 'SnapshotPushed')
      .withArgs(hourOf(system, 1, 0), system.reporter, [0n])
  })

  it('Z-03 a validator named in two merged pushes of an hour appears once', async () => {
    const system = await loadFixture(five)
    await pushHour(system, 1, 0, [0])
    await pushHour(system, 1, 0, [0])

    expect(await system.registry['appearances(uint32,uint32)'](0, 1)).to.equal(1)
  })

  it('Z-04 an hour with nobody online counts in the denominator', async () => {
    const system = await loadFixture(five)
    await pushHour(system, 1, 0, [])
    await pushHour(system, 1, 1, [0])

    expect(await system.registry['snapshotCount(uint32)'](1)).to.equal(2)
    expect(await system.registry['onlineRate(uint32,uint32)'](0, 1)).to.equal(5000)
  })

  it('R-01 an hour can be pushed from its end on and not a second before', async () => {
    const system = await loadFixture(five)
    const { registry, reporter } = system
    const hour = hourOf(system, 1, 0)
    const end = endOf(system, 1, 0)

    await nextAt(end - 1)
    await expect(registry.connect(reporter).pushStatus([1n], hour))
      .to.be.revertedWithCustomError(registry, 'HourNotOver')
      .withArgs(hour, end)
    await nextAt(end)
    await registry.connect(reporter).pushStatus([1n], hour)
  })

  it('R-03 an hour is accepted until 4 h after its end, the first push and the merge', async () => {
    const system = await loadFixture(five)
    const { registry } = system
    const reporter = registry.connect(system.reporter)
    const hour = hourOf(system, 1, 0)
    const closed = endOf(system, 1, 0) + PUSH_WINDOW
    await pushHour(system, 1, 1, [0])

    await nextAt(closed - 1)
    await reporter.pushStatus([1n], hour)
    await nextAt(closed)
    await expect(reporter.pushStatus([2n], hour))
      .to.be.revertedWithCustomError(registry, 'HourTooOld')
      .withArgs(hour, closed)
  })

  it('R-03 a stolen reporter key cannot fill in the morning at 17:59', async () => {
    const system = await loadFixture(five)
    const { registry } = system
    const reporter = registry.connect(system.reporter)
    await toTime(cutOf(system, 1) - 60)

    // Of the 23 hours that are over only the last four are still open.
    for (let h = 0; h < 19; ++h) {
      await expect(reporter.pushStatus([1n], hourOf(system, 1, h))).to.be.revertedWithCustomError(
        registry,
        'HourTooOld',
      )
    }
    for (let h = 19; h < 23; ++h) await reporter.pushStatus([1n], hourOf(system, 1, h))
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(4)
  })

  it('R-03 Z-07 an hour of a settled cycle is refused, although its window is open', async () => {
    const system = await loadFixture(five)
    await settle(system, 1, allUp(5))

    await expect(pushHour(system, 1, 23, [0]))
      .to.be.revertedWithCustomError(system.registry, 'CycleSettled')
      .withArgs(1)
  })

  it('refuses an hour before the first cut', async () => {
    const system = await loadFixture(five)
    const first = hourOf(system, 1, 0)
    await toOpen(system, 1)

    await expect(system.registry.connect(system.reporter).pushStatus([1n], first - 1))
      .to.be.revertedWithCustomError(system.registry, 'HourBeforeFirstCut')
      .withArgs(first - 1, first)
  })

  it('refuses seconds in place of hours: a timestamp is an hour far in the future', async () => {
    const system = await loadFixture(five)
    const seconds = openOf(system, 1)
    await toTime(endOf(system, 1, 0))

    await expect(system.registry.connect(system.reporter).pushStatus([1n], seconds))
      .to.be.revertedWithCustomError(system.registry, 'HourNotOver')
      .withArgs(seconds, (seconds + 1) * HOUR)
  })

  it('refuses a bitmap with a word too few or too many', async () => {
    const system = await loadFixture(many)
    const { registry } = system
    const reporter = registry.connect(system.reporter)
    await toTime(endOf(system, 1, 0))

    for (const words of [[], [1n], [1n, 1n, 1n]]) {
      await expect(reporter.pushStatus(words, hourOf(system, 1, 0)))
        .to.be.revertedWithCustomError(registry, 'WrongWordCount')
        .withArgs(words.length, 2)
    }
  })

  it('refuses bits beyond the roster: with 300 validators bit 43 of word 1 is the last', async () => {
    const system = await loadFixture(many)
    const { registry } = system
    const reporter = registry.connect(system.reporter)
    await toTime(endOf(system, 1, 0))

    await expect(reporter.pushStatus([0n, 1n << 44n], hourOf(system, 1, 0)))
      .to.be.revertedWithCustomError(registry, 'BitsBeyondRoster')
      .withArgs(1n << 44n, 300)
    await reporter.pushStatus([0n, 1n << 43n], hourOf(system, 1, 0))
  })

  it('takes every bit of a full roster word', async () => {
    const system = await loadFixture(oneWord)

    await pushHour(
      system,
      1,
      0,
      Array.from({ length: 256 }, (_, i) => i),
    )

    expect(await system.registry['appearances(uint32,uint32)'](255, 1)).to.equal(1)
  })

  it('refuses a push while the cycle has no roster', async () => {
    const system = await loadFixture(empty)
    const { registry } = system
    await toTime(endOf(system, 1, 0))
    const push = registry.connect(system.reporter).pushStatus([], hourOf(system, 1, 0))

    await expect(push).to.be.revertedWithCustomError(registry, 'EmptyRoster')
  })

  it('a validator that joins in the middle of a cycle does not change the words of the cycle', async () => {
    const system = await loadFixture(oneWord)
    await pushHour(system, 1, 0, [0])
    await addValidators(system, 10)

    await pushHour(system, 1, 1, [0])
    await toCut(system, 1)

    expect(await system.registry.wordCountOf(1)).to.equal(1)
    expect(await system.registry.wordCountOf(2)).to.equal(2)
    await pushHour(system, 1, 23, [1])
    expect(await system.registry['snapshotCount(uint32)'](1)).to.equal(3)
  })

  it('keeps the words of two roster words apart', async () => {
    const system = await loadFixture(many)
    await pushHour(system, 1, 0, [0, 256])

    const stored = await system.registry.snapshotOf(hourOf(system, 1, 0), system.reporter)

    expect(stored).to.deep.equal(wordsOf([0, 256], 2))
    expect(await system.registry['appearances(uint32,uint32)'](256, 1)).to.equal(1)
    expect(await system.registry['appearances(uint32,uint32)'](1, 1)).to.equal(0)
  })

  it('has no snapshot of a reporter that did not push the hour', async () => {
    const system = await loadFixture(five)
    await toTime(endOf(system, 1, 0) + PUSH_AFTER)
    const { registry, reporter, stranger } = system

    expect(await registry.snapshotOf(hourOf(system, 1, 0), reporter)).to.deep.equal([])
    await pushHour(system, 1, 0, [0])
    expect(await registry.snapshotOf(hourOf(system, 1, 0), stranger)).to.deep.equal([])
    expect(await registry.snapshotOf(hourOf(system, 1, 1), reporter)).to.deep.equal([])
  })
})

describe('the ring of lanes', () => {
  it('R-10 Z-08 a lane reused four cycles later has no bit of the old cycle', async () => {
    const system = await loadFixture(five)
    await settle(system, 1, allUp(5))
    for (const cycle of [2, 3, 4]) await settle(system, cycle, [24])

    await pushHour(system, 5, 0, [4])

    const { registry, reporter } = system
    expect(await registry['snapshotCount(uint32)'](5)).to.equal(1)
    expect(await registry['appearances(uint32,uint32)'](0, 5)).to.equal(0)
    expect(await registry['appearances(uint32,uint32)'](4, 5)).to.equal(1)
    expect(await registry.snapshotOf(hourOf(system, 5, 0), reporter)).to.deep.equal([0b10000n])
    // The old hours are gone with the lane, not read as those of cycle 1.
    expect(await registry.snapshotOf(hourOf(system, 1, 0), reporter)).to.deep.equal([])
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(0)
  })

  it('R-10 hour 25 lies in another lane than hour 1', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, [24])
    await pushHour(system, 2, 0, [1])

    expect(await system.registry['appearances(uint32,uint32)'](0, 1)).to.equal(24)
    expect(await system.registry['appearances(uint32,uint32)'](1, 1)).to.equal(0)
  })

  it('R-10 a lane whose cycle is neither extracted nor rolled over is never overwritten', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, [24])
    for (const cycle of [2, 3, 4]) await pushHour(system, cycle, 0, [0])

    await expect(pushHour(system, 5, 0, [0]))
      .to.be.revertedWithCustomError(system.registry, 'LaneBusy')
      .withArgs(1)
    await system.rewards.connect(system.keeper).extract(1)
    await pushHour(system, 5, 0, [0])

    expect(await system.registry['snapshotCount(uint32)'](5)).to.equal(1)
  })

  it('R-10 a rolled-over cycle frees its lane too', async () => {
    const system = await loadFixture(five)
    for (const cycle of [1, 2, 3, 4]) await pushHour(system, cycle, 0, [0])
    await toTime(openOf(system, 5) + 2 * HOUR)

    for (const cycle of [1, 2, 3]) await system.rewards.connect(system.keeper).extract(cycle)

    await pushHour(system, 5, 0, [3])
    expect(await system.registry['appearances(uint32,uint32)'](3, 5)).to.equal(1)
  })

  it('R-10 the counters hold 24 snapshots without wrap-around: 24, 16, 15, 8 and 0 are read back', async () => {
    const system = await loadFixture(five)
    const hours = [24, 16, 15, 8, 0]
    await pushCycle(system, 1, hours)

    for (const [i, up] of hours.entries()) {
      expect(await system.registry['appearances(uint32,uint32)'](i, 1)).to.equal(up)
      const rate = Math.floor((up * 10_000) / 24)
      expect(await system.registry['onlineRate(uint32,uint32)'](i, 1)).to.equal(rate)
    }
  })
})
