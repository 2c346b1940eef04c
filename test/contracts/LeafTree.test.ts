import { SimpleMerkleTree } from '@openzeppelin/merkle-tree'
import { expect } from 'chai'
import fc from 'fast-check'
import type { LeafTreeMock } from '../../types/ethers-contracts/index.js'
import { PADDING, leafHash, packLeaf } from '../helpers/claims.ts'
import type { Leaf } from '../helpers/claims.ts'
import { ethers, loadFixture, range } from '../helpers/contracts.ts'
import { hashOf } from '../helpers/payouts.ts'

const PROGRAM = 7
const RUNS = 40
const MAX_DEPTH = 6

const fixture = async (): Promise<LeafTreeMock> => ethers.deployContract('LeafTreeMock')

const account = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => ethers.getAddress(ethers.hexlify(bytes)))
const leaf: fc.Arbitrary<Leaf> = fc.tuple(account, fc.bigInt(1n, 2n ** 96n - 1n))
/** 2^k leaves, the last ones padding, and an aligned range of 2^j of them. */
const scenario = fc.integer({ min: 0, max: MAX_DEPTH }).chain((depth) =>
  fc.record({
    leaves: fc.array(leaf, { minLength: 1, maxLength: 2 ** depth }),
    width: fc.constant(2 ** depth),
    size: fc.integer({ min: 0, max: depth }).map((j) => 2 ** j),
    at: fc.nat(),
  }),
)

describe('LeafTree', () => {
  it('R-63 leaves, ranges and paths agree with @openzeppelin/merkle-tree over random trees', async () => {
    const mock = await loadFixture(fixture)
    const check = async (
      s: typeof scenario extends fc.Arbitrary<infer T> ? T : never,
    ): Promise<void> => {
      const hashes = await Promise.all(s.leaves.map((each) => leafHash(mock, PROGRAM, each)))
      while (hashes.length < s.width) hashes.push(PADDING)
      const tree = SimpleMerkleTree.of(hashes, { sortLeaves: false })
      const first = (s.at % (s.width / s.size)) * s.size
      const packed = range(s.size).map((i) => packLeaf(s.leaves[first + i]))
      const path = tree.getProof(first).slice(Math.log2(s.size))

      const [top, hash] = await mock.rootOf(packed, PROGRAM, PADDING)

      expect(await mock.climb(top, path)).to.equal(tree.root)
      expect(hash).to.equal(hashOf(packed))
      const index = s.at % s.width
      expect(await mock.climb(hashes[index]!, tree.getProof(index))).to.equal(tree.root)
      const known = s.leaves[index]
      if (known) expect(await mock.leafOf(PROGRAM, ...known)).to.equal(hashes[index])
    }
    await fc.assert(fc.asyncProperty(scenario, check), { numRuns: RUNS })
  }).timeout(120_000)

  it('R-63 a range of 256 and a tree of 1,024 leaves agree too', async () => {
    const mock = await loadFixture(fixture)
    const leaves = range(1_000).map((i): Leaf => [
      ethers.getAddress(ethers.id(`${i}`).slice(0, 42)),
      BigInt(i + 1) ** 5n,
    ])
    const hashes = await Promise.all(leaves.map((each) => leafHash(mock, PROGRAM, each)))
    while (hashes.length < 1_024) hashes.push(PADDING)
    const tree = SimpleMerkleTree.of(hashes, { sortLeaves: false })

    for (const first of [0, 256, 512, 768]) {
      const packed = range(256).map((i) => packLeaf(leaves[first + i]))
      const [top] = await mock.rootOf(packed, PROGRAM, PADDING)
      expect(await mock.climb(top, tree.getProof(first).slice(8))).to.equal(tree.root)
    }
  }).timeout(60_000)
})
