import { expect } from 'chai'
import { DAY, HOUR, ZERO, ethers, loadFixture, networkHelpers, time } from '../helpers/contracts.ts'
import type { Hand } from '../helpers/payouts.ts'
import {
  A,
  B,
  FUNDS,
  assertCovered,
  balanceOfProgram,
  byAdmin,
  creditsOf,
  deployHand,
  fundProgram,
  held,
  pay,
  payeeOf,
} from '../helpers/payouts.ts'

const REVERTS = 4
const MAX_BALANCE = 2n ** 104n - 1n
const MAX_PROGRAM = 2n ** 96n - 1n

const coin = (): Promise<Hand> => deployHand()
const token = (): Promise<Hand> => deployHand({ token: 'ERC20Mock' })

function tokenOf({ token: found }: Hand): NonNullable<Hand['token']> {
  if (!found) throw new Error('no token')
  return found
}

describe('money of the programs', () => {
  it('R-40 fund books the coin that comes with it to the program, and no other amount', async () => {
    const hand = await loadFixture(coin)
    const { payouts, sponsor } = hand

    await expect(fundProgram(hand, B, 5n))
      .to.emit(payouts, 'Funded')
      .withArgs(B, sponsor, 5)
    for (const [amount, value] of [
      [5n, 4n],
      [5n, 6n],
      [0n, 1n],
    ] as const) {
      await expect(payouts.connect(sponsor).fund(B, amount, { value }))
        .to.be.revertedWithCustomError(payouts, 'WrongValue')
        .withArgs(value, amount)
    }
    await expect(fundProgram(hand, B, 0n)).to.be.revertedWithCustomError(payouts, 'NothingReceived')
    expect(await balanceOfProgram(hand, B)).to.equal(FUNDS + 5n)
    expect(await balanceOfProgram(hand, A)).to.equal(FUNDS)
    await assertCovered(hand)
  })

  it('R-40 coin that is sent without fund is refused', async () => {
    const { payouts, sponsor } = await loadFixture(coin)

    await expect(sponsor.sendTransaction({ to: payouts, value: 1 })).to.be.revert(ethers)
  })

  it('R-40 with a token fund pulls by transferFrom, refuses coin, and books what arrived', async () => {
    const hand = await loadFixture(token)
    const { payouts, sponsor } = hand
    await expect(payouts.connect(sponsor).fund(A, 5, { value: 5 }))
      .to.be.revertedWithCustomError(payouts, 'WrongValue')
      .withArgs(5, 0)
    await expect(payouts.connect(sponsor).fund(A, 5)).to.be.revertedWithCustomError(
      tokenOf(hand),
      'ERC20InsufficientAllowance',
    )
    // A fee on transfer.
    await (tokenOf(hand) as unknown as { setQuirk(quirk: number): Promise<unknown> }).setQuirk(4)
    await expect(fundProgram(hand, A, 500n))
      .to.emit(payouts, 'Funded')
      .withArgs(A, sponsor, 495)
    await assertCovered(hand)
  })

  it('R-40 what came in without fund is booked by skim, once, by the admin only', async () => {
    const hand = await loadFixture(coin)
    const { payouts, admin, guardian } = hand
    await networkHelpers.setBalance(await payouts.getAddress(), 2n * FUNDS + 77n)

    await expect(payouts.connect(guardian).skim(B)).to.be.revertedWithCustomError(
      payouts,
      'AccessControlUnauthorizedAccount',
    )
    await expect(payouts.connect(admin).skim(B)).to.emit(payouts, 'Skimmed').withArgs(B, 77)
    await expect(payouts.connect(admin).skim(B)).to.be.revertedWithCustomError(payouts, 'NoSurplus')
    expect(await balanceOfProgram(hand, B)).to.equal(FUNDS + 77n)
    await assertCovered(hand)
  })

  it('R-40 holds at most 2^96 - 1 units a program and 2^104 - 1 in all', async () => {
    const hand = await loadFixture(() => deployHand({ token: 'HostileToken' }))
    const { payouts, admin, terms } = hand
    await fundProgram(hand, A, MAX_PROGRAM - FUNDS)
    await expect(fundProgram(hand, A, 1n))
      .to.be.revertedWithCustomError(payouts, 'TooMuchMoney')
      .withArgs(MAX_PROGRAM + 1n, MAX_PROGRAM)
    // 254 programs more, and B, fill it but for 255 units.
    for (let program = 3; program <= 256; ++program) {
      await payouts.connect(admin).addProgram(program, terms)
      await fundProgram(hand, program, MAX_PROGRAM)
    }
    await fundProgram(hand, B, MAX_PROGRAM - FUNDS)
    await payouts.connect(admin).addProgram(257, terms)
    await fundProgram(hand, 257, MAX_BALANCE - 256n * MAX_PROGRAM)
    await expect(fundProgram(hand, 257, 1n))
      .to.be.revertedWithCustomError(payouts, 'TooMuchMoney')
      .withArgs(MAX_BALANCE + 1n, MAX_BALANCE)
  }).timeout(120_000)

  it('R-40 a gift of more than that ends no funding: only what is booked is limited', async () => {
    const hand = await loadFixture(token)
    await tokenOf(hand).mint(hand.payouts, 2n ** 110n)

    await fundProgram(hand, A, 5n)

    expect(await balanceOfProgram(hand, A)).to.equal(FUNDS + 5n)
    await assertCovered(hand)
  })

  it('R-50 the admin takes back what a program has, not more and not by anyone else', async () => {
    const hand = await loadFixture(coin)
    const { payouts, admin, guardian, payer } = hand
    await pay(hand, 1, [[payeeOf(0), 400n]])

    for (const by of [guardian, payer]) {
      await expect(payouts.connect(by).returnFunds(A, payeeOf(1), 1)).to.be.revertedWithCustomError(
        payouts,
        'AccessControlUnauthorizedAccount',
      )
    }
    await expect(payouts.connect(admin).returnFunds(A, payeeOf(1), FUNDS - 399n))
      .to.be.revertedWithCustomError(payouts, 'BalanceExceeded')
      .withArgs(A, FUNDS - 399n, FUNDS - 400n)
    for (const to of [ZERO, await payouts.getAddress()]) {
      await expect(payouts.connect(admin).returnFunds(A, to, 1))
        .to.be.revertedWithCustomError(payouts, 'BadRecipient')
        .withArgs(to)
    }
    await expect(payouts.connect(admin).returnFunds(A, payeeOf(1), FUNDS - 400n))
      .to.emit(payouts, 'FundsReturned')
      .withArgs(A, payeeOf(1), FUNDS - 400n)
    expect(await held(hand, [payeeOf(1)])).to.deep.equal([FUNDS - 400n])
    expect(await balanceOfProgram(hand, B)).to.equal(FUNDS)
    await assertCovered(hand)
  })

  it('R-40 refuses nobody as admin or guardian, and an address without code as token', async () => {
    const { payouts, admin, guardian } = await loadFixture(coin)
    for (const roles of [
      [ZERO, guardian],
      [admin, ZERO],
    ] as const) {
      await expect(ethers.deployContract('ProgramPayouts', [...roles, ZERO]))
        .to.be.revertedWithCustomError(payouts, 'BadRecipient')
        .withArgs(ZERO)
    }
    await expect(ethers.deployContract('ProgramPayouts', [admin, guardian, payeeOf(0)]))
      .to.be.revertedWithCustomError(payouts, 'NotAToken')
      .withArgs(payeeOf(0))
  })

  it('R-41 after tokens vanished nothing leaves until they are made good, and credits are still paid', async () => {
    const hand = await loadFixture(token)
    const { payouts, admin } = hand
    const bad = payeeOf(7)
    const mock = tokenOf(hand) as unknown as {
      burn(from: string, amount: bigint): Promise<unknown>
      setBlocked(account: string, isBlocked: boolean): Promise<unknown>
    }
    await mock.setBlocked(bad, true)
    await pay(hand, 1, [[bad, 100n]])
    await mock.setBlocked(bad, false)
    await mock.burn(await payouts.getAddress(), 1n)

    for (const call of [
      () => pay(hand, 2, [[payeeOf(0), 10n]]),
      () => payouts.connect(admin).returnFunds(A, payeeOf(0), 10),
    ]) {
      await expect(call())
        .to.be.revertedWithCustomError(payouts, 'Shortfall')
        .withArgs(2n * FUNDS - 11n, 2n * FUNDS - 10n)
    }
    await payouts.withdraw(bad)
    expect(await held(hand, [bad])).to.deep.equal([100n])
    await tokenOf(hand).mint(payouts, 1)
    await pay(hand, 2, [[payeeOf(0), 10n]])
    await assertCovered(hand)
  })
})

