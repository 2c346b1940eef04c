import { expect } from 'chai'
import { AbiCoder, Wallet, keccak256 } from 'ethers'
import { KeeperError } from '../../../keeper/base/errors.ts'
import type { Address, Hex } from '../../../keeper/base/schema.ts'
import type { ChainClient } from '../../../keeper/chain/rpc/client.ts'
import { runDaySlot } from '../../../keeper/jobs/runner.ts'
import { extractCycle } from '../../../keeper/validators/extract.ts'
import { auditChain } from '../../../keeper/verify/audit-chain.ts'
import type { ChainAudit } from '../../../keeper/verify/audit-chain.ts'
import { readEvents } from '../../../keeper/verify/read-events.ts'
import { KEYS } from '../../helpers/deploy.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { ETHER, createWorld, makeMembers, pushCycle, withKeeper } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'
import { sentencesOf } from '../../helpers/verifying.ts'

// A share of an ether leaves something over: the contract owes it.
const MEMBERS = 24
const UP = Array.from({ length: MEMBERS }, () => 24)
const LAST = 2 ** 32 - 1

describe('verify at the edges of what a node tells', function () {
  this.timeout(120_000)
  let world: World

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS) })
  })
  afterEach(() => world.close())

  function audit(client: ChainClient = world.node.client, fromBlock = 0): Promise<ChainAudit> {
    const { registry, rewards, asset } = world.muster.deployment
    const range = { from: 1, to: LAST, fromBlock, onProgress: () => {} }
    return auditChain({ client, registry, rewards, asset, ...range })
  }

  /** The node, but some requests are refused. */
  function refusing(
    isRefused: (method: string, params: readonly unknown[]) => boolean,
  ): ChainClient {
    const { client } = world.node
    const request = async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
      if (!isRefused(method, params)) return client.request<T>(method, params)
      throw new KeeperError('RPC_REFUSED', { method, fault: 'other', message: 'too much' })
    }
    return { ...client, request, provider: client.provider }
  }

  it('reads page by page when the node refuses long ranges', async () => {
    const whole = await audit()
    const sizes: number[] = []
    const client = refusing((method, [filter]) => {
      if (method !== 'eth_getLogs') return false
      const { fromBlock, toBlock } = filter as { fromBlock: Hex; toBlock: Hex }
      const size = Number(toBlock) - Number(fromBlock) + 1
      sizes.push(size)
      return size > 3
    })
    const paged = await audit(client)
    expect(paged.events).to.deep.equal(whole.events)
    expect(sizes.filter((size) => size <= 3).length).to.be.above(whole.head / 3 - 1)
  })

  it('says which block has no logs when the node gives not even one', async () => {
    const client = refusing((method) => method === 'eth_getLogs')
    expect((await rejectionOf(audit(client))).code).to.equal('LOGS_UNAVAILABLE')
  })

  it('refuses to begin behind the deployment, because then parameters are missing', async () => {
    const head = await world.node.client.blockNumber()
    await withKeeper(world, async (keeper) => {
      await pushCycle(world, keeper, 1, UP)
      await runDaySlot(keeper)
      expect((await rejectionOf(audit(world.node.client, head + 1))).code).to.equal(
        'VERIFY_INCOMPLETE',
      )
    })
  })

  it('reads only the events of our contracts, in the order of the chain', async () => {
    const { registry, rewards, asset } = world.muster.deployment
    const to = await world.node.client.blockNumber()
    const sources = { registry, rewards, asset }
    const events = await readEvents(world.node.client, sources, { from: 0, to }, () => {})
    const names = events.map(({ name }) => name)
    expect(names.filter((name) => name === 'ValidatorAdded')).to.have.length(MEMBERS)
    expect(names).to.include.members(['ParamsSet', 'RoleGranted', 'ReporterAdded', 'Funded'])
    const places = events.map(({ at }) => at.block * 10_000 + at.logIndex)
    expect(places).to.deep.equal(places.toSorted((a, b) => a - b))
    expect(events.every(({ at }) => at.time > 0)).to.equal(true)
  })

  it('says so when the node keeps no old balances, and compares the last one', async () => {
    await withKeeper(world, async (keeper) => {
      await pushCycle(world, keeper, 1, UP)
      await runDaySlot(keeper)
      const head = await keeper.client.blockNumber()
      const client = refusing(
        (method, [, block]) => method === 'eth_getBalance' && Number(block) < head,
      )
      const { hasOldBalances, findings } = await audit(client)
      expect([hasOldBalances, findings.total]).to.deep.equal([false, 0])
    })
  })

  it('coin that was forced in beside a batch is no divergence; coin that is missing is', async () => {
    await withKeeper(world, async (keeper) => {
      await pushCycle(world, keeper, 1, UP)
      await extractCycle(keeper, 1)
      const { rewards } = world.muster.deployment
      await setBalance(rewards, ETHER + 7n)
      await runDaySlot(keeper)
      expect(sentencesOf(await audit())).to.deep.equal([])
      await setBalance(rewards, 0n)
      const [first] = (await audit()).findings.list
      expect(first?.kind).to.equal('balance')
    })
  })

  it('a batch that paid less than its events say is named by the payee that lacks it', async () => {
    await withKeeper(world, async (keeper) => {
      await pushCycle(world, keeper, 1, UP)
      await extractCycle(keeper, 1)
      await forgeShare(world.muster.deployment.rewards, 1n, -1n)
      // The keeper itself refuses to pay on such a decision.
      expect((await rejectionOf(runDaySlot(keeper))).code).to.equal('EXTRACT_DIFFERS')
      const wallet = new Wallet(KEYS.keeper, world.node.client.provider)
      const all = (1n << BigInt(MEMBERS)) - 1n
      const { rewards } = world.muster
      const gasLimit = 2n ** 23n
      await (await rewards.connect(wallet).extractTransfer(1, [0], [all], { gasLimit })).wait()
      const { findings } = await audit()
      const [first] = findings.list
      expect(first?.kind).to.equal('underpaid')
      const share = ETHER / BigInt(MEMBERS)
      expect(first).to.include({ expected: String(share), found: String(share - 1n) })
    })
  })

  const setBalance = (at: Address, amount: bigint): Promise<unknown> =>
    world.node.request('hardhat_setBalance', [at, `0x${amount.toString(16)}`])

  // Layout of a CycleRecord: the equal share is in its first slot, from bit 152 on.
  async function forgeShare(at: Address, cycle: bigint, change: bigint): Promise<void> {
    const types = ['uint256', 'uint256']
    const slot = keccak256(AbiCoder.defaultAbiCoder().encode(types, [cycle, CYCLES_MAPPING]))
    const before = await world.node.request<Hex>('eth_getStorageAt', [at, slot, 'latest'])
    const after = BigInt(before) + (change << SHARE_SHIFT)
    const value = `0x${after.toString(16).padStart(64, '0')}`
    await world.node.request('hardhat_setStorageAt', [at, slot, value])
  }
})

const CYCLES_MAPPING = 29n
const SHARE_SHIFT = 152n
