import { expect } from 'chai'
import {
  ZERO,
  allUp,
  fund,
  loadFixture,
  nodeOf,
  range,
  settle,
  transfer,
} from '../helpers/contracts.ts'
import { credited, owned } from '../helpers/owned.ts'

describe('views', () => {
  it('R-35 Z-29 balanceOf sums what is unpaid to a node over a range of at most 400 cycles', async () => {
    const { system } = await loadFixture(owned)
    const { rewards, registry } = system
    await fund(system, 400n)
    await settle(system, 2, allUp(4))

    expect(await rewards.balanceOf(nodeOf(3), 1, 2)).to.equal(200)
    expect(await rewards.balanceOf(nodeOf(3), 2, 400)).to.equal(100)
    expect(await rewards.balanceOf(nodeOf(3), 2, 1)).to.equal(0)
    await expect(rewards.balanceOf(nodeOf(3), 1, 401))
      .to.be.revertedWithCustomError(rewards, 'RangeTooLong')
      .withArgs(401, 400)
    await expect(rewards.balanceOf(nodeOf(99), 1, 2)).to.be.revertedWithCustomError(
      registry,
      'UnknownNode',
    )
  })

  it('R-35 the cursor of the oldest unpaid cycle moves on as cycles are paid', async () => {
    const { system } = await loadFixture(owned)
    const { rewards } = system
    await fund(system, 400n)
    await settle(system, 2, allUp(4))

    expect(await rewards.oldestUnpaid(1, 2)).to.equal(1)
    await transfer(system, 1, range(4))
    expect(await rewards.oldestUnpaid(1, 2)).to.equal(2)
    await transfer(system, 2, range(4))
    expect(await rewards.oldestUnpaid(1, 2)).to.equal(0)
    await expect(rewards.oldestUnpaid(1, 401)).to.be.revertedWithCustomError(
      rewards,
      'RangeTooLong',
    )
  })

  it('Z-29 shows candidates, credits, parameters, books and the next cycle', async () => {
    const { system, wallet } = await loadFixture(credited)
    const { rewards } = system

    expect(await rewards.nextCycle()).to.equal(2)
    expect(await rewards.asset()).to.equal(ZERO)
    expect((await rewards.creditOf(wallet)).amount).to.equal(100)
    expect((await rewards.paramsAt(1)).rateBps).to.equal(8_000)
    const { funded, pool, unpaid, credits, balance } = await rewards.books()
    expect([funded, pool, unpaid, credits, balance]).to.deep.equal([400n, 0n, 100n, 300n, 400n])
  })
})
