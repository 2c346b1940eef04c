import { expect } from 'chai'
import type { System } from '../helpers/contracts.ts'
import {
  ZERO,
  addValidators,
  allUp,
  balances,
  deploySystem,
  ethers,
  fund,
  fundOf,
  loadFixture,
  nodeOf,
  pushCycle,
  pushHours,
  range,
  settle,
  toCut,
  toOpen,
  transfer,
} from '../helpers/contracts.ts'

const FOREVER = 2n ** 32n - 1n
const FULL_ROSTER = 131_072

const three = (): Promise<System> => deploySystem({ validators: 3 })
const token = (): Promise<System> => deploySystem({ validators: 3, token: true })
const oneWord = (): Promise<System> => deploySystem({ validators: 256 })
const rich = (): Promise<System> => deploySystem({ validators: 3, weights: [1n, 2n, 3n] })

const entry = (index: number): { node: string; fund: string; weight: bigint } => ({
  node: nodeOf(index),
  fund: fundOf(index),
  weight: 1n,
})

describe('addValidators', () => {
  it('Z-10 Z-29 keeps node and fund address of a candidate, readable by index and by node', async () => {
    const system = await loadFixture(rich)
    const { registry } = system

    const { node, fund: paidTo, weight, activeFrom, activeTo } = await registry.validator(2)

    expect([node, paidTo, weight, activeFrom, activeTo]).to.deep.equal([
      nodeOf(2),
      fundOf(2),
      3n,
      1n,
      FOREVER,
    ])
    expect(await registry.indexOf(nodeOf(2))).to.equal(2)
    expect(await registry.validatorCount()).to.equal(3)
    expect(await registry.fundOf(1, 2)).to.equal(fundOf(2))
  })

  it('R-13 Z-30 a validator that joins in cycle 1 counts from cycle 2 on, and the event says so', async () => {
    const system = await loadFixture(three)
    const { registry, admin } = system
    await toOpen(system, 1)

    await expect(registry.connect(admin).addValidators([entry(3)]))
      .to.emit(registry, 'ValidatorAdded')
      .withArgs(3, nodeOf(3), fundOf(3), 1, 2)

    const [before] = await registry.rosterWords(1, 0, 1)
    const [after] = await registry.rosterWords(2, 0, 1)
    expect([before, after]).to.deep.equal([[0b111n], [0b1111n]])
    await settle(system, 1, allUp(3))
    await settle(system, 2, allUp(4))
    expect((await system.rewards.cycle(1)).eligible).to.equal(3)
    expect((await system.rewards.cycle(2)).eligible).to.equal(4)
  })

  it('R-13 an index is never reused: a node that comes back gets a new one', async () => {
    const system = await loadFixture(three)
    const { registry, admin } = system
    await registry.connect(admin).removeValidators([0])

    await registry.connect(admin).addValidators([entry(0)])

    expect(await registry.indexOf(nodeOf(0))).to.equal(3)
    expect(await registry.validatorCount()).to.equal(4)
    const [masks] = await registry.rosterWords(1, 0, 1)
    expect(masks).to.deep.equal([0b1110n])
  })

  it('several nodes may share a fund address, and it is paid for each', async () => {
    const system = await loadFixture(three)
    const { registry, admin } = system
    await registry.connect(admin).addValidators([{ ...entry(3), fund: fundOf(0) }])
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await transfer(system, 1, range(4))

    expect(await balances(system, [fundOf(0), fundOf(1)])).to.deep.equal([200n, 100n])
  })

  it('refuses a node that is in the roster, in the same call too', async () => {
    const system = await loadFixture(three)
    const { registry } = system
    const admin = registry.connect(system.admin)

    await expect(admin.addValidators([entry(3), { ...entry(4), node: nodeOf(1) }]))
      .to.be.revertedWithCustomError(registry, 'DuplicateNode')
      .withArgs(nodeOf(1), 1)
    await expect(admin.addValidators([entry(3), entry(3)]))
      .to.be.revertedWithCustomError(registry, 'DuplicateNode')
      .withArgs(nodeOf(3), 3)
    expect(await registry.validatorCount()).to.equal(3)
  })

  it('refuses the zero address as node or as fund address', async () => {
    const system = await loadFixture(three)
    const { registry } = system
    const admin = registry.connect(system.admin)

    for (const wrong of [{ node: ZERO }, { fund: ZERO }]) {
      await expect(admin.addValidators([{ ...entry(3), ...wrong }])).to.be.revertedWithCustomError(
        registry,
        'ZeroAddress',
      )
    }
  })

  it('R-33 refuses the rewards contract, the registry and the token as fund address', async () => {
    const system = await loadFixture(token)
    const { registry, rewards } = system

    for (const wrong of [rewards, registry, system.token]) {
      const paidTo = await ethers.resolveAddress(wrong ?? ZERO)
      await expect(registry.connect(system.admin).addValidators([{ ...entry(3), fund: paidTo }]))
        .to.be.revertedWithCustomError(registry, 'ForbiddenFund')
        .withArgs(paidTo)
    }
  })

  it('refuses an empty list and one of more than 256', async () => {
    const system = await loadFixture(three)
    const { registry } = system
    const admin = registry.connect(system.admin)

    await expect(admin.addValidators([])).to.be.revertedWithCustomError(registry, 'ListEmpty')
    await expect(admin.addValidators(range(257).map((i) => entry(i + 3))))
      .to.be.revertedWithCustomError(registry, 'ListTooLong')
      .withArgs(257, 256)
  })

  it('refuses more validators than the ring has room for', async () => {
    const system = await loadFixture(three)
    const { registry } = system
    await setValidatorCount(system, FULL_ROSTER - 1)

    await expect(registry.connect(system.admin).addValidators([entry(3), entry(4)]))
      .to.be.revertedWithCustomError(registry, 'RosterFull')
      .withArgs(FULL_ROSTER + 1, FULL_ROSTER)
  })

  it('fills a word and begins the next in one call of 256', async () => {
    const system = await loadFixture(three)
    await addValidators(system, 256)
    const { registry } = system

    const [masks] = await registry.rosterWords(1, 0, 2)
    expect(masks).to.deep.equal([2n ** 256n - 1n, 0b111n])
    expect((await registry.validator(255)).fund).to.equal(fundOf(255))
    expect((await registry.validator(258)).node).to.equal(nodeOf(258))
  })

  it('refuses validators before the rewards contract is named', async () => {
    const [admin, guardian, reporter] = await ethers.getSigners()
    const registry = await ethers.deployContract('HeartbeatRegistry', [
      admin!,
      guardian!,
      reporter!,
      3600 * 500_000,
      14_400,
    ])

    await expect(registry.addValidators([entry(0)])).to.be.revertedWithCustomError(
      registry,
      'RewardsNotSet',
    )
  })
})

