import { expect } from 'chai'
import type { ContractTransactionReceipt } from 'ethers'
import type { RefusingReceiver } from '../../types/ethers-contracts/index.js'
import type { Options, System } from '../helpers/contracts.ts'
import {
  DAY,
  TX_GAS,
  ZERO,
  allUp,
  balances,
  deploySystem,
  ethers,
  fund,
  fundOf,
  loadFixture,
  masksOf,
  networkHelpers,
  range,
  settle,
  time,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent } from '../helpers/solvency.ts'

const [ACCEPT, REVERT, BURN, BOMB] = [0, 1, 2, 3]
const MODES = [
  ['reverts', REVERT],
  ['burns all its gas', BURN],
  ['answers with 1 MB', BOMB],
] as const

interface Payees {
  system: System
  receivers: RefusingReceiver[]
}

/** A settled cycle 1 of `total` validators, 100 units each; the first are contracts of these modes. */
async function payees(modes: number[], total: number, options: Options = {}): Promise<Payees> {
  const receivers: RefusingReceiver[] = []
  for (const mode of modes) receivers.push(await ethers.deployContract('RefusingReceiver', [mode]))
  const system = await deploySystem({ validators: total, funds: receivers, ...options })
  await fund(system, 100n * BigInt(total))
  await settle(system, 1, allUp(total))
  return { system, receivers }
}

const threeBad = (): Promise<Payees> => payees([REVERT, BURN, BOMB], 6)
const manyBurners = (): Promise<Payees> =>
  payees(
    range(20).map(() => BURN),
    24,
  )
const oneAccepting = (): Promise<Payees> => payees([ACCEPT], 6, { params: { stipend: 500_000n } })
const hungry = (): Promise<Payees> =>
  payees([ACCEPT, ACCEPT, ACCEPT], 6, { params: { stipend: 100_000n } })

async function shared(): Promise<Payees> {
  const burner = await ethers.deployContract('RefusingReceiver', [BURN])
  const funds = [burner, burner, burner]
  const system = await deploySystem({ validators: 5, funds, params: { stipend: 500_000n } })
  await fund(system, 500n)
  await settle(system, 1, allUp(5))
  return { system, receivers: [burner] }
}

describe('isolation', () => {
  for (const [what, mode] of MODES) {
    it(`R-30 a payee that ${what} is credited by the keeper’s batch and the others are paid`, async () => {
      const { system, receivers } = await loadFixture(threeBad)
      const bad = mode - 1
      const { rewards } = system

      const batch = transfer(system, 1, [bad, 3, 4, 5])

      await expect(batch)
        .to.emit(rewards, 'PaymentRefused')
        .withArgs(1, bad, receivers[bad], 100, true)
      await expect(batch)
        .to.emit(rewards, 'Paid')
        .withArgs(1, [[0, 0b111000]])
      expect(await balances(system, [3, 4, 5].map(fundOf))).to.deep.equal([100n, 100n, 100n])
      expect((await rewards.creditOf(receivers[bad]!)).amount).to.equal(100)
      expect(await rewards.rewardOf(1, bad)).to.equal(0)
      const { credits, unpaid } = await rewards.books()
      expect([credits, unpaid]).to.deep.equal([100n, 200n])
      // No more than the capped gas of the payee and what a credit costs.
      expect((await (await batch).wait())?.gasUsed).to.be.lessThan(400_000n)
      await assertSolvent(system)
    })
  }

  it('R-30 three bad payees of 6: 3 are paid, 3 credited, and each withdraws once it accepts', async () => {
    const { system, receivers } = await loadFixture(threeBad)
    const { rewards } = system
    await transfer(system, 1, range(6))
    await expect(rewards.withdraw(receivers[0]!))
      .to.be.revertedWithCustomError(rewards, 'PaymentFailed')
      .withArgs(receivers[0], 100)

    for (const receiver of receivers) {
      await receiver.setMode(ACCEPT)
      await expect(rewards.connect(system.stranger).withdraw(receiver))
        .to.emit(rewards, 'Withdrawn')
        .withArgs(receiver, receiver, 100)
    }

    expect(await balances(system, receivers)).to.deep.equal([100n, 100n, 100n])
    expect((await rewards.books()).credits).to.equal(0)
    await assertSolvent(system)
  })

  it('R-31 in a stranger’s batch a refused payee stays unpaid and gets no credit', async () => {
    const { system, receivers } = await loadFixture(threeBad)
    const { rewards } = system
    await time.increase(DAY)

    const batch = transfer(system, 1, range(6), system.stranger)

    await expect(batch)
      .to.emit(rewards, 'Paid')
      .withArgs(1, [[0, 0b111000]])
    await expect(batch).to.emit(rewards, 'PaymentRefused').withArgs(1, 0, receivers[0], 100, false)
    expect(await rewards.unpaidMask(1, 0)).to.equal(0b111)
    expect((await rewards.books()).credits).to.equal(0)
    await receivers[0]!.setMode(ACCEPT)
    await transfer(system, 1, [0], system.stranger)
    expect(await balances(system, [receivers[0]!])).to.deep.equal([100n])
    await assertSolvent(system)
  })

  it('R-30 16 gas burners stop a batch cleanly, and the next batch goes on', async () => {
    const { system } = await loadFixture(manyBurners)
    const { rewards } = system

    const batch = transfer(system, 1, range(24))

    await expect(batch).not.to.emit(rewards, 'Paid')
    expect(await rewards.unpaidMask(1, 0)).to.equal(0xff0000)
    await expect(transfer(system, 1, range(24)))
      .to.emit(rewards, 'Paid')
      .withArgs(1, [[0, 0xf00000]])
    expect((await rewards.books()).credits).to.equal(2_000)
    await assertSolvent(system)
  })

  it('R-30 a batch that stopped leaves its later words untouched', async () => {
    const { system } = await loadFixture(manyBurners)
    const { rewards } = system
    const keeper = rewards.connect(system.keeper)

    const gasLimit = TX_GAS
    const batch = keeper.extractTransfer(1, [0, 0], [0xffff, 0xff0000], { gasLimit })

    await expect(batch).not.to.emit(rewards, 'Paid')
    expect((await (await batch).wait())?.logs).to.have.length(16)
    expect(await rewards.unpaidMask(1, 0)).to.equal(0xff0000)
  })

  it('R-30 an address refused once in a batch is credited for all its validators and called once', async () => {
    const { system, receivers } = await loadFixture(shared)
    const { rewards } = system

    const batch = await transfer(system, 1, range(5))

    expect((await rewards.creditOf(receivers[0]!)).amount).to.equal(300)
    await expect(batch)
      .to.emit(rewards, 'Paid')
      .withArgs(1, [[0, 0b11000]])
    // Its stipend of 500,000 gas is burned once, not three times.
    expect((await batch.wait())?.gasUsed).to.be.within(500_000n, 900_000n)
    await assertSolvent(system)
  })
})

