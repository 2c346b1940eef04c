import { expect } from 'chai'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import type { ChainClient } from '../../../../keeper/chain/rpc/client.ts'
import type { TxIntent } from '../../../../keeper/chain/journal/journal.ts'
import {
  openClaims,
  readClaimed,
  readClaims,
} from '../../../../keeper/payouts/claims/claims-contract.ts'
import type { ClaimsContract } from '../../../../keeper/payouts/claims/claims-contract.ts'
import {
  planAccept,
  planRanges,
  planSubmit,
} from '../../../../keeper/payouts/claims/plan-claims.ts'
import type { Leaf } from '../../../../keeper/payouts/claims/leaf.ts'
import { fileOfTree } from '../../../../keeper/payouts/claims/tree-file.ts'
import { buildTree } from '../../../../keeper/payouts/claims/tree.ts'
import type { ClaimsTree } from '../../../../keeper/payouts/claims/tree.ts'
import { DELAY, deployDesk, treeOf } from '../../../helpers/claims.ts'
import type { Desk } from '../../../helpers/claims.ts'
import { HOUR, ethers, loadFixture, time } from '../../../helpers/contracts.ts'
import type { Signer } from '../../../helpers/contracts.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import {
  A,
  STIPEND,
  TOKEN_STIPEND,
  assertCovered,
  held,
  payeeOf,
} from '../../../helpers/payouts.ts'

/** RefusingReceiver.Mode */
const BURNS_GAS = 2

/** Just what the claims ask of a chain, on the network in this process. */
async function clientHere(): Promise<ChainClient> {
  const { provider } = ethers
  const { chainId } = await provider.getNetwork()
  const codeAt = async ([address]: readonly unknown[]): Promise<string> =>
    provider.getCode(address as string)
  return {
    chainId: Number(chainId),
    provider,
    blockNumber: async () => provider.getBlockNumber(),
    each: async (_method: string, params: readonly unknown[]) => [
      { url: 'here', answer: await codeAt(params) },
    ],
  } as unknown as ChainClient
}

interface Scene extends Desk {
  contract: ClaimsContract
}

async function sceneOf(token: boolean): Promise<Scene> {
  const desk = await deployDesk(token ? { token: 'ERC20Mock' } : {})
  const contract = await openClaims(await clientHere(), {
    contract: (await desk.claims.getAddress()) as Address,
    program: A,
    payouts: (await desk.hand.payouts.getAddress()) as Address,
    deployBlock: 0,
  })
  return { ...desk, contract }
}

const native = async (): Promise<Scene> => sceneOf(false)
const token = async (): Promise<Scene> => sceneOf(true)

const leavesOf = (count: number, each = 100n): Leaf[] =>
  Array.from({ length: count }, (_, index) => ({
    account: payeeOf(index) as Address,
    cumulative: each + BigInt(index),
  }))

const treeIn = ({ contract }: Scene, leaves: readonly Leaf[]): ClaimsTree =>
  buildTree(contract.home, leaves)

async function carryOut(by: Signer, { to, data, value, gasLimit }: TxIntent): Promise<bigint> {
  const receipt = await (await by.sendTransaction({ to, data, value, gasLimit })).wait()
  return receipt?.gasUsed ?? 0n
}

/** Submits, waits and accepts, by the plans alone. */
async function publish(scene: Scene, tree: ClaimsTree, accepted?: ClaimsTree): Promise<void> {
  const { contract, hand } = scene
  await carryOut(hand.payer, await planSubmit(contract, { tree, accepted }))
  await time.increase(DELAY)
  const accept = await planAccept(contract, tree.root, await time.latest())
  if (accept) await carryOut(hand.stranger, accept)
}

async function payRanges(scene: Scene, tree: ClaimsTree, size: number): Promise<TxIntent[]> {
  const stipend = scene.hand.token ? TOKEN_STIPEND : STIPEND
  const plans = await planRanges(scene.contract, tree, { stipend, size })
  for (const plan of plans) await carryOut(scene.hand.stranger, plan)
  return plans
}

