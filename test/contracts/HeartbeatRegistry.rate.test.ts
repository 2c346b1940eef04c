import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { System } from '../helpers/contracts.ts'
import {
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
} from '../helpers/contracts.ts'

interface RateVector {
  appearances: number
  snapshots: number
  rateBps: number
  meets: boolean
  threshold: number
}

const five = (): Promise<System> => deploySystem({ validators: 5 })
const six = (): Promise<System> => deploySystem({ validators: 6 })
const many = (): Promise<System> => deploySystem({ validators: 300 })

const nodes = (indices: number[]): string[] => indices.map(nodeOf)

function readVectors(): RateVector[] {
  const path = join(import.meta.dirname, '..', 'vectors', 'online-rate.json')
  return JSON.parse(readFileSync(path, 'utf8')) as RateVector[]
}

describe('getNodeList', () => {
  it('Z-05 with 24 snapshots at 80 % a validator online 20 hours is in, 19 hours is out', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, [24, 20, 19, 0, 21])

    const list = await system.registry['getNodeList(uint256,uint32)'](8000, 1)

    expect(list).to.deep.equal(nodes([0, 1, 4]))
  })

  it('Z-05 with 5 snapshots at 80 % a validator online 4 hours is in, 3 hours is out', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, [4, 3, 5, 0, 1], 5)

    const list = await system.registry['getNodeList(uint256,uint32)'](8000, 1)

    expect(list).to.deep.equal(nodes([0, 2]))
  })

  it('Z-05 at 100 % one missed hour of 24 is out; at 1 bps one hour is in and none is out', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, [24, 23, 1, 0])
    const { registry } = system

    expect(await registry['getNodeList(uint256,uint32)'](10_000, 1)).to.deep.equal(nodes([0]))
    expect(await registry['getNodeList(uint256,uint32)'](1, 1)).to.deep.equal(nodes([0, 1, 2]))
  })

  it('Z-06 without snapshots the list is empty and the rate is 0', async () => {
    const system = await loadFixture(five)
    await toOpen(system, 1)
    const { registry } = system

    expect(await registry['getNodeList(uint256)'](8000)).to.deep.equal([])
    expect(await registry['onlineRate(uint32)'](0)).to.equal(0)
    expect(await registry['appearances(uint32)'](0)).to.equal(0)
    expect(await registry['snapshotCount()']()).to.equal(0)
    expect(await registry.eligibleWords(1, 8000, 0, 1)).to.deep.equal([0n])
  })

  it('Z-09 number of snapshots, their hours and appearances of the open cycle are readable', async () => {
    const system = await loadFixture(five)
    await pushHours(system, 1, [0, 3], [1])
    await pushHour(system, 1, 5, [1, 2])
    const { registry } = system

    expect(await registry['snapshotCount()']()).to.equal(4)
    const hours = [0, 1, 2, 5].map((h) => hourOf(system, 1, h))
    expect(await registry.snapshotHours(1)).to.deep.equal(hours)
    expect(await registry['appearances(uint32)'](1)).to.equal(4)
    expect(await registry['appearances(uint32)'](2)).to.equal(1)
    expect(await registry['onlineRate(uint32)'](2)).to.equal(2500)
    expect(await registry['getNodeList(uint256)'](8000)).to.deep.equal(nodes([1]))
    const { words, snapshots, missing, isFinal } = await registry.record(1)
    expect([words, snapshots, missing, isFinal]).to.deep.equal([1n, 4n, 0xffffd8n, false])
  })

  it('Z-09 the cycle that was closed is readable while the next one is open', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, [24, 12])
    await toCut(system, 1)
    await pushHour(system, 2, 0, [2])
    const { registry } = system

    expect(await registry['getNodeList(uint256,uint32)'](8000, 1)).to.deep.equal(nodes([0]))
    expect(await registry['getNodeList(uint256)'](8000)).to.deep.equal(nodes([2]))
    expect(await registry['onlineRate(uint32,uint32)'](1, 1)).to.equal(5000)
  })

  it('Z-14 a validator that is registered from the next cycle on is not in the list, whatever its bits', async () => {
    const system = await loadFixture(five)
    await toOpen(system, 1)
    const { registry, admin } = system
    await registry.connect(admin).addValidators([{ node: nodeOf(5), fund: nodeOf(99), weight: 1 }])
    const reporter = registry.connect(system.reporter)
    await pushHours(system, 1, [0, 23], [0])
    // Bit 5 is beyond the roster of the cycle.
    await expect(pushHour(system, 1, 23, [0, 5])).to.be.revertedWithCustomError(
      reporter,
      'BitsBeyondRoster',
    )

    expect(await registry['getNodeList(uint256,uint32)'](1, 1)).to.deep.equal(nodes([0]))
  })

  it('reads words 0 and 1 of 300 validators alike', async () => {
    const system = await loadFixture(many)
    await pushHours(system, 1, [0, 5], [0, 255, 256, 299])

    const list = await system.registry['getNodeList(uint256,uint32)'](8000, 1)

    expect([...list].sort()).to.deep.equal(nodes([0, 255, 256, 299]).sort())
    expect(await system.registry.eligibleWords(1, 8000, 1, 1)).to.deep.equal([1n | (1n << 43n)])
    expect(await system.registry.eligibleWords(1, 8000, 2, 2)).to.deep.equal([0n, 0n])
  })

  it('Z-28 refuses a rate of 0 and one above 100 %', async () => {
    const system = await loadFixture(five)
    const { registry } = system

    for (const rate of [0, 10_001]) {
      await expect(registry['getNodeList(uint256,uint32)'](rate, 1))
        .to.be.revertedWithCustomError(registry, 'RateOutOfRange')
        .withArgs(rate)
    }
  })

  it('knows nothing of a cycle that does not exist', async () => {
    const system = await loadFixture(five)
    const { registry } = system

    for (const cycle of [0, 99]) {
      expect(await registry['getNodeList(uint256,uint32)'](8000, cycle)).to.deep.equal([])
      const { words, snapshots, missing, isFinal } = await registry.record(cycle)
      expect([words, snapshots, missing, isFinal]).to.deep.equal([0n, 0n, 0xffffffn, false])
    }
  })
})

