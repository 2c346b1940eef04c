import { expect } from 'chai'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Address } from '../../../../keeper/base/schema.ts'
import type { ClaimsHome, Leaf } from '../../../../keeper/payouts/claims/leaf.ts'
import { makeTree } from '../../../../keeper/payouts/claims/make-tree.ts'
import { fileOfTree } from '../../../../keeper/payouts/claims/tree-file.ts'
import { buildTree } from '../../../../keeper/payouts/claims/tree.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { payeeOf } from '../../../helpers/payouts.ts'

const HOME: ClaimsHome = { chainId: 31_337, contract: payeeOf(70_000) as Address, program: 1 }
const leavesOf = (count: number): Leaf[] =>
  Array.from({ length: count }, (_, i) => ({
    account: payeeOf(count - i) as Address,
    cumulative: 100n + BigInt(i),
  }))

describe('a tree that is made in a thread of its own', function () {
  this.timeout(60_000)

  it('is the tree that is made here: root, total, file, proofs and ranges', async () => {
    const leaves = leavesOf(300)
    const here = buildTree(HOME, leaves)

    const { tree, file } = await makeTree(HOME, leaves, 0)

    expect(tree.root).to.equal(here.root)
    expect(tree.total).to.equal(here.total)
    expect(file).to.deep.equal(fileOfTree(here))
    for (const { account } of leaves.slice(0, 9)) {
      expect(tree.proofOf(account)).to.deep.equal(here.proofOf(account))
    }
    expect(tree.range(256, 128)).to.deep.equal(here.range(256, 128))
  })

  it('leaves the loop free: 6,000 leaves hold it for less than a quarter of their time', async () => {
    const leaves = leavesOf(6_000)
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const begun = performance.now()
    await makeTree(HOME, leaves)
    const took = performance.now() - begun
    delay.disable()

    // What stays here is their order, and the copies there and back.
    expect(delay.max / 1e6).to.be.below(took / 4)
  })

  it('says what is wrong with the leaves as it would here', async () => {
    const [leaf] = leavesOf(1)
    const twice = leaf ? [leaf, leaf] : []

    const error = await rejectionOf(makeTree(HOME, twice, 0))

    expect(error.code).to.equal('CLAIMS_LEAVES_INVALID')
    expect(error.facts['faults']).to.deep.equal([`${leaf?.account}: twice`])
  })
})
