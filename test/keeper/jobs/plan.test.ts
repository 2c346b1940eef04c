import { expect } from 'chai'
import { cutOf } from '../../../keeper/base/time.ts'
import { runDaySlot } from '../../../keeper/jobs/runner.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper, KeeperDeps } from '../../../keeper/keeper.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from '../../helpers/day-oracle.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { ETHER, FIRST_CUT, createWorld, makeMembers, pushCycle } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

const MEMBERS = 25
const SHARE = ETHER / BigInt(MEMBERS)
const STRANGE = '0x00000000000000000000000000000000000000AA'

describe('the settings changed in the middle of a run', function () {
  this.timeout(120_000)
  let world: World
  let keeper: Keeper

  // A run with batches of ten, cut short after the first of three.
  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS), batchSize: 10 })
    const stop = new Error('enough')
    const onStep: NonNullable<KeeperDeps['onStep']> = (step) => {
      if (step === 'batch-sent') throw stop
    }
    keeper = await world.open({ onStep })
    await pushCycle(world, keeper, 1, Array<number>(MEMBERS).fill(24))
    const ended = await runDaySlot(keeper, { cycle: 1 }).catch((error: unknown) => error)
    expect(ended).to.equal(stop)
    await closeKeeper(keeper)
    keeper = await world.open()
  })
  afterEach(async () => {
    await closeKeeper(keeper)
    await world.close()
  })

  it('S-45 a started slot keeps its batch size, the next one has the new size', async () => {
    const changed = { ...keeper, batchSize: 3 }
    const rest = await runDaySlot(changed, { cycle: 1 })
    expect([rest.batchSize, rest.txs.length]).to.deep.equal([10, 2])
    await expectPaidOnce(world, { members: MEMBERS, share: SHARE, cycles: 1 })
    const rows = await expectJournalComplete(world, keeper.db)
    expect(rows.map(({ kind }) => kind)).to.deep.equal([
      'extract',
      ...Array<string>(3).fill('transfer'),
    ])

    await world.moveTo(cutOf(FIRST_CUT, 1) + 60)
    await world.muster.fund(ETHER)
    await pushCycle(world, keeper, 2, Array<number>(MEMBERS).fill(24))
    const next = await runDaySlot(changed, { cycle: 2 })
    expect([next.batchSize, next.batches]).to.deep.equal([3, 9])
    const plans = (await daySlots(keeper.db)).map(({ plan }) => plan?.batchSize)
    expect(plans).to.deep.equal([10, 3])
    await expectPaidOnce(world, { members: MEMBERS, share: 2n * SHARE, cycles: 2 })
  })

  it('S-45 recipients changed in the middle of a run are paid there from the next cycle on', async () => {
    const { muster } = world
    const data = muster.registry.interface.encodeFunctionData('setFunds', [[24], [STRANGE]])
    await muster.asAdmin(muster.deployment.registry, data)
    await runDaySlot(keeper, { cycle: 1 })
    await expectPaidOnce(world, { members: MEMBERS, share: SHARE, cycles: 1 })
    expect(await world.node.client.balanceOf(STRANGE)).to.equal(0n)
  })

  it('S-45 on another deployment or chain a started slot is refused, and nothing is sent or marked', async () => {
    const { deployment } = keeper.contracts
    const before = await daySlots(keeper.db)
    const others: [string, Keeper][] = [
      ['rewards', withDeployment({ rewards: STRANGE })],
      ['registry', withDeployment({ registry: STRANGE })],
      ['chainId', { ...keeper, client: { ...keeper.client, chainId: 1 } }],
    ]
    for (const [field, other] of others) {
      const error = await rejectionOf(runDaySlot(other, { cycle: 1 }))
      expect([error.code, error.exitCode, error.facts['field']]).to.deep.equal([
        'PLAN_CHANGED',
        78,
        field,
      ])
    }
    expect(await daySlots(keeper.db)).to.deep.equal(before)
    expect(before[0]?.plan).to.deep.equal({
      chainId: keeper.client.chainId,
      registry: deployment.registry,
      rewards: deployment.rewards,
      cycle: 1,
      batchSize: 10,
    })
    await runDaySlot(keeper, { cycle: 1 })
    await expectPaidOnce(world, { members: MEMBERS, share: SHARE, cycles: 1 })
  })

  function withDeployment(changes: Partial<Keeper['contracts']['deployment']>): Keeper {
    const { contracts } = keeper
    return {
      ...keeper,
      contracts: { ...contracts, deployment: { ...contracts.deployment, ...changes } },
    }
  }
})
