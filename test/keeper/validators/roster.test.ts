import { expect } from 'chai'
import { cutOf, hourOf } from '../../../keeper/base/time.ts'
import { FOREVER, activeIn, readRoster } from '../../../keeper/validators/roster.ts'
import { wordsOf } from '../../../keeper/validators/push-hours.ts'
import { readPages } from '../../../keeper/validators/pages.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { testLog } from '../../helpers/logs.ts'
import { FIRST_CUT, createWorld, makeMembers } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

describe('the roster, read from the chain', function () {
  this.timeout(60_000)
  let world: World

  before(async () => {
    world = await createWorld({ members: makeMembers(300, [7n, 8n]) })
  })
  after(() => world.close())

  const room = (): { client: World['node']['client']; contracts: World['muster'] } => ({
    client: world.node.client,
    contracts: world.muster,
  })
  const asAdmin = async (name: 'removeValidators' | 'setFunds' | 'setWeights', args: unknown[]) => {
    const data = world.muster.registry.interface.encodeFunctionData(name as never, args as never)
    await world.muster.asAdmin(world.muster.deployment.registry, data)
  }

  it('has every validator with fund, weight and the cycles in which it counts (Z-10, R-13)', async () => {
    const roster = await readRoster(room())
    expect(roster.entries).to.have.length(300)
    const [first] = makeMembers(1)
    expect(roster.entries[0]).to.deep.include({
      index: 0,
      weight: 7n,
      activeFrom: 1,
      activeTo: FOREVER,
    })
    expect(roster.byNode.get(first?.node as `0x${string}`)?.index).to.equal(0)
    const own = await world.muster.registry.validator(299)
    expect(roster.entries[299]).to.deep.include({ node: own.node, fund: own.fund, weight: 1n })
  })

  it('follows removals, new fund addresses and weights; a node that comes back has a new index (R-13)', async () => {
    const before = await world.node.client.blockNumber()
    await world.moveTo(cutOf(FIRST_CUT, 1))
    await asAdmin('removeValidators', [[5]])
    const fund = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
    await asAdmin('setFunds', [[6], [fund]])
    await asAdmin('setWeights', [[7], [9n]])
    const member = makeMembers(6)[5]
    if (member) await world.muster.addMembers([member])
    const { entries, byNode } = await readRoster(room())
    expect([entries[5]?.activeTo, entries[6]?.fund, entries[7]?.weight]).to.deep.equal([
      2,
      fund,
      9n,
    ])
    expect(byNode.get(member?.node as `0x${string}`)?.index).to.equal(300)
    expect(activeIn({ block: 0, entries, byNode }, 2)).to.have.length(300)
    expect((await readRoster(room(), before)).entries).to.have.length(300)
    // Until the cut the node beats for its old index, from then on for its new one.
    const nodes = [member?.node as `0x${string}`]
    const pushing = { ...room(), log: testLog }
    const [hour, roster] = [hourOf(cutOf(FIRST_CUT, 1)), { entries, byNode, block: 0 }]
    expect(await wordsOf(pushing, { hour, cycle: 2, nodes, roster })).to.deep.equal([32n, 0n])
    const after = { hour: hour + 24, cycle: 3, nodes, roster }
    expect(await wordsOf(pushing, after)).to.deep.equal([0n, 1n << 44n])
  })

  it('agrees with the pages that a cycle pins', async () => {
    const pages = await readPages(room(), 1, 2)
    expect([pages.weightOf(0), pages.weightOf(1), pages.weightOf(299)]).to.deep.equal([7n, 8n, 1n])
    expect(pages.fundOf(299)).to.equal(await world.muster.registry.fundOf(1, 299))
  })

  it('is refused when the node does not have all its events', async () => {
    const { deployment } = world.muster
    const deployBlock = (await world.node.client.blockNumber()) - 1
    const contracts = { ...world.muster, deployment: { ...deployment, deployBlock } }
    const error = await rejectionOf(readRoster({ client: world.node.client, contracts }))
    expect(error.code).to.equal('ROSTER_INCOMPLETE')
  })
})
