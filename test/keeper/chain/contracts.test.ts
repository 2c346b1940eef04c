import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { openContracts, readDeployment, writeDeployment } from '../../../keeper/chain/contracts.ts'
import type { Deployment } from '../../../keeper/chain/contracts.ts'
import { readLogs } from '../../../keeper/chain/rpc/logs.ts'
import type { ChainClient } from '../../../keeper/chain/rpc/client.ts'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { startNode } from '../../helpers/chain.ts'
import type { TestNode } from '../../helpers/chain.ts'
import { deployMuster } from '../../helpers/deploy.ts'
import { rejectionOf } from '../../helpers/errors.ts'

const FIRST_CUT = 4_102_509_600

describe('a deployment', function () {
  this.timeout(30_000)
  let node: TestNode
  let deployment: Deployment
  let dir: string

  before(async () => {
    node = await startNode()
    deployment = (await deployMuster(node.client, { firstCut: FIRST_CUT })).deployment
    dir = await mkdtemp(join(tmpdir(), 'muster-deployments-'))
  })
  after(async () => {
    await node.close()
    await rm(dir, { recursive: true, force: true })
  })

  it('is read as it was written, and its contracts answer', async () => {
    await writeDeployment(dir, deployment)
    expect(await readDeployment(dir, deployment.chainId)).to.deep.equal(deployment)
    const { registry, rewards, timelock } = await openContracts(node.client, deployment)
    expect(Number(await registry.FIRST_CUT())).to.equal(FIRST_CUT)
    expect(await rewards.nextCycle()).to.equal(1n)
    expect(await timelock.getMinDelay()).to.equal(0n)
  })

  it('that is missing, broken or of another chain is refused with its faults', async () => {
    expect((await rejectionOf(readDeployment(dir, 1))).code).to.equal('DEPLOYMENT_MISSING')
    await writeFile(join(dir, '2.json'), '{')
    expect((await rejectionOf(readDeployment(dir, 2))).code).to.equal('DEPLOYMENT_INVALID')
    await writeFile(join(dir, '3.json'), JSON.stringify(deployment))
    expect((await rejectionOf(readDeployment(dir, 3))).code).to.equal('DEPLOYMENT_INVALID')
    await writeFile(join(dir, '4.json'), JSON.stringify({ ...deployment, registry: '0x1' }))
    const error = await rejectionOf(readDeployment(dir, 4))
    expect(String(error.facts['faults'])).to.contain('registry')
  })

  it('without code at an address, or whose contracts do not belong together, is refused (S-26)', async () => {
    const { sponsor, timelock } = deployment
    const nowhere = {
      ...deployment,
      rewards: '0x0000000000000000000000000000000000001234',
    } as const
    const missing = await rejectionOf(openContracts(node.client, nowhere))
    expect([missing.code, missing.exitCode]).to.deep.equal(['NO_CODE', 78])
    const mixed = await rejectionOf(
      openContracts(node.client, { ...deployment, rewards: timelock }),
    )
    expect(mixed.code).to.equal('DEPLOYMENT_INVALID')
    const asset = await rejectionOf(openContracts(node.client, { ...deployment, asset: sponsor }))
    expect(String(asset.facts['faults'])).to.contain('asset')
  })
})

describe('logs', () => {
  const query = { address: '0x0000000000000000000000000000000000001234', topics: [] } as const

  function clientWith(getLogs: (from: number, to: number) => unknown[]): ChainClient {
    const provider = {
      getLogs: async ({ fromBlock, toBlock }: { fromBlock: number; toBlock: number }) =>
        getLogs(fromBlock, toBlock),
    }
    return { provider } as unknown as ChainClient
  }

  it('are read in ranges of at most 10,000 blocks', async () => {
    const ranges: number[][] = []
    const client = clientWith((from, to) => {
      ranges.push([from, to])
      return [from]
    })
    const logs = await readLogs(client, { ...query, topics: [], fromBlock: 5, toBlock: 25_000 })
    expect(logs).to.have.length(3)
    expect(ranges).to.deep.equal([
      [5, 10_004],
      [10_005, 20_004],
      [20_005, 25_000],
    ])
  })

  it('of a node that finds the range too large are read in halves, and its last refusal is told', async () => {
    const refusal = new KeeperError('RPC_REFUSED', { method: 'eth_getLogs', fault: 'other' })
    const picky = clientWith((from, to) => {
      if (to - from >= 1_000) throw refusal
      return [from]
    })
    const logs = await readLogs(picky, { ...query, topics: [], fromBlock: 0, toBlock: 9_999 })
    expect(logs).to.have.length(16)
    const broken = clientWith(() => {
      throw refusal
    })
    const error = await rejectionOf(
      readLogs(broken, { ...query, topics: [], fromBlock: 0, toBlock: 10 }),
    )
    expect(error.code).to.equal('RPC_REFUSED')
  })
})
