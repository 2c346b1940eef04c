import { expect } from 'chai'
import { Wallet } from 'ethers'
import { cutOf } from '../../../keeper/base/time.ts'
import { runDaySlot } from '../../../keeper/jobs/runner.ts'
import { listSlots } from '../../../keeper/jobs/slots.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { listActions } from '../../../keeper/validators/action-log.ts'
import { runDay } from '../../../keeper/validators/day.ts'
import { creditsOf, readStatus } from '../../../keeper/validators/status.ts'
import { KEYS } from '../../helpers/deploy.ts'
import type { Terms } from '../../helpers/deploy.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { ETHER, FIRST_CUT, createWorld, makeMembers, pushCycle } from '../../helpers/muster.ts'
import type { World, WorldOptions } from '../../helpers/muster.ts'

// PUSH0 PUSH0 REVERT: a payee that refuses coin.
const REFUSER = '0x5f5ffd'

describe("the validators' day", function () {
  this.timeout(60_000)
  let world: World
  let keeper: Keeper

  async function start(options: Partial<WorldOptions> & { terms?: Partial<Terms> } = {}) {
    world = await createWorld({ members: makeMembers(12), pool: ETHER + 7n, ...options })
    keeper = await world.open()
  }
  afterEach(async () => {
    await closeKeeper(keeper)
    await world.close()
  })

  it('pays who was up 20 of 24 hours, credits who refuses, carries the rest: pool = paid + credited + carried (Z-43, R-30, R-31)', async () => {
    await start()
    const [first] = makeMembers(12)
    await world.node.request('hardhat_setCode', [first?.fund, REFUSER])
    await pushCycle(world, keeper, 1, [24, 24, 20, 19, ...Array<number>(8).fill(24)])
    const day = await runDay(keeper)
    expect([day.eligible, day.snapshots, day.batches]).to.deep.equal([11, 24, 2])
    expect(day.pool).to.equal(ETHER + 7n)
    expect(day.pool).to.equal(day.paid + day.credited + day.carried)
    const share = (ETHER + 7n) / 11n
    expect([day.paid, day.credited]).to.deep.equal([share * 10n, share])
    expect(day.refused.map(({ index, credited }) => [index, credited])).to.deep.equal([[0, true]])
    const status = await readStatus(keeper)
    expect([status.isConserved, status.books.credits]).to.deep.equal([true, share])
    expect((await creditsOf(keeper)).map(({ amount }) => amount)).to.deep.equal([share])
  })

  it('splits by weight as the twin does (R-21)', async () => {
    const weights = Array.from({ length: 12 }, (_, i) => BigInt(i + 1))
    await start({ members: makeMembers(12, weights), terms: { weighted: true } })
    await pushCycle(world, keeper, 1, Array<number>(12).fill(24))
    const day = await runDay(keeper)
    expect(day.pool).to.equal(day.paid + day.credited + day.carried)
    const fund = makeMembers(12)[11]?.fund as `0x${string}`
    expect(await keeper.client.balanceOf(fund)).to.equal(((ETHER + 7n) * 12n) / 78n)
    expect((await readStatus(keeper)).isConserved).to.equal(true)
  })

  it('before the cut is refused, and says when (R-01)', async () => {
    await start()
    const error = await rejectionOf(runDay(keeper, { cycle: 1 }))
    expect([error.code, error.facts['cut']]).to.deep.equal(['CYCLE_OPEN', '2024-11-23T18:00:00Z'])
    expect((await rejectionOf(runDay(keeper))).code).to.equal('NO_CLOSED_CYCLE')
    await world.moveTo(cutOf(FIRST_CUT, 2))
    expect((await rejectionOf(runDay(keeper, { cycle: 2 }))).code).to.equal('CYCLE_NOT_NEXT')
  })

  it('with missing hours waits until they are lost; the slot is late with the reason, then the cycle rolls over (R-04, R-12)', async () => {
    await start()
    await world.moveTo(cutOf(FIRST_CUT, 1))
    const error = await rejectionOf(runDaySlot(keeper, { cycle: 1 }))
    expect([error.code, error.exitCode]).to.deep.equal(['EVIDENCE_NOT_FINAL', 75])
    const [late] = await listSlots(keeper.db)
    expect(late?.status).to.equal('available')
    expect(late?.lateReason).to.contain('not final')
    await world.moveTo(cutOf(FIRST_CUT, 1) + world.muster.deployment.pushWindow)
    const day = await runDaySlot(keeper, { cycle: 1 })
    expect([day.state, day.paid, day.missing.length]).to.deep.equal(['rolled-over', 0n, 24])
    const [slot] = await listSlots(keeper.db)
    expect([slot?.status, slot?.attempts]).to.deep.equal(['completed', 2])
    const failed = (await listActions(keeper.db)).filter(({ status }) => status === 'failed')
    expect(failed.map(({ action }) => action)).to.deep.equal(['extract'])
  })

  it('within the settle delay extracts and waits with the transfers (R-24, Z-44)', async () => {
    await start({ terms: { settleDelay: 3_600 } })
    await pushCycle(world, keeper, 1, Array<number>(12).fill(24))
    expect((await rejectionOf(runDay(keeper))).code).to.equal('TRANSFER_TOO_EARLY')
    await world.moveTo(cutOf(FIRST_CUT, 1) + 3_700)
    const day = await runDay(keeper)
    expect(day.txs.map(({ kind }) => kind)).to.deep.equal(['transfer', 'transfer'])
  })

  it('while the contract is paused waits, and goes on afterwards (R-51)', async () => {
    await start()
    await pushCycle(world, keeper, 1, Array<number>(12).fill(24))
    await world.node.request('hardhat_impersonateAccount', [world.muster.deployment.guardian])
    const data = world.muster.rewards.interface.encodeFunctionData('pauseFor', [600])
    const { guardian: from, rewards: to } = world.muster.deployment
    await world.node.request('eth_sendTransaction', [{ from, to, data }])
    expect((await rejectionOf(runDay(keeper))).code).to.equal('REWARDS_PAUSED')
    await world.moveTo(cutOf(FIRST_CUT, 1) + 700)
    expect((await runDay(keeper)).unpaid).to.equal(0)
  })

  it('with an empty pool settles with nothing to pay, all carried (R-21)', async () => {
    await start({ pool: 0n })
    await pushCycle(world, keeper, 1, Array<number>(12).fill(24))
    const day = await runDay(keeper)
    expect([day.state, day.eligible, day.paid, day.carried]).to.deep.equal(['settled', 12, 0n, 0n])
    expect(day.txs.map(({ kind }) => kind)).to.deep.equal(['extract'])
    const status = await readStatus(keeper)
    expect(status.alerts.some((alert) => alert.includes('pool is empty'))).to.equal(true)
  })

  it('writes every action with job, trigger, targets, hash and time (Z-54)', async () => {
    await start()
    await pushCycle(world, keeper, 1, Array<number>(12).fill(24))
    const { txs } = await runDay(keeper, { trigger: 'manual' })
    const actions = (await listActions(keeper.db)).toReversed()
    expect(actions.map(({ action }) => action)).to.deep.equal(['extract', 'transfer', 'transfer'])
    expect(actions.map(({ txHash }) => txHash)).to.deep.equal(txs.map(({ hash }) => hash))
    expect(actions[1]?.targets).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(
      actions.every(({ trigger, createdAt }) => trigger === 'manual' && createdAt > 0),
    ).to.equal(true)
  })

  it('goes on with a count that was left half done, page by page, and checks it (R-22, R-25)', async () => {
    const count = 4_200
    await start({ members: makeMembers(count), batchSize: 1_500 })
    await pushCycle(world, keeper, 1, Array<number>(count).fill(24))
    const { rewards } = world.muster
    const own = new Wallet(KEYS.keeper, world.node.client.provider)
    await (await rewards.connect(own).extractPage(1, 16)).wait()
    expect((await rewards.cycle(1)).state).to.equal(1n)
    const day = await runDay(keeper)
    expect(day.txs[0]?.key).to.equal('1/page-0')
    expect([day.state, day.eligible, day.unpaid]).to.deep.equal(['settled', count, 0])
    expect(day.pool).to.equal(day.paid + day.credited + day.carried)
    // The setting asks for more payees than 15 M gas hold: the batches are cut to what fits.
    expect(day.batchSize).to.be.lessThan(1_500)
    expect(day.batches).to.equal(Math.ceil(count / day.batchSize))
  })
})
