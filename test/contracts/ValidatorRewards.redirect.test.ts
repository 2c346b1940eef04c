import { expect } from 'chai'
import type { Signer, System } from '../helpers/contracts.ts'
import {
  ZERO,
  allUp,
  balances,
  deploySystem,
  ethers,
  fund,
  fundOf,
  loadFixture,
  range,
  settle,
  throughTimelock,
  toOpen,
  transfer,
} from '../helpers/contracts.ts'
import { assertSolvent } from '../helpers/solvency.ts'

interface Owned {
  system: System
  /** Fund address of validators 0 and 1. */
  payee: Signer
  other: Signer
}

/** Cycle 1 is settled with 100 units for each of four validators. */
async function owned(options: { timelockDelay?: number; token?: boolean } = {}): Promise<Owned> {
  const [payee, other] = (await ethers.getSigners()).slice(15)
  if (!payee || !other) throw new Error('no signers')
  const system = await deploySystem({ validators: 4, funds: [payee, payee], ...options })
  await fund(system, 400n)
  await settle(system, 1, allUp(4))
  return { system, payee, other }
}

const plain = (): Promise<Owned> => owned()
const onToken = (): Promise<Owned> => owned({ token: true })
const withTimelock = (): Promise<Owned> => owned({ timelockDelay: 48 * 3_600 })

const NEW = fundOf(900)
const NEWER = fundOf(901)

