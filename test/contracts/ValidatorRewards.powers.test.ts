import { expect } from 'chai'
import type { Signer, System } from '../helpers/contracts.ts'
import {
  DAY,
  DEFAULT_PARAMS,
  HOUR,
  allUp,
  balances,
  deployRewards,
  deploySystem,
  ethers,
  fund,
  fundOf,
  loadFixture,
  nextAt,
  nodeOf,
  pushCycle,
  pushHour,
  range,
  settle,
  throughTimelock,
  time,
  toCut,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent } from '../helpers/solvency.ts'

const MAX_PAUSE = 72 * HOUR
const BUDGET = 7 * DAY
const PERIOD = 30 * DAY

const four = (): Promise<System> => deploySystem({ validators: 4 })
const locked = (): Promise<System> => deploySystem({ validators: 4, timelockDelay: 48 * HOUR })

/** The last of the signers is the fund address of validator 0. */
const ownFund = async (): Promise<System> =>
  deploySystem({ validators: 4, funds: (await ethers.getSigners()).slice(-1) })

type Role = 'admin' | 'guardian' | 'keeper' | 'reporter' | 'stranger'
const ROLES: readonly Role[] = ['admin', 'guardian', 'keeper', 'reporter', 'stranger']

/** Calls of one role only; every other role is refused by AccessControl. */
const POWERS: readonly [
  contract: 'registry' | 'rewards',
  name: string,
  args: unknown[],
  by: Role,
][] = [
  ['registry', 'addValidators', [[{ node: nodeOf(9), fund: fundOf(9), weight: 1 }]], 'admin'],
  ['registry', 'removeValidators', [[0]], 'admin'],
  ['registry', 'setFunds', [[0], [fundOf(9)]], 'admin'],
  ['registry', 'setWeights', [[0], [1]], 'admin'],
  ['registry', 'addReporter', [fundOf(9)], 'admin'],
  ['registry', 'removeReporter', [fundOf(9)], 'admin'],
  ['registry', 'expelReporter', [fundOf(9)], 'guardian'],
  ['rewards', 'setParams', [DEFAULT_PARAMS], 'admin'],
  ['rewards', 'proposeCreditMove', [fundOf(8), fundOf(9)], 'admin'],
  ['rewards', 'lowerCap', [1], 'guardian'],
  ['rewards', 'pauseFor', [HOUR], 'guardian'],
  ['rewards', 'unpause', [], 'guardian'],
  ['rewards', 'voidCycle', [1], 'guardian'],
  ['rewards', 'revokeKeeper', [fundOf(9)], 'guardian'],
]

describe('who may do what', () => {
  for (const [contract, name, args, by] of POWERS) {
    it(`R-50 ${name} is for the ${by} only`, async () => {
      const system = await loadFixture(four)
      const target = system[contract]
      const data = target.interface.encodeFunctionData(name as never, args as never)

      for (const role of ROLES.filter((other) => other !== by)) {
        await expect(
          system[role].sendTransaction({ to: target, data }),
        ).to.be.revertedWithCustomError(target, 'AccessControlUnauthorizedAccount')
      }
    })
  }

  it('R-50 keeper and reporter are disjoint by code, in both directions', async () => {
    const system = await loadFixture(four)
    const { rewards, registry, reporter, keeper } = system
    const admin = rewards.connect(system.admin)

    await expect(admin.grantRole(await rewards.KEEPER_ROLE(), reporter))
      .to.be.revertedWithCustomError(rewards, 'KeeperIsReporter')
      .withArgs(reporter)
    await expect(registry.connect(system.admin).addReporter(keeper))
      .to.be.revertedWithCustomError(registry, 'ReporterIsKeeper')
      .withArgs(keeper)
    const { extraction, guardian, sponsor, admin: adminAt } = system
    const parts = { registry, extraction, adminAt, guardian, keeper: reporter, sponsor }
    await expect(deployRewards(parts))
      .to.be.revertedWithCustomError(rewards, 'KeeperIsReporter')
      .withArgs(reporter)
  })

  it('R-50 a reporter on notice or added for the next cycle is no keeper either', async () => {
    const system = await loadFixture(four)
    const { rewards, registry, others } = system
    const admin = registry.connect(system.admin)
    await pushHour(system, 1, 0, [0])
    await admin.addReporter(others[0]!)
    await admin.removeReporter(system.reporter)

    const role = await rewards.KEEPER_ROLE()
    for (const account of [others[0]!, system.reporter]) {
      await expect(
        rewards.connect(system.admin).grantRole(role, account),
      ).to.be.revertedWithCustomError(rewards, 'KeeperIsReporter')
    }
  })

  it('R-50 the guardian revokes a keeper at once; only the admin grants', async () => {
    const system = await loadFixture(four)
    const { rewards, guardian, keeper, stranger } = system
    await pushCycle(system, 1, allUp(4))
    const role = await rewards.KEEPER_ROLE()

    await rewards.connect(guardian).revokeKeeper(keeper)

    await expect(rewards.connect(keeper).extract(1)).to.be.revertedWithCustomError(
      rewards,
      'NotKeeper',
    )
    for (const account of [guardian, keeper, stranger]) {
      await expect(rewards.connect(account).grantRole(role, stranger))
        .to.be.revertedWithCustomError(rewards, 'AccessControlUnauthorizedAccount')
        .withArgs(account, ethers.ZeroHash)
    }
  })

  it('R-50 the admin is a timelock: nothing happens within 48 h, and a shorter delay is refused', async () => {
    const system = await loadFixture(locked)
    const { registry, timelock, admin } = system
    const data = registry.interface.encodeFunctionData('removeValidators', [[0]])
    const call = [await registry.getAddress(), 0, data, ethers.ZeroHash, ethers.ZeroHash] as const
    const lock = timelock!.connect(admin)

    await expect(lock.schedule(...call, 48 * HOUR - 1)).to.be.revertedWithCustomError(
      lock,
      'TimelockInsufficientDelay',
    )
    await lock.schedule(...call, 48 * HOUR)
    const ready = (await time.latest()) + 48 * HOUR
    await nextAt(ready - 1)
    await expect(lock.execute(...call)).to.be.revertedWithCustomError(
      lock,
      'TimelockUnexpectedOperationState',
    )
    await expect(registry.connect(admin).removeValidators([0])).to.be.revertedWithCustomError(
      registry,
      'AccessControlUnauthorizedAccount',
    )
    await nextAt(ready)
    await expect(lock.execute(...call)).to.emit(registry, 'ValidatorRemoved')
  })
})

