import { expect } from 'chai'
import { DAY, ZERO, ethers, loadFixture, networkHelpers, range } from '../helpers/contracts.ts'
import type { HostilePayee } from '../../types/ethers-contracts/index.js'
import type { Desk, Leaf, Tree } from '../helpers/claims.ts'
import {
  claimFor,
  claimRange,
  deployDesk,
  leafHash,
  packLeaf,
  publish,
  treeOf,
} from '../helpers/claims.ts'
import {
  A,
  B,
  assertCovered,
  creditsOf,
  dataOf,
  held,
  outcomeOf,
  pay,
  payeeOf,
} from '../helpers/payouts.ts'

const [ACCEPTS, WRITES, REVERTS, BURNS] = [0, 1, 4, 9]
const LEAVES = 11

interface Shop extends Desk {
  tree: Tree
  owner: Desk['hand']['stranger']
}

/** Eleven leaves of 100, 200, …: the first is a signer's, the others are made-up accounts'. */
async function shop(token?: 'HostileToken'): Promise<Shop> {
  const desk = await deployDesk(token === undefined ? {} : { token })
  const owner = desk.hand.others[0]!
  const leaves = range(LEAVES).map((i): Leaf => [
    i === 0 ? owner.address : payeeOf(i),
    100n * BigInt(i + 1),
  ])
  return { ...desk, tree: await publish(desk, leaves), owner }
}

const coin = (): Promise<Shop> => shop()
const token = (): Promise<Shop> => shop('HostileToken')

interface WithPayee extends Desk {
  tree: Tree
  payee: HostilePayee
  at: string
}

async function withPayee(): Promise<WithPayee> {
  const desk = await deployDesk({ terms: { stipend: 200_000n } })
  const payee = await ethers.deployContract('HostilePayee')
  const at = await payee.getAddress()
  const leaves: Leaf[] = [
    [payeeOf(0), 100n],
    [at, 200n],
    [payeeOf(2), 300n],
    [payeeOf(3), 400n],
  ]
  return { ...desk, tree: await publish(desk, leaves), payee, at }
}