describe('the gas of a batch', () => {
  it('R-30 too little gas for a payee’s stipend reverts with GasTooLow and pays nobody', async () => {
    const { system } = await loadFixture(oneAccepting)
    const [words, masks] = masksOf(range(6))
    const { rewards } = system

    await expect(
      rewards.connect(system.keeper).extractTransfer(1, words, masks, { gasLimit: 400_000 }),
    )
      .to.be.revertedWithCustomError(rewards, 'GasTooLow')
      .withArgs(0)
    expect(await rewards.unpaidMask(1, 0)).to.equal(0b111111)
  })

  it('R-30 sent with the answer of eth_estimateGas a batch pays everyone', async () => {
    const { system, receivers } = await loadFixture(hungry)
    await beHungry(receivers)
    const [words, masks] = masksOf(range(6))
    const batch = system.rewards.connect(system.keeper).extractTransfer
    const gasLimit = await batch.estimateGas(1, words, masks)

    const receipt = await (await batch(1, words, masks, { gasLimit })).wait()

    expect(refusalsIn(system, receipt)).to.equal(0)
    expect(await system.rewards.unpaidMask(1, 0)).to.equal(0)
    for (const receiver of receivers) expect(await receiver.received()).to.equal(1)
  })

  it('R-30 with any gas limit a batch pays everyone or nobody: no payee is refused for lack of gas', async () => {
    const { system, receivers } = await loadFixture(hungry)
    await beHungry(receivers)
    const { rewards } = system
    const [words, masks] = masksOf(range(6))
    const keeper = rewards.connect(system.keeper)
    const enough = await keeper.extractTransfer.estimateGas(1, words, masks)
    const snapshot = await networkHelpers.takeSnapshot()
    const outcomes = { reverted: 0, paid: 0 }

    for (let gasLimit = 60_000n; gasLimit < enough + 30_000n; gasLimit += 7_001n) {
      await snapshot.restore()
      try {
        const tx = await keeper.extractTransfer(1, words, masks, { gasLimit })
        expect(refusalsIn(system, await tx.wait()), `${gasLimit} gas`).to.equal(0)
        expect(await rewards.unpaidMask(1, 0)).to.equal(0)
        ++outcomes.paid
      } catch (error) {
        if (!String(error).match(/GasTooLow|ran out of gas|without a reason/)) throw error
        expect(await rewards.unpaidMask(1, 0)).to.equal(0b111111)
        ++outcomes.reverted
      }
    }
    expect(outcomes.reverted).to.be.greaterThan(20)
    expect(outcomes.paid).to.be.greaterThan(1)
  })

  it('R-30 the gas that a keeper computes for 24 payees and 16 refusals is enough', async () => {
    const { system } = await loadFixture(manyBurners)
    // fixed + n x payee + maxRefused x refusal, as the keeper counts it, on cold new accounts.
    const gasLimit = 150_000 + 24 * 36_000 + 16 * (30_000 + 30_000)
    const [words, masks] = masksOf(range(24))

    const keeper = system.rewards.connect(system.keeper)
    await keeper.extractTransfer(1, words, masks, { gasLimit })

    expect((await system.rewards.books()).credits).to.equal(1_600)
  })
})

