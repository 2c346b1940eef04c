import { expect } from 'chai'
import type { BaseContract } from 'ethers'
import type { System } from '../helpers/contracts.ts'
import {
  HOUR,
  ZERO,
  allUp,
  cutOf,
  deployRewards,
  deploySystem,
  ethers,
  fund,
  fundOf,
  hourOf,
  loadFixture,
  nodeOf,
  openOf,
  pushCycle,
  pushHour,
  range,
  settle,
  toTime,
  transfer,
} from '../helpers/contracts.ts'

const four = (): Promise<System> => deploySystem({ validators: 4 })
const none = (): Promise<System> => deploySystem()
const token = (): Promise<System> => deploySystem({ validators: 4, token: true })
const weighted = (): Promise<System> => deploySystem({ validators: 4, params: { weighted: true } })

type Where = 'registry' | 'rewards' | 'token'
interface Case {
  what: string
  error: string
  in: Where
  system?: () => Promise<System>
  act: (system: System) => Promise<unknown>
}

const admin = (s: System): System['registry'] => s.registry.connect(s.admin)
const reporter = (s: System): System['registry'] => s.registry.connect(s.reporter)
const keeper = (s: System): System['rewards'] => s.rewards.connect(s.keeper)
const entry = (node: string, payTo: string): { node: string; fund: string; weight: number } => ({
  node,
  fund: payTo,
  weight: 1,
})

/** Hour 0 of cycle 1 can be pushed now. */
async function firstHour(system: System): Promise<number> {
  await toTime(openOf(system, 1) + HOUR)
  return hourOf(system, 1, 0)
}