describe('credits of the programs', () => {
  const credited = async (): Promise<{ hand: Hand; owner: string }> => {
    const hand = await deployHand()
    const wallet = await ethers.deployContract('HostilePayee')
    await wallet.setMode(REVERTS)
    await pay(hand, 1, [[wallet, 60n]])
    await pay(hand, 1, [[wallet, 40n]], { program: B })
    return { hand, owner: await wallet.getAddress() }
  }

  it('R-32 add up over programs, and only the account itself sends them elsewhere', async () => {
    const { hand, owner } = await loadFixture(credited)
    const { payouts, stranger } = hand
    const wallet = await ethers.getContractAt('HostilePayee', owner)
    expect(await creditsOf(hand, [owner])).to.deep.equal([100n])
    await expect(payouts.connect(stranger).withdrawTo(stranger)).to.be.revertedWithCustomError(
      payouts,
      'NoCredit',
    )
    await expect(payouts.connect(stranger).withdraw(owner)).to.be.revertedWithCustomError(
      payouts,
      'PaymentFailed',
    )

    await wallet.execute(payouts, payouts.interface.encodeFunctionData('withdrawTo', [payeeOf(3)]))

    expect(await held(hand, [payeeOf(3)])).to.deep.equal([100n])
    await assertCovered(hand)
  })

  it('R-32 of a plain account go elsewhere by its EIP-712 signature, once and before the deadline', async () => {
    const hand = await loadFixture(coin)
    const { payouts, stranger, others } = hand
    const owner = others[3]!
    await networkHelpers.setCode(owner.address, '0x5f5ffd')
    await pay(hand, 1, [[owner, 100n]])
    await networkHelpers.setCode(owner.address, '0x')
    const deadline = (await time.latest()) + HOUR
    const domain = {
      name: 'Muster ProgramPayouts',
      version: '1',
      chainId: (await ethers.provider.getNetwork()).chainId,
      verifyingContract: await payouts.getAddress(),
    }
    const WithdrawTo = ['address account', 'address to', 'uint256 nonce', 'uint256 deadline'].map(
      (field) => ({ type: field.split(' ')[0]!, name: field.split(' ')[1]! }),
    )
    const message = { account: owner.address, to: payeeOf(4), nonce: 0n, deadline }
    const signature = await owner.signTypedData(domain, { WithdrawTo }, message)
    const send = payouts.connect(stranger).withdrawToBySig

    await expect(send(owner, payeeOf(5), deadline, signature)).to.be.revertedWithCustomError(
      payouts,
      'BadSignature',
    )
    await send(owner, payeeOf(4), deadline, signature)
    await expect(send(owner, payeeOf(4), deadline, signature)).to.be.revertedWithCustomError(
      payouts,
      'BadSignature',
    )
    expect(await held(hand, [payeeOf(4)])).to.deep.equal([100n])
    await time.increase(HOUR + 1)
    await expect(send(owner, payeeOf(4), deadline, signature)).to.be.revertedWithCustomError(
      payouts,
      'SignatureExpired',
    )
    await assertCovered(hand)
  })

  it('R-32 R-50 are moved by the admin after 180 days and 30 days’ notice, also those of nobody', async () => {
    const hand = await loadFixture(coin)
    const { payouts, admin, stranger } = hand
    await pay(hand, 1, [[ZERO, 100n]])
    const since = await time.latest()

    await expect(byAdmin(hand, 'proposeCreditMove', [ZERO, payeeOf(1)])).to.be.revert(ethers)
    await time.increaseTo(since + 180 * DAY)
    await payouts.connect(admin).proposeCreditMove(ZERO, payeeOf(1))
    await expect(payouts.executeCreditMove(ZERO)).to.be.revertedWithCustomError(
      payouts,
      'CreditMoveNotReady',
    )
    await time.increase(30 * DAY)
    await payouts.connect(stranger).executeCreditMove(ZERO)
    await payouts.withdraw(payeeOf(1))
    expect(await held(hand, [payeeOf(1)])).to.deep.equal([100n])
    await assertCovered(hand)
  })
})