describe('removeValidators', () => {
  it('R-13 Z-30 a validator removed in cycle 1 counts in it and not in cycle 2', async () => {
    const system = await loadFixture(three)
    const { registry, admin } = system
    await toOpen(system, 1)

    await expect(registry.connect(admin).removeValidators([1]))
      .to.emit(registry, 'ValidatorRemoved')
      .withArgs(1, 1)

    await settle(system, 1, allUp(3))
    await settle(system, 2, allUp(3))
    expect(await system.rewards.unpaidMask(1, 0)).to.equal(0b111)
    expect(await system.rewards.unpaidMask(2, 0)).to.equal(0b101)
    expect((await registry.validator(1)).activeTo).to.equal(1)
  })

  it('R-13 Z-22 a removed validator keeps its earned pay and is paid it later', async () => {
    const system = await loadFixture(three)
    await fund(system, 300n)
    await settle(system, 1, allUp(3))
    await system.registry.connect(system.admin).removeValidators([1])
    await settle(system, 2, allUp(3))
    expect(await system.rewards.rewardOf(1, 1)).to.equal(100)

    await transfer(system, 1, [1])

    expect(await balances(system, [fundOf(1)])).to.deep.equal([100n])
    expect(await system.rewards.rewardOf(1, 1)).to.equal(0)
  })

  it('refuses an index that does not exist, and one that is gone, listed twice too', async () => {
    const system = await loadFixture(three)
    const { registry } = system
    const admin = registry.connect(system.admin)
    await toOpen(system, 1)

    await expect(admin.removeValidators([3]))
      .to.be.revertedWithCustomError(registry, 'UnknownValidator')
      .withArgs(3)
    await expect(admin.removeValidators([1, 1]))
      .to.be.revertedWithCustomError(registry, 'ValidatorGone')
      .withArgs(1, 1)
    await admin.removeValidators([1])
    await expect(admin.setFunds([1], [fundOf(9)]))
      .to.be.revertedWithCustomError(registry, 'ValidatorGone')
      .withArgs(1, 1)
    await expect(admin.removeValidators([])).to.be.revertedWithCustomError(registry, 'ListEmpty')
  })
})