describe('the claims of a program, planned by the keeper', () => {
  it('its leaves and root are the contract’s own, for 1 to 20 leaves (R-63)', async () => {
    const scene = await loadFixture(native)
    const { claims } = scene
    for (const count of [1, 2, 3, 5, 8, 20]) {
      const tree = treeIn(scene, leavesOf(count))

      const twin = await treeOf(
        claims,
        tree.leaves.map(({ account, cumulative }) => [account, cumulative] as const),
      )

      expect(tree.root).to.equal(twin.root)
      expect(tree.total).to.equal(twin.total)
      const { account = '', cumulative = 0n } = tree.leaves[0] ?? {}
      if (count === 1) expect(tree.root).to.equal(await claims.leafOf(account, cumulative))
    }
  })

  it('a root is proposed with the SHA-256 of its file, and accepted after its delay', async () => {
    const scene = await loadFixture(native)
    const { contract, claims, hand } = scene
    const tree = treeIn(scene, leavesOf(5))

    const submit = await planSubmit(contract, { tree, accepted: undefined })
    expect(submit).to.include({ kind: 'root', key: tree.root, value: 0n })
    await carryOut(hand.payer, submit)

    const [event] = await claims.queryFilter(claims.filters.RootSubmitted())
    expect(event?.args.fileHash).to.equal(fileOfTree(tree).fileHash)
    expect(await planAccept(contract, tree.root, await time.latest())).to.equal(undefined)
    await time.increase(DELAY)
    const accept = await planAccept(contract, tree.root, await time.latest())
    expect(accept).to.include({ kind: 'accept', key: tree.root })
    if (accept) await carryOut(hand.stranger, accept)
    expect(await claims.root()).to.equal(tree.root)
    expect(await planAccept(contract, tree.root, await time.latest())).to.equal(undefined)
    await assertCovered(hand)
  })

  for (const [name, fixture] of [
    ['coin', native],
    ['a token', token],
  ] as const) {
    it(`every account claims by its proof, then by ranges what it earned since, in ${name}`, async () => {
      const scene = await loadFixture(fixture)
      const { hand, claims } = scene
      const first = treeIn(scene, leavesOf(11))
      await publish(scene, first)
      for (const { account } of first.leaves) {
        const { cumulative = 0n, proof = [] } = first.proofOf(account) ?? {}
        await claims.connect(hand.stranger).claimFor(account, cumulative, proof)
      }
      const second = treeIn(scene, leavesOf(13, 500n))
      await publish(scene, second, first)

      const plans = await payRanges(scene, second, 4)

      expect(plans.map(({ key }) => key.slice(66))).to.deep.equal(['/0+4', '/4+4', '/8+4', '/12+4'])
      const accounts = second.leaves.map(({ account }) => account)
      expect(await held(hand, accounts)).to.deep.equal(
        second.leaves.map(({ cumulative }) => cumulative),
      )
      expect(await held(hand, [claims])).to.deep.equal([0n])
      await assertCovered(hand)
    })

    it(`a range of 128 new payees fits the gas that is planned for it, in ${name}`, async () => {
      const scene = await loadFixture(fixture)
      const tree = treeIn(scene, leavesOf(128))
      await publish(scene, tree)
      const stipend = scene.hand.token ? TOKEN_STIPEND : STIPEND

      const [plan, ...others] = await planRanges(scene.contract, tree, { stipend })
      const used = plan ? await carryOut(scene.hand.stranger, plan) : 0n

      expect(others).to.deep.equal([])
      expect(Number(used)).to.be.within(1, Number(plan?.gasLimit))
      expect((await held(scene.hand, [payeeOf(127)]))[0]).to.equal(227n)
    })
  }

  it('sixteen payees that burn their stipend do not keep the others of a range from being paid', async () => {
    const scene = await loadFixture(native)
    const { hand, claims } = scene
    const good = leavesOf(112)
    const bad: Leaf[] = []
    for (let i = 0; i < 16; i += 1) {
      const refuser = await ethers.deployContract('RefusingReceiver', [BURNS_GAS])
      bad.push({ account: (await refuser.getAddress()) as Address, cumulative: 7n })
    }
    const tree = treeIn(scene, [...good, ...bad])
    await publish(scene, tree)

    await payRanges(scene, tree, 128)

    const accounts = good.map(({ account }) => account)
    expect(await held(hand, accounts)).to.deep.equal(good.map(({ cumulative }) => cumulative))
    expect(await held(hand, [claims])).to.deep.equal([16n * 7n])
  })

  it('leaves that are claimed are in no plan, and another try has a key of its own', async () => {
    const scene = await loadFixture(native)
    const tree = treeIn(scene, leavesOf(8))
    await publish(scene, tree)
    const open = new Set([payeeOf(6)])

    const [plan, ...others] = await planRanges(scene.contract, tree, {
      stipend: STIPEND,
      size: 2,
      claimed: (account) => (open.has(account) ? 0n : 1_000n),
      attempt: 2,
    })

    expect(others).to.deep.equal([])
    expect(plan?.key).to.match(/^0x[0-9a-f]{64}\/6\+2#2$/)
  })

  it('what the contract says is claimed is paid in no range', async () => {
    const scene = await loadFixture(native)
    const { contract, claims, hand } = scene
    const tree = treeIn(scene, leavesOf(25))
    await publish(scene, tree)
    const accounts = tree.leaves.map(({ account }) => account)
    for (const account of accounts.slice(0, 24)) {
      const { cumulative = 0n, proof = [] } = tree.proofOf(account) ?? {}
      await claims.connect(hand.stranger).claimFor(account, cumulative, proof)
    }

    const claimed = await readClaimed(contract, accounts)
    const plans = await planRanges(contract, tree, { stipend: STIPEND, size: 8, claimed })

    expect(plans.map(({ key }) => key.slice(66))).to.deep.equal(['/24+8'])
  })

  it('a tree that takes from somebody is refused before anything is sent (R-62)', async () => {
    const scene = await loadFixture(native)
    const accepted = treeIn(scene, leavesOf(4))
    await publish(scene, accepted)
    const [, ...rest] = leavesOf(4, 200n)

    const refusal = await rejectionOf(
      planSubmit(scene.contract, { tree: treeIn(scene, rest), accepted }),
    )

    expect(refusal.code).to.equal('CLAIMS_LEAF_SHRINKS')
    expect(refusal.facts['faults']).to.deep.equal([`${payeeOf(0)}: 100 is gone`])
  })

  it('a tree is compared with the one that the contract has, and with no other', async () => {
    const scene = await loadFixture(native)
    const accepted = treeIn(scene, leavesOf(4))
    await publish(scene, accepted)
    const tree = treeIn(scene, leavesOf(4, 300n))

    for (const base of [undefined, treeIn(scene, leavesOf(3))]) {
      const refusal = await rejectionOf(planSubmit(scene.contract, { tree, accepted: base }))
      expect(refusal.code).to.equal('CLAIMS_BASE_WRONG')
    }
    const ranges = planRanges(scene.contract, tree, { stipend: STIPEND })
    expect((await rejectionOf(ranges)).code).to.equal('CLAIMS_BASE_WRONG')
  })

  it('nothing is proposed while a root is pending, and a vetoed one is not accepted', async () => {
    const scene = await loadFixture(native)
    const { contract, claims, hand } = scene
    const tree = treeIn(scene, leavesOf(4))
    const next = { tree, accepted: undefined }
    await carryOut(hand.payer, await planSubmit(contract, next))
    expect((await rejectionOf(planSubmit(contract, next))).code).to.equal('CLAIMS_ROOT_PENDING')

    await claims.connect(hand.guardian).veto()

    const now = await time.latest()
    expect((await rejectionOf(planAccept(contract, tree.root, now))).code).to.equal(
      'CLAIMS_ROOT_GONE',
    )
  })

  it('a root that is set aside is still the one that the next tree is compared with', async () => {
    const scene = await loadFixture(native)
    const { contract, claims, hand } = scene
    const accepted = treeIn(scene, leavesOf(4))
    await publish(scene, accepted)
    await claims.connect(hand.guardian).setAside(HOUR)

    expect((await readClaims(contract)).root).to.equal(accepted.root)
    const tree = treeIn(scene, leavesOf(4, 300n))
    expect((await planSubmit(contract, { tree, accepted })).key).to.equal(tree.root)
    const ranges = planRanges(contract, accepted, { stipend: STIPEND })
    expect((await rejectionOf(ranges)).code).to.equal('CLAIMS_BASE_WRONG')
  })

  it('a contract of another program or of another ProgramPayouts is refused', async () => {
    const { contract, hand } = await loadFixture(native)
    const payouts = (await hand.payouts.getAddress()) as Address
    const here = { contract: contract.home.contract, program: A, payouts, deployBlock: 0 }
    const client = await clientHere()
    for (const wrong of [{ program: 2 }, { payouts: payeeOf(1) as Hex }]) {
      const refusal = await rejectionOf(openClaims(client, { ...here, ...wrong }))
      expect(refusal.code).to.equal('DEPLOYMENT_INVALID')
    }
    const nothing = openClaims(client, { ...here, contract: payeeOf(1) as Hex })
    expect((await rejectionOf(nothing)).code).to.equal('NO_CODE')
  })
})
