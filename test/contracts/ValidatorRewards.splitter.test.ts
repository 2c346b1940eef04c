import { expect } from 'chai'
import type { VoterSplitter } from '../../types/ethers-contracts/index.js'
import type { Signer, System } from '../helpers/contracts.ts'
import {
  allUp,
  balances,
  deploySystem,
  ethers,
  fund,
  fundOf,
  loadFixture,
  range,
  settle,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent } from '../helpers/solvency.ts'

const VOTERS = [fundOf(801), fundOf(802), fundOf(803)] as const
const VOTES = [1, 2, 3]
const OWNER = fundOf(800)
/** Ratios of the splitters that validators 0 to 3 name as their fund address. */
const RATIOS = [0, 100, 30, 99]
const SHARE = 1_234n

interface Split {
  system: System
  splitters: VoterSplitter[]
  stranger: Signer
}

async function split(): Promise<Split> {
  const splitters: VoterSplitter[] = []
  for (const ratio of RATIOS) {
    splitters.push(await ethers.deployContract('VoterSplitter', [OWNER, ratio, [...VOTERS], VOTES]))
  }
  const system = await deploySystem({ validators: 4, funds: splitters })
  await fund(system, SHARE * 4n)
  await settle(system, 1, allUp(4))
  return { system, splitters, stranger: system.stranger }
}

describe('a voters’ share by a splitter as fund address', () => {
  it('Z-21 R-30 pull-type splitters are paid within the stipend of 30,000 gas', async () => {
    const { system, splitters } = await loadFixture(split)

    await expect(transfer(system, 1, range(4)))
      .to.emit(system.rewards, 'Paid')
      .withArgs(1, [[0, 0b1111]])

    expect(await balances(system, splitters)).to.deep.equal([SHARE, SHARE, SHARE, SHARE])
    await assertSolvent(system)
  })

  it('Z-21 ratio 0 leaves all to the owner, 100 all to the voters', async () => {
    const { system, splitters } = await loadFixture(split)
    await transfer(system, 1, range(4))
    const [none, all] = splitters

    expect(await none?.withdrawable(OWNER)).to.equal(SHARE)
    expect(await none?.withdrawable(VOTERS[2])).to.equal(0)
    expect(await all?.withdrawable(OWNER)).to.equal(0)
    // 1,234 by votes 1 : 2 : 3, floored.
    expect(await all?.withdrawable(VOTERS[0])).to.equal(205)
    expect(await all?.withdrawable(VOTERS[2])).to.equal(617)
  })

  it('Z-21 otherwise the voters get floor(amount / 100) x ratio and the owner the rest', async () => {
    const { system, splitters } = await loadFixture(split)
    await transfer(system, 1, range(4))
    const [, , thirty, most] = splitters

    // 12 x 30 = 360 and 12 x 99 = 1,188.
    expect(await thirty?.withdrawable(OWNER)).to.equal(SHARE - 360n)
    expect(await thirty?.withdrawable(VOTERS[1])).to.equal(120)
    expect(await most?.withdrawable(OWNER)).to.equal(SHARE - 1_188n)
    expect(await most?.withdrawable(VOTERS[2])).to.equal(594)
  })

  it('Z-21 everybody withdraws its own part, and later payments add up', async () => {
    const { system, splitters } = await loadFixture(split)
    await transfer(system, 1, range(4))
    const [, , thirty] = splitters
    await thirty?.withdraw(VOTERS[1])
    await thirty?.withdraw(OWNER)
    await expect(thirty?.withdraw(VOTERS[1])).to.be.revertedWithCustomError(
      thirty!,
      'NothingToWithdraw',
    )
    await fund(system, SHARE * 4n)
    await settle(system, 2, allUp(4))
    await transfer(system, 2, range(4))

    // 2,468 received: 24 x 30 = 720 for the voters, a third of it for this one.
    expect(await thirty?.withdrawable(VOTERS[1])).to.equal(240 - 120)
    expect(await balances(system, [VOTERS[1], OWNER])).to.deep.equal([120n, SHARE - 360n])
  })

  it('Z-28 Z-21 refuses a ratio above 100', async () => {
    const factory = await ethers.getContractFactory('VoterSplitter')

    await expect(factory.deploy(OWNER, 101, [...VOTERS], VOTES))
      .to.be.revertedWithCustomError(factory, 'RatioOutOfRange')
      .withArgs(101)
  })
})
