import { expect } from 'chai'
import { Wallet } from 'ethers'
import type { Address, Hex } from '../../../keeper/base/schema.ts'
import { cutOf } from '../../../keeper/base/time.ts'
import { walletSigner } from '../../../keeper/chain/keys/signer.ts'
import { findSnapshot } from '../../../keeper/heartbeat/snapshot.ts'
import { JOBS } from '../../../keeper/jobs/jobs.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { runDay } from '../../../keeper/validators/day.ts'
import { readReporters, reportersIn } from '../../../keeper/validators/reporters.ts'
import { KEYS } from '../../helpers/deploy.ts'
import { rejectionOf } from '../../helpers/errors.ts'
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

  it('lets a monitor wait for its first cycle, and tells any other key why it may not push (R-11)', async () => {
    const evidence = { name: 'test', nodesIn: async () => [] as Address[] }
    const open = (key: Hex): Promise<Keeper> =>
      world.open({ signers: { reporter: walletSigner(key) }, roles: ['reporter'] }, world.home)
    await closeKeeper(keeper)
    const known = new Wallet(`0x${'b'.repeat(64)}`)
    const face = world.muster.registry.interface
    await asAdmin(face.encodeFunctionData('addReporter', [known.address]))
    const cycle = 4
    const slot = cutOf(FIRST_CUT, cycle - 1) + 3_600
    await world.moveTo(slot + 60)
    const job = JOBS.find(({ name }) => name === 'push-hours')
    const context = { trigger: 'manual', evidence } as const

    await withKeeperOf(open(known.privateKey as Hex), async (monitor) => {
      expect(await job?.run(monitor, slot, context)).to.deep.equal({
        skipped: 'it is a reporter from cycle 5 on',
      })
      expect(await findSnapshot(monitor.db, slot / 3_600 - 1)).to.equal(undefined)
    })
    await withKeeperOf(open(`0x${'c'.repeat(64)}`), async (stranger) => {
      const error = await rejectionOf(job?.run(stranger, slot, context) ?? Promise.resolve())
      expect(error.code).to.equal('NOT_REPORTER')
      expect(error.facts['reason']).to.equal('it has never been a reporter')
    })
    keeper = await world.open()
  })

  it('does not hold the settlement up: a keeper whose reporter was expelled goes on without it', async () => {
    const guardian = new Wallet(KEYS.guardian, world.node.client.provider)
    const { registry, deployment } = world.muster
    await (await registry.connect(guardian).expelReporter(deployment.reporter)).wait()
    const evidence = { name: 'test', nodesIn: async () => [] as Address[] }
    // Its last hours could still be pushed, by another.
    const waiting = await rejectionOf(runDay(keeper, { cycle: 3, evidence }))
    expect(waiting.code).to.equal('EVIDENCE_NOT_FINAL')
    await world.moveTo(cutOf(FIRST_CUT, 3) + deployment.pushWindow)
    const day = await runDay(keeper, { cycle: 3, evidence })
    expect([day.state, day.snapshots]).to.deep.equal(['rolled-over', 0])
  })
})

async function withKeeperOf(
  opening: Promise<Keeper>,
  use: (keeper: Keeper) => Promise<void>,
): Promise<void> {
  const opened = await opening
  try {
    await use(opened)
  } finally {
    await closeKeeper(opened)
  }
}