describe('clearRecord', () => {
  it('Z-07 only the rewards contract clears or freezes a record', async () => {
    const system = await loadFixture(five)
    const { registry } = system

    for (const caller of [system.admin, system.keeper, system.reporter, system.stranger]) {
      await expect(registry.connect(caller).clearRecord(1))
        .to.be.revertedWithCustomError(registry, 'NotRewards')
        .withArgs(caller)
      await expect(registry.connect(caller).freeze(1))
        .to.be.revertedWithCustomError(registry, 'NotRewards')
        .withArgs(caller)
    }
  })

  it('Z-07 Z-08 extract clears the record and the counts of the old cycle do not reach the next', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, allUp(5))
    await toCut(system, 1)

    await expect(system.rewards.connect(system.keeper).extract(1))
      .to.emit(system.registry, 'RecordCleared')
      .withArgs(1)
    await pushHours(system, 2, [0, 5], [3])

    const { registry } = system
    expect(await registry.settledThrough()).to.equal(1)
    expect(await registry['snapshotCount(uint32)'](2)).to.equal(5)
    expect(await registry['getNodeList(uint256,uint32)'](8000, 2)).to.deep.equal(nodes([3]))
  })
})

describe('the online rate', () => {
  // Twin of keeper and Solidity: all read the same vectors.
  const vectors = readVectors()

  it('Z-05 appearances x 10,000 >= rateBps x snapshots gives every vector', () => {
    expect(vectors.length).to.be.greaterThan(40)
    for (const { appearances, snapshots, rateBps, meets, threshold } of vectors) {
      const said = snapshots !== 0 && appearances * 10_000 >= rateBps * snapshots
      expect(said, `${appearances}/${snapshots} at ${rateBps}`).to.equal(meets)
      expect(Math.ceil((rateBps * snapshots) / 10_000)).to.equal(threshold)
    }
  })

  it('Z-05 the registry decides every vector of 1, 3, 5 and 20 to 24 snapshots as the vectors say', async () => {
    for (const snapshots of [1, 3, 5, 20, 21, 22, 23, 24]) {
      const some = vectors.filter((vector) => vector.snapshots === snapshots)
      const ups = [...new Set(some.map((vector) => vector.appearances))]
      for (const part of chunks(ups, 6)) {
        const system = await loadFixture(six)
        await pushCycle(system, 1, part, snapshots)
        for (const { appearances, rateBps, meets } of some) {
          const index = part.indexOf(appearances)
          if (index < 0) continue
          const [word] = await system.registry.eligibleWords(1, rateBps, 0, 1)
          const isIn = ((word ?? 0n) >> BigInt(index)) & 1n
          expect(isIn, `${appearances}/${snapshots} at ${rateBps}`).to.equal(meets ? 1n : 0n)
        }
      }
    }
  })

  it('Z-05 agrees with a slow count of every validator over 24 scattered hours', async () => {
    const system = await loadFixture(many)
    const up = (h: number, i: number): boolean => (h * 31 + i * 17 + ((h * i) % 7)) % 6 !== 0
    for (const h of range(24))
      await pushHour(
        system,
        1,
        h,
        range(300).filter((i) => up(h, i)),
      )

    const list = await system.registry['getNodeList(uint256,uint32)'](8000, 1)

    const expected = range(300).filter((i) => range(24).filter((h) => up(h, i)).length >= 20)
    expect(expected.length).to.be.within(1, 299)
    expect([...list].sort()).to.deep.equal(nodes(expected).sort())
  })

  it('Z-10 Z-05 eligibility goes by node address: the settled set is the node list', async () => {
    const system = await loadFixture(five)
    await settle(system, 1, [24, 19, 20, 0, 24])

    expect(await system.rewards.unpaidMask(1, 0)).to.equal(0b10101)
  })
})

function chunks<T>(list: T[], size: number): T[][] {
  return range(Math.ceil(list.length / size)).map((i) => list.slice(i * size, (i + 1) * size))
}
