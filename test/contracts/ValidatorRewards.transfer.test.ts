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
  masksOf,
  nextAt,
  pushCycle,
  range,
  settle,
  toTime,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent, shareOf } from '../helpers/solvency.ts'

const five = (): Promise<System> => deploySystem({ validators: 5 })
const fiveOnToken = (): Promise<System> => deploySystem({ validators: 5, token: true })
const many = (): Promise<System> => deploySystem({ validators: 300 })
const weighted = (): Promise<System> =>
  deploySystem({ validators: 4, weights: [1n, 2n, 3n, 4n], params: { weighted: true } })
const delayed = (): Promise<System> =>
  deploySystem({ validators: 5, params: { settleDelay: BigInt(HOUR) } })
const longDelay = (): Promise<System> =>
  deploySystem({ validators: 5, params: { settleDelay: BigInt(2 * DAY), grace: BigInt(HOUR) } })

async function settled(fixture: () => Promise<System>, pool = 500n): Promise<System> {
  const system = await loadFixture(fixture)
  await fund(system, pool)
  await settle(system, 1, allUp(5))
  return system
}

const extractedAt = async (system: System, cycle = 1): Promise<number> =>
  Number((await system.rewards.cycle(cycle)).extractedAt)

describe('extractTransfer', () => {
  it('Z-18 Z-10 pays each listed fund address its share and erases it; a repeated call pays nothing', async () => {
    const system = await settled(five)
    const { rewards } = system
    const [words, masks] = masksOf([0, 1])
    const keeper = rewards.connect(system.keeper)
    const batch = keeper.extractTransfer(1, words, masks, { gasLimit: TX_GAS })

    await expect(batch).to.changeEtherBalances(
      ethers,
      [fundOf(0), fundOf(1), rewards],
      [100, 100, -200],
    )
    expect(await rewards.rewardOf(1, 0)).to.equal(0)
    expect(await rewards.unpaidMask(1, 0)).to.equal(0b11100)

    await expect(transfer(system, 1, [0, 1])).to.changeEtherBalances(
      ethers,
      [fundOf(0), fundOf(1), rewards],
      [0, 0, 0],
    )
    await assertSolvent(system)
  })

  it('Z-30 tells the paid in one event a batch, by roster word', async () => {
    const system = await settled(five)

    const batch = transfer(system, 1, [0, 3])

    await expect(batch)
      .to.emit(system.rewards, 'Paid')
      .withArgs(1, [[0, 0b1001]])
    const receipt = await (await batch).wait()
    expect(receipt?.logs).to.have.length(1)
  })

  it('Z-18 pays an ERC-20 the same way', async () => {
    const system = await settled(fiveOnToken)

    const batch = transfer(system, 1, range(5))

    await expect(batch).to.changeTokenBalances(
      ethers,
      system.token,
      [...range(5).map(fundOf), system.rewards],
      [100, 100, 100, 100, 100, -500],
    )
    await assertSolvent(system)
  })

  it('Z-19 unknown, ineligible, paid and doubly listed validators are skipped, the others are paid', async () => {
    const system = await loadFixture(five)
    await fund(system, 300n)
    await settle(system, 1, [24, 24, 24, 19, 0])
    await transfer(system, 1, [0])
    const keeper = system.rewards.connect(system.keeper)

    // All 256 bits of word 0 twice, a word without validators and one beyond every roster.
    const all = 2n ** 256n - 1n
    const batch = keeper.extractTransfer(1, [0, 7, 0, 2n ** 200n], [all, 1, all, 1], {
      gasLimit: TX_GAS,
    })

    await expect(batch)
      .to.emit(system.rewards, 'Paid')
      .withArgs(1, [[0, 0b110]])
    expect(await balances(system, range(5).map(fundOf))).to.deep.equal([100n, 100n, 100n, 0n, 0n])
    await assertSolvent(system)
  })

  it('Z-19 R-25 an all-skipped and an empty list succeed quietly, without an event', async () => {
    const system = await settled(five)
    await transfer(system, 1, range(5))

    for (const list of [range(5), [], [4_000]]) {
      const receipt = await (await transfer(system, 1, list)).wait()
      expect(receipt?.status).to.equal(1)
      expect(receipt?.logs).to.have.length(0)
    }
  })

  it('R-25 a keeper whose batch a stranger sent first pays nothing twice and does not fail', async () => {
    const system = await settled(five)
    await toTime((await extractedAt(system)) + DAY)
    await transfer(system, 1, [0, 1, 2], system.stranger)

    await expect(transfer(system, 1, range(5)))
      .to.emit(system.rewards, 'Paid')
      .withArgs(1, [[0, 0b11000]])

    expect(await balances(system, range(5).map(fundOf))).to.deep.equal(range(5).map(() => 100n))
    await assertSolvent(system)
  })

  it('Z-20 refuses more than 64 words or 1,500 payments, whatever the keeper’s batch size', async () => {
    const system = await settled(five)
    const { rewards } = system
    const keeper = rewards.connect(system.keeper)
    const all = 2n ** 256n - 1n

    await expect(
      keeper.extractTransfer(
        1,
        range(65),
        range(65).map(() => 1),
      ),
    )
      .to.be.revertedWithCustomError(rewards, 'ListTooLong')
      .withArgs(65, 64)
    await expect(
      keeper.extractTransfer(
        1,
        range(6),
        range(6).map(() => all),
      ),
    )
      .to.be.revertedWithCustomError(rewards, 'ListTooLong')
      .withArgs(1536, 1500)
    await expect(
      keeper.sweep(
        1,
        range(65),
        range(65).map(() => 1),
      ),
    )
      .to.be.revertedWithCustomError(rewards, 'ListTooLong')
      .withArgs(65, 64)
    await keeper.extractTransfer(
      1,
      range(64),
      range(64).map(() => 0),
    )
  })

  it('refuses words and masks of different length', async () => {
    const system = await settled(five)

    await expect(system.rewards.connect(system.keeper).extractTransfer(1, [0, 1], [1]))
      .to.be.revertedWithCustomError(system.rewards, 'LengthMismatch')
      .withArgs(2, 1)
  })

  it('refuses a cycle that is open, rolled over or does not exist', async () => {
    const system = await loadFixture(five)
    const { rewards } = system
    await toTime(system.firstCut + DAY + 4 * HOUR)
    await rewards.connect(system.keeper).extract(1)

    for (const [cycle, state] of [
      [0, 0],
      [1, 3],
      [2, 0],
      [99, 0],
    ] as const) {
      await expect(transfer(system, cycle, [0]))
        .to.be.revertedWithCustomError(rewards, 'CycleNotSettled')
        .withArgs(cycle, state)
    }
  })

  it('Z-22 R-21 pays by the weights of the cycle’s own page: 100, 200, 300 and 400', async () => {
    const system = await loadFixture(weighted)
    await fund(system, 1_000n)
    await settle(system, 1, allUp(4))
    await system.registry.connect(system.admin).setWeights([0, 1], [50, 50])
    await system.registry.connect(system.admin).removeValidators([3])

    await transfer(system, 1, range(4))

    expect(await balances(system, range(4).map(fundOf))).to.deep.equal([100n, 200n, 300n, 400n])
    expect(await shareOf(system, 1, 3)).to.equal(400)
    await assertSolvent(system)
  })

  it('pays validators of two words in one call', async () => {
    const system = await loadFixture(many)
    await fund(system, 30_000n)
    await settle(system, 1, allUp(300))

    await transfer(system, 1, [0, 255, 256, 299])

    const paid = await balances(system, [0, 255, 256, 299, 1].map(fundOf))
    expect(paid).to.deep.equal([100n, 100n, 100n, 100n, 0n])
  })

  it('a share of 0 is settled without a call', async () => {
    const system = await settled(five, 4n)

    await expect(transfer(system, 1, range(5)))
      .to.emit(system.rewards, 'Paid')
      .withArgs(1, [[0, 0b11111]])
    expect((await system.rewards.books()).pool).to.equal(4)
  })

  it('300 payees in one batch stay below 15 M gas', async () => {
    const system = await loadFixture(many)
    await fund(system, 30_000n)
    await settle(system, 1, allUp(300))

    const receipt = await (await transfer(system, 1, range(300))).wait()

    // New accounts, 25,000 gas each: 300 of them are 10.5 M.
    expect(receipt?.gasUsed).to.be.lessThan(15_000_000n)
  })
})