const CASES: readonly Case[] = [
  {
    what: 'an unknown validator to remove',
    error: 'UnknownValidator',
    in: 'registry',
    act: (s) => admin(s).removeValidators([4]),
  },
  {
    what: 'an unknown node to look up',
    error: 'UnknownNode',
    in: 'registry',
    act: (s) => s.registry.indexOf(nodeOf(77)),
  },
  {
    what: 'a duplicate node',
    error: 'DuplicateNode',
    in: 'registry',
    act: (s) => admin(s).addValidators([entry(nodeOf(0), fundOf(9))]),
  },
  {
    what: 'a zero node address',
    error: 'ZeroAddress',
    in: 'registry',
    act: (s) => admin(s).addValidators([entry(ZERO, fundOf(9))]),
  },
  {
    what: 'a zero fund address',
    error: 'ZeroAddress',
    in: 'registry',
    act: (s) => admin(s).setFunds([0], [ZERO]),
  },
  {
    what: 'a snapshot of an hour that is not over',
    error: 'HourNotOver',
    in: 'registry',
    act: async (s) => reporter(s).pushStatus([1], (await firstHour(s)) + 1),
  },
  {
    what: 'a snapshot with seconds, which are no hour (misaligned)',
    error: 'HourNotOver',
    in: 'registry',
    act: async (s) => reporter(s).pushStatus([1], (await firstHour(s)) * HOUR + 17),
  },
  {
    what: 'a snapshot of a cleared cycle',
    error: 'CycleSettled',
    in: 'registry',
    act: async (s) => {
      await settle(s, 1, allUp(4))
      return pushHour(s, 1, 23, [0])
    },
  },
  {
    what: 'a snapshot that is too old',
    error: 'HourTooOld',
    in: 'registry',
    act: async (s) => {
      const hour = await firstHour(s)
      await toTime((hour + 5) * HOUR)
      return reporter(s).pushStatus([1], hour)
    },
  },
  {
    what: 'a snapshot before the first cut',
    error: 'HourBeforeFirstCut',
    in: 'registry',
    act: async (s) => reporter(s).pushStatus([1], (await firstHour(s)) - 1),
  },
  {
    what: 'a bitmap of the wrong length',
    error: 'WrongWordCount',
    in: 'registry',
    act: async (s) => reporter(s).pushStatus([1, 1], await firstHour(s)),
  },
  {
    what: 'bits beyond the roster',
    error: 'BitsBeyondRoster',
    in: 'registry',
    act: async (s) => reporter(s).pushStatus([16], await firstHour(s)),
  },
  {
    what: 'an empty roster',
    error: 'EmptyRoster',
    in: 'registry',
    system: none,
    act: async (s) => reporter(s).pushStatus([], await firstHour(s)),
  },
  {
    what: 'an extract before the cut',
    error: 'CycleStillOpen',
    in: 'rewards',
    act: (s) => keeper(s).extract(1),
  },
  {
    what: 'too few snapshots while more may come',
    error: 'EvidenceNotFinal',
    in: 'rewards',
    act: async (s) => {
      await pushCycle(s, 1, allUp(4), 3)
      await toTime(cutOf(s, 1))
      return keeper(s).extract(1)
    },
  },
  {
    what: 'a cycle that does not exist to extract',
    error: 'CycleNotNext',
    in: 'rewards',
    act: (s) => keeper(s).extract(4_294_967_295),
  },
  {
    what: 'a cycle that does not exist to pay',
    error: 'CycleNotSettled',
    in: 'rewards',
    act: (s) => transfer(s, 99, [0]),
  },
  {
    what: 'a list of validators that is too long',
    error: 'ListTooLong',
    in: 'registry',
    act: (s) => admin(s).removeValidators(range(257)),
  },
  {
    what: 'a batch that is too long',
    error: 'ListTooLong',
    in: 'rewards',
    act: (s) =>
      keeper(s).extractTransfer(
        1,
        range(65),
        range(65).map(() => 1),
      ),
  },
  {
    what: 'a claim of a validator that nobody knows',
    error: 'UnknownValidator',
    in: 'registry',
    act: async (s) => {
      await settle(s, 1, allUp(4))
      return keeper(s).claim([1], 4_294_967_295)
    },
  },
  {
    what: 'funding with less coin than said',
    error: 'WrongValue',
    in: 'rewards',
    act: (s) => s.rewards.fund(2, { value: 1 }),
  },
  {
    what: 'funding with nothing',
    error: 'NothingReceived',
    in: 'rewards',
    act: (s) => s.rewards.fund(0),
  },
  {
    what: 'funding without the tokens',
    error: 'ERC20InsufficientAllowance',
    in: 'token',
    system: token,
    act: (s) => s.rewards.fund(1),
  },
  {
    what: 'funding with a token that returns false',
    error: 'SafeERC20FailedOperation',
    in: 'rewards',
    system: token,
    act: async (s) => {
      await s.token?.setQuirk(1)
      return fund(s, 1n)
    },
  },
  {
    what: 'a token without code',
    error: 'NotAToken',
    in: 'rewards',
    act: ({ registry, extraction, guardian, keeper: hand, sponsor, admin: adminAt }) =>
      deployRewards({
        registry,
        extraction,
        adminAt,
        guardian,
        keeper: hand,
        sponsor,
        token: fundOf(0),
      }),
  },
  {
    what: 'a withdrawal without a credit',
    error: 'NoCredit',
    in: 'rewards',
    act: (s) => s.rewards.withdraw(fundOf(0)),
  },
  {
    what: 'a rate above 100 %',
    error: 'RateOutOfRange',
    in: 'registry',
    act: (s) => s.registry['getNodeList(uint256)'](10_001),
  },
]

describe('bad input', () => {
  for (const { what, error, in: where, system: fixture = four, act } of CASES) {
    it(`${what} is refused with ${error}`, async () => {
      const system = await loadFixture(fixture)
      const contract = system[where] as BaseContract

      await expect(act(system)).to.be.revertedWithCustomError(contract, error)
    })
  }

  it('no funds: the cycle settles with nothing to pay and nothing fails', async () => {
    for (const fixture of [four, weighted]) {
      const system = await loadFixture(fixture)
      await settle(system, 1, allUp(4))

      await transfer(system, 1, range(4))

      const cycle = await system.rewards.cycle(1)
      expect([cycle.eligible, cycle.pool, cycle.allocated]).to.deep.equal([4n, 0n, 0n])
    }
  })

  it('more than the balance is never promised: fund, settle and pay leave balance = books', async () => {
    const system = await loadFixture(four)
    await fund(system, 3n)
    await settle(system, 1, allUp(4))

    await transfer(system, 1, range(4))

    const { balance, pool } = await system.rewards.books()
    expect([balance, pool]).to.deep.equal([3n, 3n])
    expect(await ethers.provider.getBalance(system.rewards)).to.equal(3)
  })
})
