import { expect } from 'chai'
import type { AddressLike } from 'ethers'
import {
  DAY,
  HOUR,
  ZERO,
  allUp,
  balances,
  cutOf,
  deploySystem,
  ethers,
  fund,
  fundOf,
  loadFixture,
  masksOf,
  nextAt,
  pushHours,
  range,
  settle,
  time,
  toTime,
} from '../helpers/contracts.ts'
import { credited, owned } from '../helpers/owned.ts'
import type { Owned } from '../helpers/owned.ts'
import { assertSolvent } from '../helpers/solvency.ts'

async function sign(
  { system, owner }: Pick<Owned, 'system' | 'owner'>,
  account: AddressLike,
  to: string,
  deadline: number,
): Promise<string> {
  const { rewards } = system
  const domain = {
    name: 'Muster ValidatorRewards',
    version: '1',
    chainId: (await ethers.provider.getNetwork()).chainId,
    verifyingContract: await rewards.getAddress(),
  }
  const types = {
    WithdrawTo: [
      { name: 'account', type: 'address' },
      { name: 'to', type: 'address' },
      { name: 'nonce', type: 'uint256' },
      { name: 'deadline', type: 'uint256' },
    ],
  }
  const at = await ethers.resolveAddress(account)
  const nonce = await rewards.nonces(at)
  return owner.signTypedData(domain, types, { account: at, to, nonce, deadline })
}

describe('credits', () => {
  it('R-32 are keyed by fund address: what two nodes of one owner were refused adds up', async () => {
    const { system, payee } = await loadFixture(credited)

    const { amount, since } = await system.rewards.creditOf(payee)

    expect(amount).to.equal(200)
    expect(since).to.equal(await time.latest())
    await assertSolvent(system)
  })

  it('R-32 anyone withdraws for an account, and the money goes to that account only', async () => {
    const { system, payee } = await loadFixture(credited)
    const { rewards, stranger } = system

    const withdrawal = rewards.connect(stranger).withdraw(payee)

    await expect(withdrawal).to.changeEtherBalances(ethers, [payee, rewards], [200, -200])
    await expect(rewards.withdraw(payee))
      .to.be.revertedWithCustomError(rewards, 'NoCredit')
      .withArgs(payee)
    await assertSolvent(system)
  })

  it('R-32 the account itself withdraws to another address, a stranger has nothing to withdraw', async () => {
    const { system, payee } = await loadFixture(credited)
    const { rewards, stranger } = system

    await expect(rewards.connect(stranger).withdrawTo(fundOf(9)))
      .to.be.revertedWithCustomError(rewards, 'NoCredit')
      .withArgs(stranger)
    await expect(rewards.connect(payee).withdrawTo(fundOf(9)))
      .to.emit(rewards, 'Withdrawn')
      .withArgs(payee, fundOf(9), 200)

    expect(await balances(system, [fundOf(9)])).to.deep.equal([200n])
    await assertSolvent(system)
  })

  it('R-32 a signature of the account withdraws to another address, once', async () => {
    const { system, payee } = await loadFixture(credited)
    const { rewards } = system
    const deadline = (await time.latest()) + HOUR
    const signature = await sign({ system, owner: payee }, payee, fundOf(9), deadline)
    const bySig = rewards.connect(system.stranger).withdrawToBySig

    // For another receiver, deadline or account it is worth nothing.
    for (const call of [
      () => bySig(payee, fundOf(8), deadline, signature),
      () => bySig(payee, fundOf(9), deadline + 1, signature),
    ]) {
      await expect(call()).to.be.revertedWithCustomError(rewards, 'BadSignature').withArgs(payee)
    }
    await bySig(payee, fundOf(9), deadline, signature)
    expect(await balances(system, [fundOf(9)])).to.deep.equal([200n])
    await expect(bySig(payee, fundOf(9), deadline, signature))
      .to.be.revertedWithCustomError(rewards, 'BadSignature')
      .withArgs(payee)
    await assertSolvent(system)
  })

  it('R-32 a contract wallet that takes no coin is helped by its EIP-1271 signature', async () => {
    const { system, wallet, owner } = await loadFixture(credited)
    const { rewards } = system
    await expect(rewards.withdraw(wallet)).to.be.revertedWithCustomError(rewards, 'PaymentFailed')
    const deadline = (await time.latest()) + HOUR
    const forged = await sign({ system, owner: system.stranger }, wallet, fundOf(9), deadline)
    await expect(rewards.withdrawToBySig(wallet, fundOf(9), deadline, forged))
      .to.be.revertedWithCustomError(rewards, 'BadSignature')
      .withArgs(wallet)

    const signature = await sign({ system, owner }, wallet, fundOf(9), deadline)
    await rewards.connect(system.stranger).withdrawToBySig(wallet, fundOf(9), deadline, signature)

    expect(await balances(system, [fundOf(9)])).to.deep.equal([100n])
    await assertSolvent(system)
  })

  it('R-32 a signature past its deadline is refused', async () => {
    const { system, payee } = await loadFixture(credited)
    const deadline = (await time.latest()) + HOUR
    const signature = await sign({ system, owner: payee }, payee, fundOf(9), deadline)

    await nextAt(deadline + 1)
    await expect(system.rewards.withdrawToBySig(payee, fundOf(9), deadline, signature))
      .to.be.revertedWithCustomError(system.rewards, 'SignatureExpired')
      .withArgs(deadline)
  })

  it('R-32 refuses to withdraw to zero, to the contract itself and to the registry', async () => {
    const { system, payee } = await loadFixture(credited)
    const { rewards, registry } = system

    for (const to of [ZERO, await rewards.getAddress(), await registry.getAddress()]) {
      await expect(rewards.connect(payee).withdrawTo(to))
        .to.be.revertedWithCustomError(rewards, 'BadRecipient')
        .withArgs(to)
    }
  })
})

