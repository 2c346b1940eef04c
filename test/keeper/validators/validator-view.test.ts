import { expect } from 'chai'
import { Wallet } from 'ethers'
import type { Log } from 'ethers'
import { cutOf, hourOf, startOfHour } from '../../../keeper/base/time.ts'
import { openContractsAt } from '../../../keeper/chain/contracts.ts'
import type { ChainClient } from '../../../keeper/chain/rpc/client.ts'
import { pushHour } from '../../../keeper/heartbeat/snapshot.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { runDay } from '../../../keeper/validators/day.ts'
import { readReporterView } from '../../../keeper/validators/reporter-view.ts'
import type { ChainRoom } from '../../../keeper/validators/room.ts'
import { readValidator } from '../../../keeper/validators/validator-view.ts'
import type { ValidatorLine, ValidatorView } from '../../../keeper/validators/validator-view.ts'
import { KEYS } from '../../helpers/deploy.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { ETHER, FIRST_CUT, createWorld, makeMembers } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

// PUSH0 PUSH0 REVERT: a payee that refuses coin.
const REFUSER = '0x5f5ffd'

describe("a validator's own record", function () {
  this.timeout(60_000)
  let world: World
  let keeper: Keeper
  const members = makeMembers(4)
  const [refuser, paid, out, leaver] = members

  before(async () => {
    world = await createWorld({ members, pool: 4n * ETHER })
    keeper = await world.open()
  })
  after(async () => {
    await closeKeeper(keeper)
    await world.close()
  })

  const room = (): ChainRoom => ({ client: world.node.client, contracts: world.muster })
  const view = (name = '', cycle?: number): Promise<ValidatorView> =>
    readValidator(room(), name, { decided: 7, cycle })
  async function line(name = '', cycle?: number): Promise<ValidatorLine> {
    const [first] = (await view(name, cycle)).validators
    if (!first) throw new Error('no validator')
    return first
  }

  it('before the first cut there is nothing but the roster', async () => {
    const { openCycle, validators, payments } = await view(paid?.node)
    expect([openCycle, payments.length]).to.deep.equal([0, 0])
    expect(validators.map(({ index, state, cycles }) => [index, state, cycles])).to.deep.equal([
      [1, 'pending', []],
    ])
  })

  it('has each hour of the open cycle, and says how many more are needed (Z-05, Z-09)', async () => {
    for (const h of [0, 1, 3]) {
      const hour = hourOf(FIRST_CUT) + h
      await world.moveTo(startOfHour(hour + 1) + 5)
      await pushHour(keeper, { hour, words: [h === 1 ? 0b1101n : 0b1111n], source: 'test' })
    }
    const [open] = (await line(paid?.node)).cycles
    const shown = open?.hours.slice(0, 5).map(({ state }) => state)
    expect(shown).to.deep.equal(['online', 'offline', 'pending', 'online', 'ahead'])
    expect([open?.state, open?.appearances, open?.snapshots]).to.deep.equal(['open', 2, 3])
    expect([open?.standing, open?.needed, open?.spare]).to.deep.equal(['possible', 18, 3])
    expect(open?.hours[0]?.reports[0]?.hash).to.match(/^0x[0-9a-f]{64}$/)
    expect(open?.preview).to.deep.include({ pool: 4n * ETHER, active: 4, weighted: false })
  })

  it('after the decision has what was earned, with the transaction that paid it', async () => {
    await world.node.request('hardhat_setCode', [refuser?.fund, REFUSER])
    const { registry, deployment } = world.muster
    const remove = registry.interface.encodeFunctionData('removeValidators', [[3]])
    await world.muster.asAdmin(deployment.registry, remove)
    await pushCycleFrom(5)
    await runDay(keeper)
    const share = (4n * ETHER) / 3n
    const own = await view(paid?.node)
    expect(own.money).to.deep.equal({ earned: share, paid: share, unpaid: 0n, credited: 0n })
    expect(own.payments.map(({ kind, cycle, amount }) => [kind, cycle, amount])).to.deep.equal([
      ['paid', 1, share],
    ])
    expect(own.payments[0]?.at).to.be.greaterThan(cutOf(FIRST_CUT, 1) - 1)
    expect((await line(out?.node, 1)).cycles[0]).to.include({ standing: 'out', appearances: 3 })
    expect((await line(leaver?.node)).state).to.equal('removed')
    expect((await line(leaver?.node)).money.paid).to.equal(share)
  })

  it('shows a refused share as a credit, and its withdrawal', async () => {
    const share = (4n * ETHER) / 3n
    const own = await view(refuser?.fund)
    expect(own.money).to.include({ paid: 0n, credited: share })
    expect(own.credits).to.deep.include({
      account: refuser?.fund,
      amount: share,
      since: own.credits[0]?.since,
    })
    await world.node.request('hardhat_setCode', [refuser?.fund, '0x'])
    const stranger = new Wallet(KEYS.stranger, world.node.client.provider)
    await (await world.muster.rewards.connect(stranger).withdraw(refuser?.fund ?? '')).wait()
    const after = await view(refuser?.node)
    expect(after.credits).to.deep.equal([])
    expect(after.payments.map(({ kind }) => kind)).to.deep.equal(['withdrawn', 'refused'])
  })

  it('of a node that came back has both its indices', async () => {
    await world.muster.addMembers([{ node: leaver?.node ?? '', fund: leaver?.fund ?? '' }])
    const { validators } = await view(leaver?.node)
    expect(validators.map(({ index, state }) => [index, state])).to.deep.equal([
      [3, 'removed'],
      [4, 'pending'],
    ])
  })

  it('needs no file of ours: the rewards contract leads to everything else', async () => {
    const { rewards } = world.muster.deployment
    const contracts = await openContractsAt(world.node.client, { rewards, fromBlock: 0 })
    const options = { decided: 7 }
    const own = await readValidator({ client: world.node.client, contracts }, '1', options)
    expect(own).to.deep.equal(await view('1'))
  })

  it('refuses logs that do not fit what the contract counts', async () => {
    const topic = world.muster.registry.interface.getEvent('SnapshotPushed').topicHash
    let left = 1
    const forgets = {
      getLogs: async (query: object): Promise<Log[]> => {
        const logs = await world.node.client.provider.getLogs(query)
        return logs.filter(({ topics }) => topics[0] !== topic || (left -= 1) < 0)
      },
    }
    const client = { ...world.node.client, provider: forgets } as unknown as ChainClient
    const lossy = { client, contracts: world.muster }
    const error = await rejectionOf(readValidator(lossy, '1', { decided: 7, cycle: 1 }))
    expect([error.code, error.facts['cycle']]).to.deep.equal(['RECORD_DIFFERS', 1])
  })

  it('refuses a node that keeps no logs of the beginning', async () => {
    const { rewards } = world.muster.deployment
    const fromBlock = await world.node.client.blockNumber()
    const contracts = await openContractsAt(world.node.client, { rewards, fromBlock })
    const late = { client: world.node.client, contracts }
    const roster = await rejectionOf(readValidator(late, '1', { decided: 7 }))
    expect([roster.code, roster.facts['expected']]).to.deep.equal(['ROSTER_INCOMPLETE', 5])
    const reporters = await rejectionOf(readReporterView(late))
    expect([reporters.code, reporters.facts['fromBlock']]).to.deep.equal([
      'REPORTERS_UNKNOWN',
      fromBlock,
    ])
  })

  it('refuses who is neither a node nor a fund address', async () => {
    for (const name of ['0x00000000000000000000000000000000000000aa', '17', 'nobody', '']) {
      expect((await rejectionOf(view(name))).code).to.equal('VALIDATOR_UNKNOWN')
    }
  })

  /** The hours of cycle 1 from that one on: everybody up but validator 2. */
  async function pushCycleFrom(first: number): Promise<void> {
    for (let h = first; h < 24; h += 1) {
      const hour = hourOf(FIRST_CUT) + h
      await world.moveTo(startOfHour(hour + 1) + 5)
      await pushHour(keeper, { hour, words: [0b1011n], source: 'test' })
    }
  }
})