describe('re-entrancy', () => {
  const CALLS: readonly [name: string, args: unknown[]][] = [
    ['fund', [0]],
    ['skim', []],
    ['extract', [2]],
    ['extractPage', [2, 16]],
    ['extractTransfer', [1, [0], [0b111111]]],
    ['withdraw', [ZERO]],
    ['withdrawTo', [fundOf(9)]],
    ['claim', [[1], 0]],
    ['sweep', [1, [0], [0b111111]]],
    ['returnToSponsor', []],
  ]
  for (const [name, args] of CALLS) {
    it(`R-40 a payee that calls ${name} in the middle of a batch gets nothing by it`, async () => {
      const { system, receivers } = await loadFixture(oneAccepting)
      const { rewards } = system
      const [receiver] = receivers
      const data = rewards.interface.encodeFunctionData(name as 'claim', args as never)
      await receiver!.reenter(rewards, data)
      const before = await rewards.books()

      await transfer(system, 1, range(6))

      expect(await receiver!.received()).to.equal(1)
      expect(await receiver!.reentered()).to.equal(false)
      const guard = rewards.interface.getError('ReentrancyGuardReentrantCall')
      expect(await receiver!.answer()).to.equal(guard?.selector)
      expect(await balances(system, [receiver!, fundOf(1)])).to.deep.equal([100n, 100n])
      const after = await rewards.books()
      expect([after.funded, after.unpaid, after.pool]).to.deep.equal([
        before.funded,
        0n,
        before.pool,
      ])
      await assertSolvent(system)
    })
  }

  it('R-40 a payee that withdraws again from within its withdrawal is paid once', async () => {
    const { system, receivers } = await loadFixture(threeBad)
    const { rewards } = system
    const [receiver] = receivers
    await transfer(system, 1, range(6))
    await receiver!.reenter(
      rewards,
      rewards.interface.encodeFunctionData('withdraw', [await receiver!.getAddress()]),
    )

    await rewards.withdraw(receiver!)

    expect(await receiver!.reentered()).to.equal(false)
    expect(await balances(system, [receiver!])).to.deep.equal([100n])
    await assertSolvent(system)
  })

  it('R-40 a payee that claims again from within its claim is paid once', async () => {
    const { system, receivers } = await loadFixture(oneAccepting)
    const { rewards } = system
    const [receiver] = receivers
    const claim = rewards.interface.encodeFunctionData('claim', [[1], 0])
    await receiver!.reenter(rewards, claim)

    await receiver!.execute(rewards, claim)

    expect(await receiver!.reentered()).to.equal(false)
    expect(await balances(system, [receiver!])).to.deep.equal([100n])
    await assertSolvent(system)
  })

  it('R-40 R-33 a payee that re-points its pay in the middle of a batch moves only its own', async () => {
    const { system, receivers } = await loadFixture(oneAccepting)
    const { registry } = system
    const [receiver] = receivers
    const data = registry.interface.encodeFunctionData('redirect', [
      await receiver!.getAddress(),
      1,
      [0],
      fundOf(9),
    ])
    await receiver!.reenter(registry, data)

    await transfer(system, 1, range(6))

    expect(await receiver!.reentered()).to.equal(true)
    const paid = await balances(system, [receiver!, fundOf(9), ...range(6).slice(1).map(fundOf)])
    expect(paid).to.deep.equal([100n, 0n, 100n, 100n, 100n, 100n, 100n])
    await assertSolvent(system)
  })
})

/** From now on accepting costs a payee about 70,000 gas. */
async function beHungry(receivers: RefusingReceiver[]): Promise<void> {
  for (const receiver of receivers) await receiver.reenter(fundOf(77), '0x')
}

function refusalsIn(system: System, receipt: ContractTransactionReceipt | null): number {
  const { topicHash } = system.rewards.interface.getEvent('PaymentRefused')
  return receipt?.logs.filter((log) => log.topics[0] === topicHash).length ?? -1
}