describe('re-pointing a credit', () => {
  it('R-32 Z-30 after 180 days and 30 days’ notice a credit moves to the admin’s address', async () => {
    const { system, wallet } = await loadFixture(credited)
    const { rewards } = system
    const admin = rewards.connect(system.admin)
    const { since } = await rewards.creditOf(wallet)
    const movable = Number(since) + 180 * DAY

    await nextAt(movable - 1)
    await expect(admin.proposeCreditMove(wallet, fundOf(9)))
      .to.be.revertedWithCustomError(rewards, 'CreditTooYoung')
      .withArgs(wallet, movable)
    await nextAt(movable)
    const readyAt = movable + 30 * DAY
    await expect(admin.proposeCreditMove(wallet, fundOf(9)))
      .to.emit(rewards, 'CreditMoveProposed')
      .withArgs(wallet, fundOf(9), readyAt)
    await nextAt(readyAt - 1)
    await expect(rewards.executeCreditMove(wallet))
      .to.be.revertedWithCustomError(rewards, 'CreditMoveNotReady')
      .withArgs(wallet, readyAt)
    await nextAt(readyAt)
    await expect(rewards.connect(system.stranger).executeCreditMove(wallet))
      .to.emit(rewards, 'CreditMoved')
      .withArgs(wallet, fundOf(9), 100)

    expect((await rewards.creditOf(wallet)).amount).to.equal(0)
    await rewards.withdraw(fundOf(9))
    expect(await balances(system, [fundOf(9)])).to.deep.equal([100n])
    await expect(rewards.executeCreditMove(wallet)).to.be.revertedWithCustomError(
      rewards,
      'NoCreditMove',
    )
    await assertSolvent(system)
  })

  it('R-32 the account cancels the move within the notice, or ends it by withdrawing', async () => {
    const { system, payee } = await loadFixture(credited)
    const { rewards } = system
    const admin = rewards.connect(system.admin)
    await time.increase(180 * DAY)
    await admin.proposeCreditMove(payee, fundOf(9))

    await expect(rewards.connect(payee).cancelCreditMove())
      .to.emit(rewards, 'CreditMoveCancelled')
      .withArgs(payee)
    await expect(rewards.connect(payee).cancelCreditMove())
      .to.be.revertedWithCustomError(rewards, 'NoCreditMove')
      .withArgs(payee)
    await admin.proposeCreditMove(payee, fundOf(9))
    await rewards.withdraw(payee)
    await time.increase(30 * DAY)
    await expect(rewards.executeCreditMove(payee))
      .to.be.revertedWithCustomError(rewards, 'NoCreditMove')
      .withArgs(payee)
  })

  it('R-32 only the admin proposes, only existing credits, only to a proper address', async () => {
    const { system, payee } = await loadFixture(credited)
    const { rewards } = system
    const admin = rewards.connect(system.admin)

    for (const caller of [system.guardian, system.keeper, system.stranger]) {
      await expect(
        rewards.connect(caller).proposeCreditMove(payee, fundOf(9)),
      ).to.be.revertedWithCustomError(rewards, 'AccessControlUnauthorizedAccount')
    }
    await expect(admin.proposeCreditMove(fundOf(3), fundOf(9)))
      .to.be.revertedWithCustomError(rewards, 'NoCredit')
      .withArgs(fundOf(3))
    await expect(admin.proposeCreditMove(payee, ZERO)).to.be.revertedWithCustomError(
      rewards,
      'BadRecipient',
    )
  })
})