describe('setFunds and setWeights', () => {
  it('R-33 Z-30 the admin’s new fund address is paid from the next cycle on; older cycles keep theirs', async () => {
    const system = await loadFixture(three)
    const { registry, admin } = system
    await fund(system, 300n)
    await toOpen(system, 1)
    await expect(registry.connect(admin).setFunds([0], [fundOf(7)]))
      .to.emit(registry, 'FundChanged')
      .withArgs(0, fundOf(7), 2)

    await settle(system, 1, allUp(3))
    await fund(system, 300n)
    await settle(system, 2, allUp(3))
    await transfer(system, 1, range(3))
    await transfer(system, 2, range(3))

    expect(await registry.fundOf(1, 0)).to.equal(fundOf(0))
    expect(await registry.fundOf(2, 0)).to.equal(fundOf(7))
    expect(await balances(system, [fundOf(0), fundOf(7)])).to.deep.equal([100n, 100n])
  })

  it('R-13 the page of an old cycle stays pinned through three later changes', async () => {
    const system = await loadFixture(three)
    const { registry, admin } = system
    for (const cycle of [1, 2, 3]) {
      await toOpen(system, cycle)
      await registry.connect(admin).setFunds([0], [fundOf(10 + cycle)])
      await registry.connect(admin).setFunds([1], [fundOf(20 + cycle)])
    }

    for (const [cycle, first, second] of [
      [1, 0, 1],
      [2, 11, 21],
      [3, 12, 22],
      [4, 13, 23],
      [9, 13, 23],
    ] as const) {
      expect(await registry.fundOf(cycle, 0)).to.equal(fundOf(first))
      expect(await registry.fundOf(cycle, 1)).to.equal(fundOf(second))
    }
  })

  it('Z-30 a new weight is in force from the next cycle on', async () => {
    const system = await loadFixture(rich)
    const { registry, admin } = system
    await toOpen(system, 1)

    await expect(registry.connect(admin).setWeights([0, 2], [10, 30]))
      .to.emit(registry, 'WeightChanged')
      .withArgs(0, 10, 2)
      .and.to.emit(registry, 'WeightChanged')
      .withArgs(2, 30, 2)

    expect((await registry.validator(0)).weight).to.equal(10)
    expect((await registry.validator(1)).weight).to.equal(2)
    expect((await registry.validator(0)).fund).to.equal(fundOf(0))
  })

  it('changes validators of two words in one call, in any order', async () => {
    const system = await loadFixture(oneWord)
    await addValidators(system, 2)
    const { registry, admin } = system
    const indices = [256, 0, 257, 255]

    await registry.connect(admin).setFunds(
      indices,
      indices.map((i) => fundOf(1000 + i)),
    )

    for (const i of indices) expect(await registry.fundOf(1, i)).to.equal(fundOf(1000 + i))
    expect(await registry.fundOf(1, 1)).to.equal(fundOf(1))
  })

  it('refuses lists of different length, unknown validators and forbidden addresses', async () => {
    const system = await loadFixture(three)
    const { registry } = system
    const admin = registry.connect(system.admin)

    await expect(admin.setFunds([0, 1], [fundOf(9)]))
      .to.be.revertedWithCustomError(registry, 'LengthMismatch')
      .withArgs(2, 1)
    await expect(admin.setWeights([0], [1, 2]))
      .to.be.revertedWithCustomError(registry, 'LengthMismatch')
      .withArgs(1, 2)
    await expect(admin.setFunds([3], [fundOf(9)]))
      .to.be.revertedWithCustomError(registry, 'UnknownValidator')
      .withArgs(3)
    await expect(admin.setWeights([3], [1]))
      .to.be.revertedWithCustomError(registry, 'UnknownValidator')
      .withArgs(3)
    await expect(admin.setFunds([0], [ZERO])).to.be.revertedWithCustomError(registry, 'ZeroAddress')
    await expect(admin.setFunds([], [])).to.be.revertedWithCustomError(registry, 'ListEmpty')
    await expect(admin.setWeights([], [])).to.be.revertedWithCustomError(registry, 'ListEmpty')
  })

  it('R-13 a change in the middle of a cycle does not alter who is counted or paid in it', async () => {
    const system = await loadFixture(three)
    const { registry, admin } = system
    await fund(system, 300n)
    await pushCycle(system, 1, allUp(3), 12)
    await registry.connect(admin).removeValidators([2])
    await registry.connect(admin).setFunds([0], [fundOf(9)])
    await registry.connect(admin).addValidators([entry(3)])
    await pushHours(system, 1, [12, 24], range(3))
    await toCut(system, 1)

    await system.rewards.connect(system.keeper).extract(1)
    await transfer(system, 1, range(4))

    const paid = await balances(system, [0, 1, 2, 3, 9].map(fundOf))
    expect(paid).to.deep.equal([100n, 100n, 100n, 0n, 0n])
  })
})

