import { expect } from 'chai'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Wallet } from 'ethers'
import type { Address, Hex } from '../keeper/base/schema.ts'
import { cutOf, hourOf, hoursOf, isoTime, startOfHour, systemClock } from '../keeper/base/time.ts'
import { walletSigner } from '../keeper/chain/keys/signer.ts'
import type { TxSigner } from '../keeper/chain/keys/signer.ts'
import { auditCommand } from '../keeper/commands/audit.ts'
import { closeKeeper } from '../keeper/keeper.ts'
import type { Keeper } from '../keeper/keeper.ts'
import { runDay } from '../keeper/validators/day.ts'
import { pushHours } from '../keeper/validators/push-hours.ts'
import { readReporterView } from '../keeper/validators/reporter-view.ts'
import type { ReporterRecord } from '../keeper/validators/reporter-view.ts'
import type { ChainRoom } from '../keeper/validators/room.ts'
import { readValidator } from '../keeper/validators/validator-view.ts'
import type { ValidatorCycle } from '../keeper/validators/validator-view.ts'
import { verify } from '../keeper/verify/verify.ts'
import { KEYS } from './helpers/deploy.ts'
import { rejectionOf } from './helpers/errors.ts'
import { testLog } from './helpers/logs.ts'
import { ETHER, FIRST_CUT, createWorld, makeMembers } from './helpers/muster.ts'
import type { World } from './helpers/muster.ts'

const COUNT = 6
const HALF_HOUR = 1_800

/** Who is really up in the h-th hour of a cycle: 0 to 3 always, 4 in 20 hours, 5 in 19. */
function isUp(index: number, h: number): boolean {
  if (index < 4) return true
  return h < (index === 4 ? 20 : 19)
}