describe('the clocks of paying', () => {
  it('R-34 before grace only the keeper transfers, from then on anyone', async () => {
    const system = await settled(five)
    const { rewards } = system
    const from = (await extractedAt(system)) + DAY
    const [words, masks] = masksOf([0])
    const stranger = rewards.connect(system.stranger)

    await nextAt(from - 1)
    await expect(stranger.extractTransfer(1, words, masks))
      .to.be.revertedWithCustomError(rewards, 'TransferTooEarly')
      .withArgs(1, from)
    await nextAt(from)
    await stranger.extractTransfer(1, words, masks, { gasLimit: TX_GAS })

    expect((await rewards.cycle(1)).openFrom).to.equal(from)
    expect(await balances(system, [fundOf(0)])).to.deep.equal([100n])
  })

  it('R-34 anyone extracts from cut + grace on, not a second earlier', async () => {
    const system = await loadFixture(five)
    await pushCycle(system, 1, allUp(5))
    const { rewards } = system
    const stranger = rewards.connect(system.stranger)
    const from = cutOf(system, 1) + DAY

    await nextAt(from - 1)
    await expect(stranger.extract(1))
      .to.be.revertedWithCustomError(rewards, 'NotKeeper')
      .withArgs(system.stranger, from)
    await nextAt(from)
    await stranger.extract(1)
  })

  it('R-34 an empty batch of the keeper every few hours does not move the clock of the others', async () => {
    const system = await settled(five)
    const from = (await extractedAt(system)) + DAY
    for (const hours of [6, 12, 18, 23]) {
      await toTime((await extractedAt(system)) + hours * HOUR)
      await transfer(system, 1, [])
    }

    await toTime(from)
    await transfer(system, 1, [0], system.stranger)

    expect(await balances(system, [fundOf(0)])).to.deep.equal([100n])
  })

  it('R-24 with a settle delay of 1 h the keeper’s transfers start after it', async () => {
    const system = await settled(delayed)
    const { rewards } = system
    const from = (await extractedAt(system)) + HOUR
    const keeper = rewards.connect(system.keeper)
    const [words, masks] = masksOf([0])

    await nextAt(from - 1)
    await expect(keeper.extractTransfer(1, words, masks))
      .to.be.revertedWithCustomError(rewards, 'TransferTooEarly')
      .withArgs(1, from)
    await nextAt(from)
    await keeper.extractTransfer(1, words, masks, { gasLimit: TX_GAS })
  })

  it('R-24 R-34 a stranger waits for the longer of grace and delay', async () => {
    const system = await settled(longDelay)
    const { transferFrom, openFrom, extractedAt: at } = await system.rewards.cycle(1)

    expect([transferFrom, openFrom]).to.deep.equal([at + BigInt(2 * DAY), at + BigInt(2 * DAY)])
    await toTime(Number(at) + 2 * DAY - 10)
    await expect(transfer(system, 1, [0], system.stranger)).to.be.revertedWithCustomError(
      system.rewards,
      'TransferTooEarly',
    )
  })
})

