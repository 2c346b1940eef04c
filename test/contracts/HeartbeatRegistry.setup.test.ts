import { expect } from 'chai'
import type { System } from '../helpers/contracts.ts'
import { ZERO, deployRewards, deploySystem, ethers, loadFixture } from '../helpers/contracts.ts'

const three = (): Promise<System> => deploySystem({ validators: 3 })

describe('setRewards', () => {
  it('R-14 Z-30 the deployer names the rewards contract once, nobody else and never again', async () => {
    const system = await loadFixture(three)
    const { extraction, guardian, keeper, sponsor, admin, reporter, stranger } = system
    const registry = await ethers.deployContract('HeartbeatRegistry', [
      admin,
      guardian,
      reporter,
      3600 * 500_000,
      14_400,
    ])
    const parts = { registry, extraction, adminAt: admin, guardian, keeper, sponsor }
    const rewards = await deployRewards(parts)

    await expect(registry.connect(stranger).setRewards(rewards))
      .to.be.revertedWithCustomError(registry, 'NotDeployer')
      .withArgs(stranger)
    await expect(registry.setRewards(ZERO)).to.be.revertedWithCustomError(registry, 'ZeroAddress')
    await expect(registry.setRewards(rewards)).to.emit(registry, 'RewardsSet').withArgs(rewards)
    await expect(registry.setRewards(rewards))
      .to.be.revertedWithCustomError(registry, 'RewardsAlreadySet')
      .withArgs(rewards)
  })

  it('refuses a grid off the hour, without a start, and a window outside 1 h … 12 h', async () => {
    const [admin, guardian, reporter] = await ethers.getSigners()
    const factory = await ethers.getContractFactory('HeartbeatRegistry')
    const hour = 3600 * 500_000

    for (const [firstCut, pushWindow] of [
      [hour + 1, 14_400],
      [0, 14_400],
      [hour, 3_599],
      [hour, 43_201],
    ] as const) {
      await expect(factory.deploy(admin!, guardian!, reporter!, firstCut, pushWindow))
        .to.be.revertedWithCustomError(factory, 'BadGrid')
        .withArgs(firstCut, pushWindow)
    }
    for (const roles of [
      [ZERO, guardian!, reporter!],
      [admin!, ZERO, reporter!],
      [admin!, guardian!, ZERO],
    ] as const) {
      await expect(
        factory.deploy(roles[0], roles[1], roles[2], hour, 14_400),
      ).to.be.revertedWithCustomError(factory, 'ZeroAddress')
    }
  })
})
