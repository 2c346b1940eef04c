import { expect } from 'chai'
import fc from 'fast-check'
import { getAddress, toBeHex } from 'ethers'
import type { Address } from '../../../../keeper/base/schema.ts'
import { requireGrowth } from '../../../../keeper/payouts/claims/growth.ts'
import { MAX_CUMULATIVE } from '../../../../keeper/payouts/claims/leaf.ts'
import type { ClaimsHome, Leaf } from '../../../../keeper/payouts/claims/leaf.ts'
import { buildTree, rangesOf } from '../../../../keeper/payouts/claims/tree.ts'
import { codeOf } from '../../../helpers/errors.ts'

const CONTRACT = '0x00000000000000000000000000000000000A11cE' as Address
const HOME: ClaimsHome = { chainId: 31_337, contract: CONTRACT, program: 1 }

const accountOf = (index: number): Address =>
  getAddress(toBeHex((0x4000n << 144n) | BigInt(index + 1), 20)) as Address

const leavesOf = (count: number): Leaf[] =>
  Array.from({ length: count }, (_, index) => ({
    account: accountOf(index),
    cumulative: BigInt(index + 1) * 1_000n,
  }))

describe('a claims tree', () => {
  it('is the same whatever order its leaves are given in', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 40 })
          .chain((count) =>
            fc.shuffledSubarray(leavesOf(count), { minLength: count, maxLength: count }),
          ),
        (shuffled) => {
          const tree = buildTree(HOME, shuffled)
          const straight = buildTree(HOME, leavesOf(shuffled.length))
          expect(tree.root).to.equal(straight.root)
          expect(tree.leaves).to.deep.equal(straight.leaves)
          expect(tree.total).to.equal(shuffled.reduce((sum, leaf) => sum + leaf.cumulative, 0n))
        },
      ),
      { numRuns: 20 },
    )
  })

  it('is another one for every other chain, contract, program and amount', () => {
    const leaves = leavesOf(3)
    const homes = [
      HOME,
      { ...HOME, chainId: 1 },
      { ...HOME, contract: accountOf(99) },
      { ...HOME, program: 2 },
    ]
    const more = [{ account: accountOf(0), cumulative: 1_001n }, ...leaves.slice(1)]

    const roots = [...homes.map((home) => buildTree(home, leaves)), buildTree(HOME, more)]

    expect(new Set(roots.map(({ root }) => root)).size).to.equal(5)
  })

  const account = accountOf(0)
  const refused: [what: string, leaves: Leaf[]][] = [
    ['no leaf', []],
    ['one account twice', [...leavesOf(2), { account, cumulative: 5n }]],
    ['an amount of nothing', [{ account, cumulative: 0n }]],
    ['a negative amount', [{ account, cumulative: -1n }]],
    ['an amount of more than 96 bits', [{ account, cumulative: MAX_CUMULATIVE + 1n }]],
    ['the zero address', [{ account: `0x${'0'.repeat(40)}`, cumulative: 1n }]],
    ['the claims contract', [{ account: CONTRACT, cumulative: 1n }]],
  ]
  for (const [what, leaves] of refused) {
    it(`is refused for ${what}`, () => {
      expect(codeOf(() => buildTree(HOME, leaves))).to.equal('CLAIMS_LEAVES_INVALID')
    })
  }

  it('has no proof of an account that has no leaf', () => {
    const tree = buildTree(HOME, leavesOf(3))

    expect(tree.proofOf(accountOf(3))).to.equal(undefined)
    expect(tree.proofOf(accountOf(1))?.cumulative).to.equal(2_000n)
    expect(tree.proofOf(accountOf(1))?.proof).to.have.length(2)
  })

  it('is cut into aligned ranges that pad the last one, and leave out what is claimed', () => {
    const tree = buildTree(HOME, leavesOf(11))

    const all = rangesOf(tree, 4)
    expect(all.map(({ first, packed, path }) => [first, packed.length, path.length])).to.deep.equal(
      [
        [0, 4, 2],
        [4, 4, 2],
        [8, 4, 2],
      ],
    )
    expect(all[2]?.packed.at(-1)).to.equal(0n)
    const firstFour = new Set(tree.leaves.slice(0, 4).map((leaf) => leaf.account))
    const rest = rangesOf(tree, 4, (whose) => (firstFour.has(whose) ? 4_000n : 0n))
    expect(rest.map(({ first }) => first)).to.deep.equal([4, 8])
    expect(rangesOf(tree, 256).map(({ packed }) => packed.length)).to.deep.equal([16])
  })

  for (const [first, size] of [
    [2, 4],
    [0, 3],
    [0, 512],
    [16, 4],
    [-4, 4],
  ] as const) {
    it(`has no range of ${size} leaves from ${first}`, () => {
      expect(codeOf(() => buildTree(HOME, leavesOf(11)).range(first, size))).to.equal('INTERNAL')
    })
  }
})

describe('the watcher of leaves (R-62)', () => {
  const accepted = { home: HOME, leaves: leavesOf(3) }
  const [one, two, three] = leavesOf(3) as [Leaf, Leaf, Leaf]

  it('lets leaves grow, stay and come', () => {
    const leaves = [{ ...one, cumulative: 1_001n }, two, three, { ...one, account: accountOf(7) }]

    requireGrowth(accepted, { home: HOME, leaves })
    requireGrowth(undefined, { home: HOME, leaves })
  })

  const refused: [what: string, home: ClaimsHome, leaves: Leaf[]][] = [
    ['a leaf that shrinks by one', HOME, [one, two, { ...three, cumulative: 2_999n }]],
    ['a leaf that is gone', HOME, [one, three]],
    ['a leaf whose money goes to another', HOME, [one, { ...three, cumulative: 9_000n }]],
    ['a tree of another program', { ...HOME, program: 2 }, [one, two, three]],
  ]
  for (const [what, home, leaves] of refused) {
    it(`refuses ${what}`, () => {
      expect(codeOf(() => requireGrowth(accepted, { home, leaves }))).to.equal(
        'CLAIMS_LEAF_SHRINKS',
      )
    })
  }

  it('refuses exactly what loses something, among random trees', () => {
    const amounts = fc.array(fc.bigInt({ min: 1n, max: 50n }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(amounts, amounts, (before, after) => {
        const of = (list: bigint[]) =>
          list.map((cumulative, index) => ({ account: accountOf(index), cumulative }))
        const loses = before.some((amount, index) => (after[index] ?? 0n) < amount)
        const call = () =>
          requireGrowth({ home: HOME, leaves: of(before) }, { home: HOME, leaves: of(after) })
        expect(codeOf(call)).to.equal(loses ? 'CLAIMS_LEAF_SHRINKS' : 'no error')
      }),
    )
  })
})
