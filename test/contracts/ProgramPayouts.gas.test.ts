import { expect } from 'chai'
import type { ERC20Mock } from '../../types/ethers-contracts/index.js'
import { TX_GAS, ethers, loadFixture, networkHelpers, range } from '../helpers/contracts.ts'
import type { Hand, Payment } from '../helpers/payouts.ts'
import {
  A,
  STIPEND,
  TOKEN_STIPEND,
  assertCovered,
  byAdmin,
  creditsOf,
  deployHand,
  outcomeOf,
  pack,
  pay,
  payeeOf,
} from '../helpers/payouts.ts'
import { withReceivers } from '../helpers/receivers.ts'
import type { Refusers } from '../helpers/receivers.ts'

const WRITES = 1
/** The least gas with which a batch of three is tried, and the step to the next try. */
const LEAST_GAS = 60_000n
const GAS_STEP = 4_000n
/** A batch of three that store a slot each takes less than this. */
const ENOUGH_GAS = 400_000n

const coin = (): Promise<Hand> => deployHand()
const token = (): Promise<Hand> => deployHand({ token: 'ERC20Mock' })
const writers = async (): Promise<Refusers> => withReceivers([WRITES, WRITES, WRITES])

describe('gas of a batch', () => {
  it('R-30 whatever the gas limit, a batch reverts or pays payees that need their whole stipend', async () => {
    const { hand, receivers } = await loadFixture(writers)
    const payments = receivers.map((to): Payment => [to, 3n])
    const snapshot = await networkHelpers.takeSnapshot()
    let [paid, reverted] = [0, 0]
    for (let gasLimit = LEAST_GAS; gasLimit < ENOUGH_GAS; gasLimit += GAS_STEP) {
      const outcome = await outcomeOf(hand, pay(hand, 1, payments, { gasLimit })).catch(
        () => 'reverted',
      )
      if (outcome === 'reverted') ++reverted
      else {
        ++paid
        expect(outcome, String(gasLimit)).to.deep.equal([3n, 9n, 0n])
      }
      await snapshot.restore()
    }
    expect(paid).to.be.greaterThan(5)
    expect(reverted).to.be.greaterThan(5)
  }).timeout(60_000)

  it('R-30 a batch sent with the estimate pays everybody or reverts', async () => {
    const { hand, receivers } = await loadFixture(writers)
    const payments = receivers.map((to): Payment => [to, 3n])
    const packed = await pack(payments)
    const gasLimit = await hand.payouts.connect(hand.payer).pay.estimateGas(A, 1, packed)

    const outcome = await outcomeOf(hand, pay(hand, 1, payments, { gasLimit })).catch(
      () => 'reverted',
    )

    if (outcome !== 'reverted') expect(outcome).to.deep.equal([3n, 9n, 0n])
    expect(await creditsOf(hand, receivers)).to.deep.equal([0n, 0n, 0n])
  })

  for (const [asset, fixture, payee, stipend] of [
    ['coin', coin, 35_000n, STIPEND],
    ['tokens', token, 25_800n, TOKEN_STIPEND],
  ] as const) {
    it(`R-30 the gas that docs/contracts.md computes is enough for ${asset}: new payees, 15 bad ones first`, async () => {
      const hand = await loadFixture(fixture)
      const bad = range(15).map((i) => payeeOf(100 + i))
      if (hand.token) {
        const mock = hand.token as unknown as ERC20Mock
        for (const at of bad) await mock.setBlocked(at, true)
      } else for (const at of bad) await networkHelpers.setCode(at, '0x5b5f56')
      const payments = [...bad, ...range(85).map(payeeOf)].map((to): Payment => [to, 1n])
      const floor = (stipend * 64n) / 63n + 60_000n
      const gasLimit = 60_000n + 100n * payee + 16n * (stipend + 40_000n) + floor

      const outcome = await outcomeOf(hand, pay(hand, 1, payments, { gasLimit }))

      expect(outcome).to.deep.equal([100n, 85n, 15n])
      await assertCovered(hand)
    })
  }

  it('R-30 says at which payment the gas would not do', async () => {
    const { hand, receivers } = await loadFixture(writers)
    const payments = receivers.map((to): Payment => [to, 3n])
    const batch = pay(hand, 1, payments, { gasLimit: 165_000n })

    await expect(batch).to.be.revertedWithCustomError(hand.payouts, 'GasTooLow')
    expect(await hand.payouts.isPaid(A, 1)).to.equal(false)
  })

  it('R-30 the stipend and maxRefused of a program stay within their bounds', async () => {
    const hand = await loadFixture(coin)
    const { payouts, terms } = hand
    for (const [name, changes, given, min, max] of [
      ['stipend', { stipend: 14_999n }, 14_999, 15_000, 500_000],
      ['stipend', { stipend: 500_001n }, 500_001, 15_000, 500_000],
      ['maxRefused', { maxRefused: 0n }, 0, 1, 32],
      ['maxRefused', { maxRefused: 33n }, 33, 1, 32],
    ] as const) {
      await expect(payouts.connect(hand.admin).setTerms(A, { ...terms, ...changes }))
        .to.be.revertedWithCustomError(payouts, 'BadParam')
        .withArgs(ethers.encodeBytes32String(name), given, min, max)
    }
    await byAdmin(hand, 'setTerms', [A, { ...terms, stipend: 15_000n, maxRefused: 1n }])
    expect((await payouts.programOf(A)).terms.maxRefused).to.equal(1)
    expect(TX_GAS).to.equal(2n ** 24n)
  })
})