describe('redirect', () => {
  it('R-33 Z-30 the fund address re-points its unpaid pay at once, of all its validators', async () => {
    const { system, payee } = await loadFixture(plain)
    const { registry } = system

    await expect(registry.connect(payee).redirect(payee, 1, [0, 1], NEW))
      .to.emit(registry, 'FundRedirected')
      .withArgs(payee, NEW, [0, 1])

    expect(await registry.fundOf(1, 0)).to.equal(NEW)
    expect(await registry.redirectOf(payee, 0)).to.equal(NEW)
    expect(await registry.redirectMask(0)).to.equal(0b11)
    const before = await balances(system, [payee])
    await transfer(system, 1, range(4))
    expect(await balances(system, [NEW, fundOf(2), fundOf(3)])).to.deep.equal([200n, 100n, 100n])
    expect(await balances(system, [payee])).to.deep.equal(before)
    await assertSolvent(system)
  })

  it('R-33 it holds for a cycle settled before and for the cycles to come', async () => {
    const { system, payee } = await loadFixture(plain)
    await system.registry.connect(payee).redirect(payee, 1, [0], NEW)
    await fund(system, 400n)
    await settle(system, 2, allUp(4))

    await transfer(system, 1, [0])
    await transfer(system, 2, [0])

    expect(await balances(system, [NEW])).to.deep.equal([200n])
  })

  it('R-33 claims and sweeps follow it', async () => {
    const { system, payee, other } = await loadFixture(plain)
    const { rewards, registry } = system
    await registry.connect(payee).redirect(payee, 1, [0, 1], other)

    await expect(rewards.connect(payee).claim([1], 0))
      .to.be.revertedWithCustomError(rewards, 'NotPayee')
      .withArgs(payee, other)
    await rewards.connect(other).claim([1], 0)
    await ethers.provider.send('evm_increaseTime', [30 * 86_400])
    await rewards.sweep(1, [0], [0b10])

    expect((await rewards.creditOf(other)).amount).to.equal(100)
    await assertSolvent(system)
  })

  it('R-33 only who holds the pay re-points it: not the node, the admin, the keeper or a stranger', async () => {
    const { system, payee, other } = await loadFixture(plain)
    const { registry } = system

    for (const caller of [system.admin, system.guardian, system.keeper, system.reporter, other]) {
      await expect(registry.connect(caller).redirect(payee, 1, [0], NEW))
        .to.be.revertedWithCustomError(registry, 'NotFundOwner')
        .withArgs(caller, payee)
    }
  })

  it('R-33 who was re-pointed to holds the pay: it passes it on, the old address cannot take it back', async () => {
    const { system, payee, other } = await loadFixture(plain)
    const { registry } = system
    await registry.connect(payee).redirect(payee, 1, [0, 1], other)

    await expect(registry.connect(payee).redirect(payee, 1, [0], payee))
      .to.be.revertedWithCustomError(registry, 'NotFundOwner')
      .withArgs(payee, other)
    await registry.connect(other).redirect(payee, 1, [0, 1], NEWER)

    await transfer(system, 1, [0, 1])
    expect(await balances(system, [NEWER])).to.deep.equal([200n])
  })

  it('R-33 nobody re-points the pay of another fund address along with its own', async () => {
    const { system, payee } = await loadFixture(plain)
    const { registry } = system

    await expect(registry.connect(payee).redirect(payee, 1, [0, 2], NEW))
      .to.be.revertedWithCustomError(registry, 'FundMismatch')
      .withArgs(2, payee)
    await expect(registry.connect(payee).redirect(payee, 1, [99], NEW))
      .to.be.revertedWithCustomError(registry, 'UnknownValidator')
      .withArgs(99)
  })

  it('R-33 who got the pay of one validator does not get at the others of the same fund address', async () => {
    const { system, payee, other } = await loadFixture(plain)
    const { registry } = system
    await registry.connect(payee).redirect(payee, 1, [0], other)

    await expect(registry.connect(other).redirect(payee, 1, [1], other))
      .to.be.revertedWithCustomError(registry, 'NotFundOwner')
      .withArgs(other, payee)
    // Nor does the fund address get back what it gave away along with what it still has.
    await expect(registry.connect(payee).redirect(payee, 1, [1, 0], NEW))
      .to.be.revertedWithCustomError(registry, 'NotFundOwner')
      .withArgs(payee, other)
    await registry.connect(payee).redirect(payee, 1, [1], NEW)
    expect(await registry.fundOf(1, 0)).to.equal(other)
    expect(await registry.fundOf(1, 1)).to.equal(NEW)
  })

  it('R-33 a redirect by a former fund address says nothing about the pay of the present one', async () => {
    const { system, payee, other } = await loadFixture(plain)
    const { registry } = system
    // Validator 0 moves to the owner of validator 2, who gave the pay of validator 2 away.
    const owner = (await ethers.getSigners())[17]
    if (!owner) throw new Error('no signers')
    await registry.connect(system.admin).setFunds([0, 2], [owner, owner])
    await settle(system, 2, [])
    await toOpen(system, 3)
    await registry.connect(owner).redirect(owner, 3, [2], other)
    await registry.connect(payee).redirect(payee, 1, [0], NEW)

    expect(await registry.fundOf(1, 0)).to.equal(NEW)
    expect(await registry.fundOf(3, 0)).to.equal(owner)
    expect(await registry.fundOf(3, 2)).to.equal(other)
    await expect(registry.connect(other).redirect(owner, 3, [0], other))
      .to.be.revertedWithCustomError(registry, 'NotFundOwner')
      .withArgs(other, owner)
    await fund(system, 400n)
    await settle(system, 3, [24])

    await expect(transfer(system, 3, [0])).to.changeEtherBalances(
      ethers,
      [owner, other],
      [400n, 0n],
    )
    await assertSolvent(system)
  })

  it('R-33 refuses zero, the contracts and the token as new address', async () => {
    const { system, payee } = await loadFixture(onToken)
    const { registry, rewards, token } = system
    const owner = registry.connect(payee)

    await expect(owner.redirect(payee, 1, [0], ZERO)).to.be.revertedWithCustomError(
      registry,
      'ZeroAddress',
    )
    for (const to of [registry, rewards, token]) {
      const at = await ethers.resolveAddress(to ?? ZERO)
      await expect(owner.redirect(payee, 1, [0], at))
        .to.be.revertedWithCustomError(registry, 'ForbiddenFund')
        .withArgs(at)
    }
    await expect(owner.redirect(payee, 1, [], NEW)).to.be.revertedWithCustomError(
      registry,
      'ListEmpty',
    )
    await expect(owner.redirect(payee, 1, range(257), NEW))
      .to.be.revertedWithCustomError(registry, 'ListTooLong')
      .withArgs(257, 256)
  })

  it('R-33 a redirect costs the other validators of the word nothing: they are paid as before', async () => {
    const { system, payee } = await loadFixture(plain)
    await system.registry.connect(payee).redirect(payee, 1, [0], NEW)

    await transfer(system, 1, [2, 3])

    expect(await balances(system, [fundOf(2), fundOf(3), NEW])).to.deep.equal([100n, 100n, 0n])
  })

  it('R-33 a later change of the roster keeps the redirect, and a new fund address is not redirected', async () => {
    const { system, payee } = await loadFixture(plain)
    const { registry } = system
    await registry.connect(payee).redirect(payee, 1, [0, 1], NEW)
    await registry.connect(system.admin).setFunds([1], [NEWER])
    await registry.connect(system.admin).setWeights([0], [9])
    await toOpen(system, 3)

    expect(await registry.fundOf(1, 1)).to.equal(NEW)
    expect(await registry.fundOf(3, 0)).to.equal(NEW)
    expect(await registry.fundOf(3, 1)).to.equal(NEWER)
  })

  it('R-33 a stolen admin key re-points no pay of a settled cycle, nor of the open one', async () => {
    const { system } = await loadFixture(withTimelock)
    const { registry } = system
    const data = registry.interface.encodeFunctionData('setFunds', [
      range(4),
      range(4).map(() => NEW),
    ])
    await throughTimelock(system, await registry.getAddress(), data)
    const changed = Number(await registry.cycleAt(await now())) + 1

    for (const cycle of range(changed - 1).map((n) => n + 1)) {
      expect(await registry.fundOf(cycle, 2)).to.equal(fundOf(2))
    }
    expect(await registry.fundOf(changed, 2)).to.equal(NEW)
    await transfer(system, 1, range(4))
    expect(await balances(system, [fundOf(2), fundOf(3), NEW])).to.deep.equal([100n, 100n, 0n])
  })
})

async function now(): Promise<number> {
  return (await ethers.provider.getBlock('latest'))?.timestamp ?? 0
}
