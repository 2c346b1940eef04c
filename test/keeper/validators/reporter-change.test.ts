import { expect } from 'chai'
import { Wallet } from 'ethers'
import type { Address } from '../../../keeper/base/schema.ts'
import { cutOf } from '../../../keeper/base/time.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { runDay } from '../../../keeper/validators/day.ts'
import { readReporters, reportersIn } from '../../../keeper/validators/reporters.ts'
import { KEYS } from '../../helpers/deploy.ts'
import { FIRST_CUT, createWorld, makeMembers, pushCycle } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

const SECOND = '0x00000000000000000000000000000000000000b2' as Address
const THIRD = '0x00000000000000000000000000000000000000C3' as Address

describe('a change of the reporters', function () {
  this.timeout(60_000)
  let world: World
  let keeper: Keeper

  before(async () => {
    world = await createWorld({ members: makeMembers(3) })
    keeper = await world.open()
  })
  after(async () => {
    await closeKeeper(keeper)
    await world.close()
  })

  async function asAdmin(data: string): Promise<void> {
    await world.muster.asAdmin(world.muster.deployment.registry, data)
  }

  it('does not touch the check of a cycle that another decided two changes ago (R-11, R-25)', async () => {
    await pushCycle(world, keeper, 1, [24, 24, 19])
    const other = new Wallet(KEYS.keeper, world.node.client.provider)
    await (await world.muster.rewards.connect(other).extract(1)).wait()
    await world.moveTo(cutOf(FIRST_CUT, 1) + 60)
    // In force from cycle 3 on, and from cycle 5 on: the contract keeps two sets.
    const face = world.muster.registry.interface
    await asAdmin(face.encodeFunctionData('addReporter', [SECOND]))
    await asAdmin(face.encodeFunctionData('addReporter', [THIRD]))
    await world.moveTo(cutOf(FIRST_CUT, 2) + 4 * 3_600)
    await runDay(keeper, { cycle: 2 })
    await world.moveTo(cutOf(FIRST_CUT, 3) + 60)
    await asAdmin(face.encodeFunctionData('removeReporter', [THIRD]))
    const terms = await readReporters(keeper)
    expect([1, 3, 5].map((cycle) => reportersIn(terms, cycle).length)).to.deep.equal([1, 3, 2])
    expect(await world.muster.registry.reportersOf(1)).to.have.length(3)

    const day = await runDay(keeper, { cycle: 1 })

    expect([day.eligible, day.snapshots, day.unpaid]).to.deep.equal([2, 24, 0])
  })
})