describe('roster views', () => {
  it('refuse a node and an index that nobody knows', async () => {
    const system = await loadFixture(three)
    const { registry } = system

    await expect(registry.indexOf(nodeOf(3)))
      .to.be.revertedWithCustomError(registry, 'UnknownNode')
      .withArgs(nodeOf(3))
    for (const call of [
      () => registry.validator(3),
      () => registry.fundOf(1, 3),
      () => registry.fundOf(1, 256),
    ]) {
      await expect(call()).to.be.revertedWithCustomError(registry, 'UnknownValidator')
    }
  })

  it('have no page for words and cycles before the roster', async () => {
    const system = await loadFixture(three)
    const { registry } = system

    expect(await registry.rosterPages(0, [0])).to.deep.equal([0n])
    expect(await registry.rosterPages(1, [1, 512, 2n ** 255n])).to.deep.equal([0n, 0n, 0n])
    const [masks, pages] = await registry.rosterWords(1, 511, 2)
    expect([masks, pages]).to.deep.equal([
      [0n, 0n],
      [0n, 0n],
    ])
  })
})

/** Writes `count` into the registry's packed slot: 131,072 real validators would take 4,000 calls. */
async function setValidatorCount(system: System, count: number): Promise<void> {
  const at = await system.registry.getAddress()
  for (let slot = 0; slot < 8; ++slot) {
    const before = BigInt(await ethers.provider.getStorage(at, slot))
    if ((before & 0xffffffffn) !== 3n) continue
    const after = ((before >> 32n) << 32n) | BigInt(count)
    await ethers.provider.send('hardhat_setStorageAt', [
      at,
      ethers.toQuantity(slot),
      ethers.toBeHex(after, 32),
    ])
    if (Number(await system.registry.validatorCount()) === count) return
  }
  throw new Error('the slot of the count was not found')
}