describe('the pause', () => {
  it('R-51 Z-30 stops extract and batches, and expires by itself', async () => {
    const system = await loadFixture(four)
    const { rewards } = system
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await pushCycle(system, 2, allUp(4))
    await toCut(system, 2)
    const until = (await time.latest()) + 10 + MAX_PAUSE
    await nextAt(until - MAX_PAUSE)
    await expect(rewards.connect(system.guardian).pauseFor(MAX_PAUSE))
      .to.emit(rewards, 'PausedUntil')
      .withArgs(until)
    const keeper = rewards.connect(system.keeper)

    for (const call of [
      () => keeper.extract(2),
      () => keeper.extractPage(2, 16),
      () => keeper.extractTransfer(1, [0], [1]),
    ]) {
      await expect(call()).to.be.revertedWithCustomError(rewards, 'Paused').withArgs(until)
    }
    expect(await rewards.pausedUntil()).to.equal(until)
    await nextAt(until)
    await keeper.extract(2)
    await transfer(system, 1, range(4))
  })

  it('R-51 never stops pushes, a payee’s claim, withdrawals, sweeps and funding', async () => {
    const system = await loadFixture(ownFund)
    const { rewards } = system
    const payee = system.others.at(-1)
    await fund(system, 400n)
    await settle(system, 1, allUp(4))
    await time.increase(30 * DAY)
    await rewards.connect(system.guardian).pauseFor(MAX_PAUSE)

    await rewards.connect(payee).claim([1], 0)
    await rewards.sweep(1, [0], [0b1110])
    await rewards.withdraw(fundOf(1))
    await fund(system, 5n)
    const open = Number(await system.registry.cycleAt(await time.latest()))
    await pushHour(system, open, 23, [])

    expect(await balances(system, [fundOf(1)])).to.deep.equal([100n])
    await assertSolvent(system)
  })

  it('R-51 refuses 0 seconds and more than 72 h at a time', async () => {
    const system = await loadFixture(four)
    const guardian = system.rewards.connect(system.guardian)

    for (const duration of [0, MAX_PAUSE + 1]) {
      await expect(guardian.pauseFor(duration))
        .to.be.revertedWithCustomError(system.rewards, 'PauseTooLong')
        .withArgs(duration, MAX_PAUSE)
    }
  })

  it('R-51 7 days in 30 to the second: 72 + 72 + 24 h, then nothing until the first leaves the period', async () => {
    const system = await loadFixture(four)
    const { rewards } = system
    const guardian = rewards.connect(system.guardian)
    const start = (await time.latest()) + HOUR
    await nextAt(start)
    await guardian.pauseFor(MAX_PAUSE)
    await nextAt(start + MAX_PAUSE)
    await guardian.pauseFor(MAX_PAUSE)
    await nextAt(start + 2 * MAX_PAUSE)
    await guardian.pauseFor(DAY)

    await nextAt(start + BUDGET)
    await expect(guardian.pauseFor(1))
      .to.be.revertedWithCustomError(rewards, 'PauseBudgetSpent')
      .withArgs(BUDGET + 1, BUDGET)
    await nextAt(start + PERIOD - 1)
    await expect(guardian.pauseFor(MAX_PAUSE))
      .to.be.revertedWithCustomError(rewards, 'PauseBudgetSpent')
      .withArgs(BUDGET + 1, BUDGET)
    await nextAt(start + PERIOD)
    await guardian.pauseFor(MAX_PAUSE)
  })

  it('R-51 lifting a pause gives back what is left of it', async () => {
    const system = await loadFixture(four)
    const { rewards } = system
    const guardian = rewards.connect(system.guardian)
    await expect(guardian.unpause()).to.be.revertedWithCustomError(rewards, 'NotPaused')
    const start = (await time.latest()) + HOUR
    await nextAt(start)
    await guardian.pauseFor(MAX_PAUSE)
    await nextAt(start + HOUR)
    await expect(guardian.unpause())
      .to.emit(rewards, 'PausedUntil')
      .withArgs(start + HOUR)

    await guardian.pauseFor(MAX_PAUSE)
    await time.increase(MAX_PAUSE)
    await guardian.pauseFor(MAX_PAUSE)
    await time.increase(MAX_PAUSE)
    await guardian.pauseFor(BUDGET - 2 * MAX_PAUSE - HOUR)
    await time.increase(BUDGET)
    await expect(guardian.pauseFor(1)).to.be.revertedWithCustomError(rewards, 'PauseBudgetSpent')
  })

  it('R-51 a pause that replaces a running one counts the overlap once', async () => {
    const system = await loadFixture(four)
    const { rewards } = system
    const guardian = rewards.connect(system.guardian)
    const start = (await time.latest()) + HOUR
    // 15 pauses of 72 h an hour apart are 1,080 h counted twice over, and 86 h really.
    for (const h of range(15)) {
      await nextAt(start + h * HOUR)
      await guardian.pauseFor(MAX_PAUSE)
    }

    expect(await rewards.pausedUntil()).to.equal(start + 14 * HOUR + MAX_PAUSE)
  })

  it('R-51 the 17th pause in 30 days is refused: the memory of 16 is not forgotten', async () => {
    const system = await loadFixture(four)
    const { rewards } = system
    const guardian = rewards.connect(system.guardian)
    for (const _ of range(16)) await guardian.pauseFor(60)

    await expect(guardian.pauseFor(60))
      .to.be.revertedWithCustomError(rewards, 'PauseBudgetSpent')
      .withArgs(BUDGET + 60, BUDGET)
    await time.increase(PERIOD + DAY)
    await guardian.pauseFor(60)
  })

  it('R-51 300 random pauses and lifts never hold more than 7 days of any 30', async () => {
    const system = await loadFixture(four)
    const held = await pauseAtRandom(system.guardian, system, 300)

    expect(held.length).to.be.greaterThan(40)
    for (const [, end] of held) expect(heldIn(held, end - PERIOD, end)).to.be.at.most(BUDGET)
    // The budget is not only kept but can be used up.
    const most = Math.max(...held.map(([, end]) => heldIn(held, end - PERIOD, end)))
    expect(most).to.be.greaterThan(BUDGET - DAY)
  })
})