describe('claim', () => {
  for (const [asset, fixture] of [
    ['coin', coin],
    ['tokens', token],
  ] as const) {
    it(`R-62 pays the caller ${asset} for its leaf to any address, once`, async () => {
      const at = await loadFixture(fixture)
      const { hand, claims, tree, owner } = at
      const call = claims.connect(owner)

      await expect(call.claim(100, tree.proof(0), payeeOf(50)))
        .to.emit(claims, 'Claimed')
        .withArgs(owner, payeeOf(50), 100)

      expect(await held(hand, [payeeOf(50)])).to.deep.equal([100n])
      expect(await claims.claimedOf(owner)).to.equal(100)
      await expect(call.claim(100, tree.proof(0), payeeOf(50)))
        .to.be.revertedWithCustomError(claims, 'NothingToClaim')
        .withArgs(owner)
    })

    it(`R-62 claimFor, by anyone, pays the account ${asset} to itself`, async () => {
      const at = await loadFixture(fixture)
      await claimFor(at, at.tree, 4)

      expect(await held(at.hand, [payeeOf(4)])).to.deep.equal([500n])
      await expect(claimFor(at, at.tree, 4)).to.be.revertedWithCustomError(
        at.claims,
        'NothingToClaim',
      )
    })
  }

  it('R-62 a later root pays the difference to what was claimed, whoever claimed it', async () => {
    const at = await loadFixture(coin)
    const { hand, claims, tree } = at
    await claimFor(at, tree, 1)
    const next = tree.leaves.map(([account, cumulative]): Leaf => [account, cumulative + 50n])
    const grown = await publish(at, next)

    await claimFor(at, grown, 1)
    await claimFor(at, grown, 2)

    expect(await held(hand, [payeeOf(1), payeeOf(2)])).to.deep.equal([250n, 350n])
    await expect(claimFor(at, tree, 3)).to.be.revertedWithCustomError(claims, 'ProofInvalid')
    await assertCovered(hand)
  })

  it('R-62 a leaf that shrank says NothingToClaim, it never underflows', async () => {
    const at = await loadFixture(coin)
    const { claims, tree } = at
    await claimFor(at, tree, 1)
    const shrunk = tree.leaves.map(([account, cumulative], i): Leaf =>
      i === 1 ? [account, 199n] : [account, cumulative + 1n],
    )
    const next = await publish(at, shrunk)

    await expect(claimFor(at, next, 1))
      .to.be.revertedWithCustomError(claims, 'NothingToClaim')
      .withArgs(payeeOf(1))
    expect(await claims.claimedOf(payeeOf(1))).to.equal(200)
  })

  it('R-63 nothing else passes for a leaf: another’s, another amount, an inner node, the padding', async () => {
    const { claims, tree, hand, owner } = await loadFixture(coin)
    const [account, cumulative] = tree.leaves[4]!
    const proof = tree.proof(4)
    const asAnyone = claims.connect(hand.stranger)
    for (const call of [
      () => asAnyone.claim(cumulative, proof, hand.stranger),
      () => asAnyone.claimFor(account, cumulative + 1n, proof),
      () => asAnyone.claimFor(payeeOf(5), cumulative, proof),
      () => asAnyone.claimFor(account, cumulative, proof.slice(1)),
      () => asAnyone.claimFor(account, cumulative, [...proof, ethers.id('x')]),
      () => asAnyone.claimFor(account, cumulative, []),
      () => claims.connect(owner).claim(cumulative, proof, owner),
      // 11 leaves are padded to 16.
      () => asAnyone.claimRange([packLeaf([payeeOf(70), 1n])], tree.range(11, 1).path),
    ]) {
      await expect(call()).to.be.revertedWithCustomError(claims, 'ProofInvalid')
    }
  })

  it('R-63 a leaf is of one chain, contract, program and account: elsewhere it is another hash', async () => {
    const { claims, tree } = await loadFixture(coin)
    const [account, cumulative] = tree.leaves[1]!

    const leaf = await claims.leafOf(account, cumulative)

    expect(leaf).to.equal(await leafHash(claims, A, [account, cumulative]))
    expect(leaf).not.to.equal(await leafHash(claims, B, [account, cumulative]))
    expect(leaf).not.to.equal(await leafHash(payeeOf(1), A, [account, cumulative]))
    expect(await claims.PADDING()).to.equal(ethers.id('Muster: no leaf'))
  })

  it('R-62 money goes to nobody that cannot own it: zero, the token, the two contracts', async () => {
    const { hand, claims, tree, owner } = await loadFixture(token)
    for (const to of [ZERO, hand.token!, claims, hand.payouts]) {
      await expect(
        claims.connect(owner).claim(100, tree.proof(0), to),
      ).to.be.revertedWithCustomError(claims, 'BadRecipient')
    }
    expect(await claims.claimedOf(owner)).to.equal(0)
  })

  it('R-62 a leaf of such an address is never paid, alone or in a range', async () => {
    const desk = await loadFixture(() => deployDesk({ token: 'HostileToken' }))
    const { hand, claims } = desk
    const own = await claims.getAddress()
    const leaves: Leaf[] = [
      [ZERO, 10n],
      [own, 20n],
      [await hand.token!.getAddress(), 30n],
      [payeeOf(0), 40n],
    ]
    const tree = await publish(desk, leaves)

    for (const i of [0, 1, 2]) {
      await expect(claimFor(desk, tree, i)).to.be.revertedWithCustomError(claims, 'BadRecipient')
    }
    const sweep = claimRange(desk, tree, 0, 4)
    await expect(sweep).to.emit(claims, 'ClaimRefused').withArgs(own, 20)
    expect(await held(hand, [claims, payeeOf(0)])).to.deep.equal([60n, 40n])
  })

  it('R-62 coin reaches the claims only through an accepted root', async () => {
    const at = await loadFixture(coin)
    const { hand, claims } = at
    await expect(hand.stranger.sendTransaction({ to: claims, value: 1 })).to.be.revert(ethers)

    // A batch that pays the contract by mistake: a credit instead of coin in no book.
    const own = await claims.getAddress()
    expect(await outcomeOf(hand, pay(hand, 1, [[own, 7n]]))).to.deep.equal([1n, 0n, 7n])
    await expect(hand.payouts.withdraw(own)).to.be.revertedWithCustomError(
      hand.payouts,
      'PaymentFailed',
    )
    expect(await creditsOf(hand, [own])).to.deep.equal([7n])
    await assertCovered(hand)

    // Nor in the transaction that accepts a root, once the root's money is in.
    await claims.connect(hand.payer).submit(ethers.id('x'), await claims.total(), ethers.ZeroHash)
    await networkHelpers.time.increase(DAY)
    const caller = await ethers.deployContract('HostilePayee')
    const calls = [dataOf(claims, 'accept', []), dataOf(hand.payouts, 'withdraw', [own])]
    await expect(caller.executeAll([claims, hand.payouts], calls)).to.be.revertedWithCustomError(
      hand.payouts,
      'PaymentFailed',
    )
    await caller.executeAll([claims], calls.slice(0, 1))
  })

  it('R-62 R-40 a payee that comes back by any claim gets one payment, and may pay others theirs', async () => {
    const at = await loadFixture(withPayee)
    const { hand, claims, tree, payee, at: account } = at
    const { packed, path } = tree.range(0, 4)
    const other = payeeOf(3)
    for (const [name, args, succeeds, paid] of [
      ['claimFor', [account, 200n, tree.proof(1)], false, 0n],
      ['claim', [200n, tree.proof(1), account], false, 0n],
      ['claimRange', [packed, path], true, 400n],
      ['claimFor', [other, 400n, tree.proof(3)], true, 400n],
    ] as const) {
      const snapshot = await networkHelpers.takeSnapshot()
      await payee.setCall(claims, dataOf(claims, name, [...args]))
      await claimFor(at, tree, 1)
      expect(await payee.calls(), name).to.equal(1)
      expect(await payee.succeeded(), name).to.equal(succeeds)
      expect(await held(hand, [account, other])).to.deep.equal([200n, paid])
      await claimRange(at, tree, 0, 4)
      expect(await held(hand, [account, other, claims])).to.deep.equal([200n, 400n, 0n])
      await snapshot.restore()
    }
  })

  it('R-63 R-40 a payee that claims a later leaf of the range it is paid in has it paid once', async () => {
    const at = await loadFixture(withPayee)
    const { hand, claims, tree, payee, at: account } = at
    const rest = tree.range(2, 2)
    for (const [name, args, succeeds] of [
      ['claimFor', [payeeOf(3), 400n, tree.proof(3)], true],
      ['claimFor', [account, 200n, tree.proof(1)], false],
      ['claimRange', [rest.packed, rest.path], false],
    ] as const) {
      const snapshot = await networkHelpers.takeSnapshot()
      await payee.setCall(claims, dataOf(claims, name, [...args]))
      await claimRange(at, tree, 0, 4)
      expect(await payee.succeeded(), name).to.equal(succeeds)
      const accounts = [payeeOf(0), account, payeeOf(2), payeeOf(3), claims]
      expect(await held(hand, accounts)).to.deep.equal([100n, 200n, 300n, 400n, 0n])
      await snapshot.restore()
    }
  })

  it('R-62 claims of a root that promises more than its total end with the money: no other program pays', async () => {
    const desk = await loadFixture(() => deployDesk())
    const { hand, claims } = desk
    const leaves: Leaf[] = [
      [payeeOf(0), 100n],
      [payeeOf(1), 100n],
    ]
    const tree = await treeOf(claims, leaves)
    await claims.connect(hand.payer).submit(tree.root, 150, ethers.ZeroHash)
    await networkHelpers.time.increase(DAY)
    await claims.accept()

    await claimFor(desk, tree, 0)
    await expect(claimFor(desk, tree, 1))
      .to.be.revertedWithCustomError(claims, 'PaymentFailed')
      .withArgs(payeeOf(1), 100)
    expect(await claims.claimedOf(payeeOf(1))).to.equal(0)
    expect(await held(hand, [claims])).to.deep.equal([50n])
    await assertCovered(hand)
  })
})