/** Three keepers, each with its own key and home; only the first has the key that settles. */
describe('three monitors', function () {
  this.timeout(120_000)
  let world: World
  let homes: string[]
  let keepers: Keeper[]
  const members = makeMembers(COUNT)
  const keys = [KEYS.reporter, `0x${'b'.repeat(64)}`, `0x${'c'.repeat(64)}`]
  const address = (i: number): Address => new Wallet(keys[i] ?? '').address as Address

  before(async () => {
    world = await createWorld({ members, pool: 6n * ETHER, firstCut: FIRST_CUT })
    for (const i of [1, 2]) {
      await world.node.request('hardhat_setBalance', [address(i), '0x56bc75e2d63100000'])
      const { registry, deployment } = world.muster
      const data = registry.interface.encodeFunctionData('addReporter', [address(i)])
      await world.muster.asAdmin(deployment.registry, data)
    }
    homes = [world.home, await newHome(), await newHome()]
    keepers = []
    for (const [i, home] of homes.entries()) keepers.push(await openMonitor(i, home))
  })
  after(async () => {
    for (const keeper of keepers) await closeKeeper(keeper)
    await world.close()
    for (const home of homes) await rm(home, { recursive: true, force: true })
  })

  /** A copy of the first one before it was used: a new store takes seconds to make. */
  async function newHome(): Promise<string> {
    const home = await mkdtemp(join(tmpdir(), 'muster-monitor-'))
    await cp(world.home, home, { recursive: true })
    return home
  }

  function openMonitor(i: number, home: string): Promise<Keeper> {
    const signers: Partial<Record<'reporter' | 'keeper', TxSigner>> = {
      reporter: walletSigner(keys[i] as Hex),
      ...(i === 0 ? { keeper: walletSigner(KEYS.keeper) } : {}),
    }
    return world.open({ signers, roles: i === 0 ? ['reporter', 'keeper'] : ['reporter'] }, home)
  }

  /** Each pushes its own evidence of every closed hour of the cycle that it has not pushed. */
  async function push(i: number, cycle: number, says = isUp): Promise<void> {
    const keeper = keepers[i] as Keeper
    const first = hoursOf(hourOf(FIRST_CUT), cycle)[0] ?? 0
    const evidence = {
      name: `monitor-${i}`,
      nodesIn: async (hour: number) =>
        members.flatMap(({ node }, index) => (says(index, hour - first) ? [node as Address] : [])),
    }
    await pushHours(keeper, cycle, { job: 'push-hours', trigger: 'manual', evidence })
  }

  const room = (): ChainRoom => ({ client: world.node.client, contracts: world.muster })
  const keeperOf = (i: number): Keeper => keepers[i] as Keeper

  /** The rest of a cycle: in the middle of it and at its cut, so that no window closes before. */
  async function pushDay(cycle: number, says: (typeof isUp)[]): Promise<void> {
    const cut = cutOf(FIRST_CUT, cycle)
    for (let at = cut - 21 * 3_600; at <= cut; at += 3 * 3_600) {
      await moveTo(at)
      for (const [i, each] of says.entries()) await push(i, cycle, each)
    }
  }
  async function moveTo(time: number): Promise<void> {
    const head = await world.node.client.block('latest')
    if ((head?.timestamp ?? 0) < time) await world.moveTo(time)
  }
  const viewOf = async (index: number, cycle: number): Promise<ValidatorCycle> => {
    const view = await readValidator(room(), String(index), { decided: 7, cycle })
    const [record] = view.validators[0]?.cycles ?? []
    if (!record) throw new Error('no record')
    return record
  }
  const reporterView = async (i: number, cycle: number): Promise<ReporterRecord> => {
    const view = await readReporterView(room(), cycle)
    const found = view.cycles[0]?.reporters.find(({ reporter }) => reporter === address(i))
    if (!found) throw new Error('no reporter')
    return found
  }
  it('an hour counts with the second push, and a validator sees who saw it (R-11)', async () => {
    const [first = 0] = hoursOf(hourOf(FIRST_CUT), 1)
    await world.moveTo(startOfHour(first + 1) + 5)
    await push(0, 1)
    const before = await viewOf(0, 1)
    expect([before.hours[0]?.state, before.snapshots, before.majority]).to.deep.equal([
      'pending',
      0,
      2,
    ])
    await push(1, 1)
    const after = await viewOf(0, 1)
    expect([after.hours[0]?.state, after.appearances]).to.deep.equal(['online', 1])
    expect(after.hours[0]?.reports.map(({ reporter, online }) => [reporter, online])).to.deep.equal(
      [
        [address(0), true],
        [address(1), true],
      ],
    )
  })

  it('with one lying, the other two decide; the lie is visible, and nobody gains by it (R-11)', async () => {
    // 5 was up in 19 hours only: the liar lifts it, and denies 0.
    const lies = (index: number, h: number): boolean =>
      index === 5 || (index !== 0 && isUp(index, h))
    await pushDay(1, [isUp, isUp, lies])
    const lifted = await viewOf(5, 1)
    expect([lifted.appearances, lifted.snapshots, lifted.standing]).to.deep.equal([19, 24, 'out'])
    const liar = await reporterView(2, 1)
    expect(liar.differing.up).to.equal(5)
    expect(liar.about.map(({ index }) => index)).to.deep.equal([0, 5])
    expect((await reporterView(0, 1)).about).to.deep.equal([])
    const day = await runDay(keeperOf(0))
    expect([day.eligible, day.snapshots, day.state]).to.deep.equal([5, 24, 'settled'])
    expect((await viewOf(5, 1)).pay?.earned).to.equal(0n)
    expect((await viewOf(4, 1)).pay?.paid).to.equal((6n * ETHER) / 5n)
  })

  it('with one down, extract waits half an hour after the last hour and no longer (R-04)', async () => {
    await world.muster.fund(ETHER)
    await pushDay(2, [isUp, isUp])
    const error = await rejectionOf(runDay(keeperOf(0)))
    expect([error.code, error.facts['until']]).to.deep.equal([
      'EVIDENCE_NOT_FINAL',
      isoTime(cutOf(FIRST_CUT, 2) + HALF_HOUR),
    ])
    expect((await reporterView(2, 2)).missing).to.have.length(24)
    await world.moveTo(cutOf(FIRST_CUT, 2) + HALF_HOUR)
    const day = await runDay(keeperOf(0))
    expect([day.eligible, day.snapshots, day.state]).to.deep.equal([5, 24, 'settled'])
  })

  it('hours of one push alone are lost, and leave the denominator for everybody (R-05, R-11)', async () => {
    await world.muster.fund(ETHER)
    const only20 = (_index: number, h: number): boolean => h >= 4
    // For four hours the second monitor is down too, until their window is over.
    const [first = 0] = hoursOf(hourOf(FIRST_CUT), 3)
    await world.moveTo(startOfHour(first + 4) + 60)
    await push(0, 3, only20)
    expect((await viewOf(0, 3)).hours.slice(0, 5).map(({ state }) => state)).to.deep.equal([
      ...Array<string>(4).fill('pending'),
      'ahead',
    ])
    await world.moveTo(startOfHour(first + 8) + 60)
    const lost = await viewOf(0, 3)
    expect(lost.hours.slice(0, 4).map(({ state }) => state)).to.deep.equal(
      Array<string>(4).fill('lost'),
    )
    expect([lost.standing, lost.needed, lost.reachable]).to.deep.equal(['possible', 16, 20])
    await pushDay(3, [isUp, isUp])
    await world.moveTo(cutOf(FIRST_CUT, 3) + HALF_HOUR)
    const day = await runDay(keeperOf(0))
    // 4 was up in 16 of the 20 hours that count, 5 in 15.
    expect([day.eligible, day.snapshots]).to.deep.equal([5, 20])
    expect((await viewOf(5, 3)).appearances).to.equal(15)
  })

  it('an expelled monitor takes its pushes out of the open cycle with it (R-11)', async () => {
    const [first = 0] = hoursOf(hourOf(FIRST_CUT), 4)
    await world.moveTo(startOfHour(first + 1) + 60)
    await push(1, 4)
    await push(2, 4)
    expect((await viewOf(0, 4)).hours[0]?.state).to.equal('online')
    const guardian = new Wallet(KEYS.guardian, world.node.client.provider)
    await (await world.muster.registry.connect(guardian).expelReporter(address(2))).wait()
    const after = await viewOf(0, 4)
    expect([after.hours[0]?.state, after.hours[0]?.pushedBy]).to.deep.equal(['pending', 1])
    expect((await reporterView(2, 4)).expelled).to.equal(true)
    // Of the former cycles nothing changes.
    expect((await viewOf(5, 1)).appearances).to.equal(19)
    await push(0, 4)
    expect((await viewOf(0, 4)).hours[0]?.state).to.equal('online')
  })

  it('verify agrees, from the chain alone and with the store of each home', async () => {
    const { registry, rewards, asset } = world.muster.deployment
    const { client } = world.node
    const range = { from: 1, to: 2 ** 32 - 1, fromBlock: 0, onProgress: () => {} }
    const verdict = await verify({ client, registry, rewards, asset, ...range })
    expect(verdict.divergences).to.deep.equal([])
    expect(verdict.cycles.map(({ eligible }) => eligible)).to.deep.equal([5, 5, 5])
    for (const [i, home] of homes.entries()) {
      await closeKeeper(keeperOf(i))
      const config = { ...world.config, home }
      const run = { config, clock: systemClock, log: testLog, json: true } as never
      const { json, exitCode } = await auditCommand(run, {})
      expect((json as typeof verdict).divergences, `home ${i}`).to.deep.equal([])
      expect(exitCode).to.equal(0)
    }
    keepers = []
  })
})
