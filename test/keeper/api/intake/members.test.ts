import { expect } from 'chai'
import { openMembers } from '../../../../keeper/api/intake/members.ts'
import type { RosterMembers } from '../../../../keeper/api/intake/members.ts'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { cutOf } from '../../../../keeper/base/time.ts'
import { readRoster, updateRoster } from '../../../../keeper/validators/roster.ts'
import { testClock } from '../../../helpers/clock.ts'
import type { TestClock } from '../../../helpers/clock.ts'
import { testLog } from '../../../helpers/logs.ts'
import { FIRST_CUT, createWorld, makeMembers } from '../../../helpers/muster.ts'
import type { World } from '../../../helpers/muster.ts'

const ALL = makeMembers(4)
const nodeOf = (index: number): Address => ALL[index]?.node as Address

describe('who may beat', function () {
  this.timeout(60_000)
  let world: World
  let clock: TestClock
  let members: RosterMembers

  beforeEach(async () => {
    world = await createWorld({ members: ALL.slice(0, 3), pool: 0n })
    await world.moveTo(FIRST_CUT + 60)
    clock = testClock(FIRST_CUT + 60)
    members = await openMembers({ room: roomOf(), clock, log: testLog })
  })
  afterEach(() => world.close())

  const roomOf = () => ({ client: world.node.client, contracts: world.muster })

  async function remove(index: number): Promise<void> {
    const { registry, deployment } = world.muster
    const data = registry.interface.encodeFunctionData('removeValidators', [[index]])
    await world.muster.asAdmin(deployment.registry, data)
  }

  /** The node is away: every question about logs fails. */
  function silence(): () => void {
    const client = world.node.client as { blockNumber: () => Promise<number> }
    const { blockNumber } = client
    client.blockNumber = async () => {
      throw new KeeperError('RPC_UNAVAILABLE', { url: 'x', method: 'y', reason: 'it is down' })
    }
    return () => {
      client.blockNumber = blockNumber
    }
  }

  it('is on the roster: active, or pending before its first cycle, or removed after its last', async () => {
    expect(await members.stateOf(nodeOf(0))).to.equal('active')
    await world.muster.addMembers([ALL[3] ?? { node: '', fund: '' }])
    await remove(1)
    await members.refresh()
    expect(await members.stateOf(nodeOf(3))).to.equal('pending')
    // It counts to the end of its cycle.
    expect(await members.stateOf(nodeOf(1))).to.equal('active')
    clock.set(cutOf(FIRST_CUT, 1))
    expect(await members.stateOf(nodeOf(3))).to.equal('active')
    expect(await members.stateOf(nodeOf(1))).to.equal('removed')
    // Its last hours are closed after the cut.
    expect(await members.validators()).to.have.members([0, 1, 2, 3].map(nodeOf))
    clock.set(cutOf(FIRST_CUT, 2))
    expect(await members.validators()).to.have.members([0, 2, 3].map(nodeOf))
  })

  it('who is unknown is looked up again, but a flood of strangers asks the chain only now and then', async () => {
    let asked = 0
    const client = world.node.client as { blockNumber: () => Promise<number> }
    const { blockNumber } = client
    client.blockNumber = async () => {
      asked += 1
      return blockNumber()
    }
    const strangers = Array.from({ length: 50 }, (_, i) => makeMembers(100 + i).at(-1)?.node)
    for (const stranger of strangers) {
      expect(await members.stateOf(stranger as Address)).to.equal('unknown')
    }
    expect(asked).to.equal(0)
  })

  it('while the chain is away the known ones stay known, and so do their hours', async () => {
    const restore = silence()
    await members.refresh()
    expect(await members.stateOf(nodeOf(2))).to.equal('active')
    expect(await members.validators()).to.have.length(3)
    restore()
  })

  it('a roster is read on from where it was, and again from the start when a reorg took something of it', async () => {
    const before = await readRoster(roomOf())
    expect(await updateRoster(roomOf(), before)).to.equal(before)
    await world.muster.addMembers([ALL[3] ?? { node: '', fund: '' }])
    await remove(0)
    const after = await updateRoster(roomOf(), before)
    expect(after).to.deep.equal(await readRoster(roomOf()))
    expect(before.entries).to.have.length(3)
    const made = { ...after, block: before.block, entries: [...after.entries] }
    const stranger = { ...after.entries[3], index: 4, node: `0x${'9'.repeat(40)}` as const }
    made.entries.push(stranger as (typeof after.entries)[0])
    expect(await updateRoster(roomOf(), made)).to.deep.equal(after)
  })
})