describe('claimRange', () => {
  it('R-63 pays an aligned range of leaves with one path, and its event says which', async () => {
    const at = await loadFixture(coin)
    const { hand, claims, tree } = at
    const { packed } = tree.range(4, 4)
    const hash = ethers.solidityPackedKeccak256(
      packed.map(() => 'uint256'),
      packed,
    )

    await expect(claimRange(at, tree, 4, 4))
      .to.emit(claims, 'RangeClaimed')
      .withArgs(tree.root, hash, 500 + 600 + 700 + 800, 0b1111)

    expect(await held(hand, [4, 5, 6, 7].map(payeeOf))).to.deep.equal([500n, 600n, 700n, 800n])
  })

  it('R-63 skips what was claimed and what is padding, over the whole tree as well', async () => {
    const at = await loadFixture(token)
    const { hand, claims, tree } = at
    await claimFor(at, tree, 2)
    await claimRange(at, tree, 4, 2)

    const rest = claimRange(at, tree, 0, 16)

    await expect(rest).to.emit(claims, 'RangeClaimed')
    const event = (await claims.queryFilter(claims.filters.RangeClaimed())).at(-1)
    expect(event?.args.mask).to.equal(0b11111001011n)
    expect(await held(hand, [claims])).to.deep.equal([0n])
    await expect(claimRange(at, tree, 0, 16))
      .to.emit(claims, 'RangeClaimed')
      .withArgs(tree.root, event?.args.packedHash, 0, 0)
  })

  it('R-63 R-31 a refusal restores the leaf, says so, creates no credit and stops nobody', async () => {
    const at = await loadFixture(withPayee)
    const { hand, claims, tree, payee, at: account } = at
    for (const mode of [REVERTS, BURNS]) {
      await payee.setMode(mode)
      const snapshot = await networkHelpers.takeSnapshot()
      const sweep = claimRange(at, tree, 0, 4)
      await expect(sweep).to.emit(claims, 'ClaimRefused').withArgs(account, 200)
      expect(await held(hand, [payeeOf(0), payeeOf(2), payeeOf(3)])).to.deep.equal([
        100n,
        300n,
        400n,
      ])
      expect(await claims.claimedOf(account)).to.equal(0)
      expect(await creditsOf(hand, [account])).to.deep.equal([0n])
      if (mode === REVERTS) await snapshot.restore()
    }
    await payee.setMode(ACCEPTS)
    await claimRange(at, tree, 1, 1)
    expect(await held(hand, [account, claims])).to.deep.equal([200n, 0n])
  })

  it('R-30 R-63 whatever the gas limit, it reverts or pays a payee that needs its stipend', async () => {
    const at = await loadFixture(withPayee)
    const { claims, tree, payee, at: account } = at
    await payee.setMode(WRITES)
    const snapshot = await networkHelpers.takeSnapshot()
    let [paid, reverted] = [0, 0]
    for (let gasLimit = 60_000n; gasLimit < 700_000n; gasLimit += 8_000n) {
      const outcome = await claimRange(at, tree, 0, 4, gasLimit).then(
        async () => claims.claimedOf(account),
        () => 'reverted',
      )
      if (outcome === 'reverted') ++reverted
      else {
        ++paid
        expect(outcome, String(gasLimit)).to.equal(200n)
      }
      await snapshot.restore()
    }
    expect(paid).to.be.greaterThan(3)
    expect(reverted).to.be.greaterThan(3)
    await expect(claimRange(at, tree, 0, 4, 270_000n)).to.be.revertedWithCustomError(
      claims,
      'GasTooLow',
    )
  }).timeout(60_000)

  it('R-63 takes 2^k leaves up to 256, in an order that leads to the root', async () => {
    const at = await loadFixture(coin)
    const { claims, tree } = at
    for (const size of [0, 3, 257, 512]) {
      await expect(claims.claimRange(range(size), []))
        .to.be.revertedWithCustomError(claims, 'RangeInvalid')
        .withArgs(size)
    }
    const { packed, path } = tree.range(4, 4)
    const [a = 0n, b = 0n, c = 0n, d = 0n] = packed
    for (const [list, way] of [
      [[a, b, c, d + 1n], path],
      [[a, c, b, d], path],
      [packed, path.slice(1)],
      [packed, tree.range(8, 4).path],
      [[b, c], tree.range(4, 2).path],
    ] as const) {
      await expect(claims.claimRange([...list], [...way])).to.be.revertedWithCustomError(
        claims,
        'ProofInvalid',
      )
    }
  })
})