describe('claim and sweep', () => {
  it('R-34 Z-30 a payee claims its own shares of several cycles with all gas, before grace', async () => {
    const { system, payee } = await loadFixture(owned)
    const { rewards } = system
    await fund(system, 400n)
    await settle(system, 2, allUp(4))

    const claim = rewards.connect(payee).claim([1, 2, 1], 0)

    await expect(claim).to.changeEtherBalances(ethers, [rewards], [-200])
    await expect(claim).to.emit(rewards, 'Claimed').withArgs(2, 0, payee, 100)
    expect(await rewards.rewardOf(1, 1)).to.equal(100)
    await expect(rewards.connect(payee).claim([1, 2], 0))
      .to.be.revertedWithCustomError(rewards, 'NothingToClaim')
      .withArgs(0)
    await assertSolvent(system)
  })

  it('R-34 nobody claims for another: not the node, the keeper or a stranger', async () => {
    const { system, payee } = await loadFixture(owned)
    const { rewards } = system

    for (const caller of [system.keeper, system.stranger, system.admin]) {
      await expect(rewards.connect(caller).claim([1], 0))
        .to.be.revertedWithCustomError(rewards, 'NotPayee')
        .withArgs(caller, payee)
    }
    await expect(rewards.connect(payee).claim([1], 99)).to.be.revertedWithCustomError(
      system.registry,
      'UnknownValidator',
    )
    await expect(rewards.connect(payee).claim([2], 0)).to.be.revertedWithCustomError(
      rewards,
      'CycleNotSettled',
    )
    await expect(rewards.connect(payee).claim(range(65), 0))
      .to.be.revertedWithCustomError(rewards, 'ListTooLong')
      .withArgs(65, 64)
  })

  it('R-34 R-24 a claim waits for the settle delay', async () => {
    const { system, payee } = await loadFixture(ownedDelayed)
    const { rewards } = system
    const from = Number((await rewards.cycle(1)).transferFrom)

    await nextAt(from - 1)
    await expect(rewards.connect(payee).claim([1], 0))
      .to.be.revertedWithCustomError(rewards, 'TransferTooEarly')
      .withArgs(1, from)
    await nextAt(from)
    await rewards.connect(payee).claim([1], 0)
  })

  it('R-35 Z-30 after 30 days anyone sweeps leftovers into credits; nobody is called', async () => {
    const { system, payee, wallet } = await loadFixture(owned)
    const { rewards } = system
    const from = Number((await rewards.cycle(1)).extractedAt) + 30 * DAY
    const [words, masks] = masksOf(range(4))
    const stranger = rewards.connect(system.stranger)

    await nextAt(from - 1)
    await expect(stranger.sweep(1, words, masks))
      .to.be.revertedWithCustomError(rewards, 'SweepTooEarly')
      .withArgs(1, from)
    await nextAt(from)
    const sweep = stranger.sweep(1, words, masks)
    await expect(sweep).to.changeEtherBalances(ethers, [rewards, payee], [0, 0])
    await expect(sweep).to.emit(rewards, 'Swept').withArgs(1, 2, wallet, 100)

    const { unpaid, credits } = await rewards.books()
    expect([unpaid, credits]).to.deep.equal([0n, 400n])
    expect((await rewards.creditOf(payee)).amount).to.equal(200)
    await stranger.sweep(1, words, masks)
    expect((await rewards.books()).credits).to.equal(400)
    await assertSolvent(system)
  })
})

async function ownedDelayed(): Promise<Pick<Owned, 'system' | 'payee'>> {
  const [payee] = (await ethers.getSigners()).slice(15)
  if (!payee) throw new Error('no signers')
  const params = { settleDelay: BigInt(HOUR) }
  const system = await deploySystem({ validators: 1, funds: [payee], params })
  await fund(system, 100n)
  await pushHours(system, 1, [0, 24], [0])
  await toTime(cutOf(system, 1))
  await system.rewards.connect(system.keeper).extract(1)
  return { system, payee }
}