describe('a grant', () => {
  it('R-50 a keeper granted through the timelock works after 48 h', async () => {
    const system = await loadFixture(locked)
    const { rewards, others } = system
    const role = await rewards.KEEPER_ROLE()
    const data = rewards.interface.encodeFunctionData('grantRole', [role, others[0]!.address])

    await throughTimelock(system, await rewards.getAddress(), data)

    expect(await rewards.hasRole(role, others[0]!)).to.equal(true)
  })
})

type Span = [start: number, end: number]

function heldIn(spans: Span[], from: number, to: number): number {
  const overlap = ([start, end]: Span): number => Math.min(end, to) - Math.max(start, from)
  return spans.reduce((sum, span) => sum + Math.max(0, overlap(span)), 0)
}

/** Pauses and lifts at made-up times; the spans in which the contract was really paused. */
async function pauseAtRandom(
  guardian: Signer,
  { rewards }: System,
  steps: number,
): Promise<Span[]> {
  let seed = 12_345
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((seed / 2_147_483_648) * below)
  }
  const spans: Span[] = []
  let now = await time.latest()
  for (const _ of range(steps)) {
    now += 1 + random(2 * DAY)
    await nextAt(now)
    const last = spans.at(-1)
    const paused = last !== undefined && last[1] > now
    try {
      if (paused && random(4) === 0) {
        await rewards.connect(guardian).unpause()
        last[1] = now
      } else {
        const duration = 1 + random(MAX_PAUSE)
        await rewards.connect(guardian).pauseFor(duration)
        if (paused) last[1] = now
        spans.push([now, now + duration])
      }
    } catch (error) {
      if (!String(error).includes('PauseBudgetSpent')) throw error
    }
  }
  return spans
}