describe('voidCycle', () => {
  it('R-24 Z-30 within the delay the guardian voids a cycle: the money returns to the pool, nobody is paid', async () => {
    const system = await settled(delayed)
    const { rewards } = system

    await expect(rewards.connect(system.guardian).voidCycle(1))
      .to.emit(rewards, 'CycleVoided')
      .withArgs(1, 500)

    const { pool, unpaid } = await rewards.books()
    expect([pool, unpaid]).to.deep.equal([500n, 0n])
    expect((await rewards.cycle(1)).state).to.equal(4)
    expect(await rewards.rewardOf(1, 0)).to.equal(0)
    await expect(transfer(system, 1, [0]))
      .to.be.revertedWithCustomError(rewards, 'CycleNotSettled')
      .withArgs(1, 4)
    await settle(system, 2, allUp(5))
    expect((await rewards.cycle(2)).allocated).to.equal(500)
    await assertSolvent(system)
  })

  it('R-24 after the delay, without a delay, or by anyone else nothing is voided', async () => {
    const system = await settled(delayed)
    const { rewards } = system
    const until = (await extractedAt(system)) + HOUR
    const guardian = rewards.connect(system.guardian)

    await expect(rewards.connect(system.keeper).voidCycle(1)).to.be.revertedWithCustomError(
      rewards,
      'AccessControlUnauthorizedAccount',
    )
    await expect(guardian.voidCycle(2))
      .to.be.revertedWithCustomError(rewards, 'CycleNotSettled')
      .withArgs(2, 0)
    await nextAt(until)
    await expect(guardian.voidCycle(1))
      .to.be.revertedWithCustomError(rewards, 'VoidTooLate')
      .withArgs(1, until)

    const direct = await settled(five)
    await expect(direct.rewards.connect(direct.guardian).voidCycle(1))
      .to.be.revertedWithCustomError(direct.rewards, 'VoidTooLate')
      .withArgs(1, await extractedAt(direct))
  })

  it('R-24 a cycle is voided once', async () => {
    const system = await settled(delayed)
    const guardian = system.rewards.connect(system.guardian)
    await guardian.voidCycle(1)

    await expect(guardian.voidCycle(1))
      .to.be.revertedWithCustomError(system.rewards, 'CycleNotSettled')
      .withArgs(1, 4)
  })
})
