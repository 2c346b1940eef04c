import { expect } from 'chai'
import type { BaseContract } from 'ethers'
import type { HostilePayee, HostileToken } from '../../types/ethers-contracts/index.js'
import { DAY, ethers, loadFixture, networkHelpers } from '../helpers/contracts.ts'
import type { Hand, Payment } from '../helpers/payouts.ts'
import {
  A,
  B,
  FUNDS,
  assertCovered,
  balanceOfProgram,
  byAdmin,
  creditsOf,
  dataOf,
  deployHand,
  held,
  outcomeOf,
  pack,
  pay,
  payeeOf,
} from '../helpers/payouts.ts'

const AMOUNT = 100n
const [FIRST, LAST] = [payeeOf(1), payeeOf(2)]
const VICTIM = payeeOf(3)
/** Enough for a payee to call back and see it fail. */
const STIPEND = 200_000n

/** What becomes of a batch of three payments of 100, the middle one to the hostile payee or all by the hostile token. */
type Outcome =
  /** All three are paid. */
  | 'paid'
  /** The middle one is credited, the others are paid. */
  | 'credited'
  /** All three are credited. */
  | 'all credited'
  /** The batch reverts with this error. */
  | { reverts: string }
  /** The token says it paid and did not: its own payees lose, what it kept is surplus. */
  | 'lost'

async function assertOutcome(hand: Hand, middle: string, outcome: Outcome): Promise<void> {
  const accounts = [FIRST, middle, LAST]
  const batch = pay(
    hand,
    1,
    accounts.map((to): Payment => [to, AMOUNT]),
  )
  if (typeof outcome === 'object') {
    await expect(batch).to.be.revertedWithCustomError(hand.payouts, outcome.reverts)
    expect(await balanceOfProgram(hand, A)).to.equal(FUNDS)
    expect(await hand.payouts.isPaid(A, 1)).to.equal(false)
    expect(await held(hand, [FIRST, LAST])).to.deep.equal([0n, 0n])
    return
  }
  const credited = { paid: 0n, lost: 0n, credited: 1n, 'all credited': 3n }[outcome]
  const expected = [3n, (3n - credited) * AMOUNT, credited * AMOUNT]
  expect(await outcomeOf(hand, batch)).to.deep.equal(expected)
  const one = outcome === 'paid' || outcome === 'credited' ? AMOUNT : 0n
  expect(await held(hand, [FIRST, LAST])).to.deep.equal([one, one])
  const each = outcome === 'all credited' ? AMOUNT : 0n
  const inTheMiddle = outcome === 'credited' ? AMOUNT : each
  expect(await creditsOf(hand, accounts)).to.deep.equal([each, inTheMiddle, each])
  await assertCovered(hand)
}

/** Nobody else lost anything: program B pays all it ever had, and every credit is withdrawn. */
async function assertOthersUnharmed(hand: Hand, middle: string): Promise<void> {
  await pay(hand, 1, [[VICTIM, FUNDS]], { program: B })
  expect(await held(hand, [VICTIM])).to.deep.equal([FUNDS])
  for (const account of [FIRST, middle, LAST]) {
    const before = (await held(hand, [account]))[0] ?? 0n
    const credit = (await creditsOf(hand, [account]))[0] ?? 0n
    if (credit !== 0n) await hand.payouts.withdraw(account)
    expect(await held(hand, [account])).to.deep.equal([before + credit])
  }
  await assertCovered(hand)
}

// ------------------------------------------------------------------ payees

const PAYEES: [name: string, mode: number, outcome: Outcome][] = [
  ['accepts', 0, 'paid'],
  ['writes a slot', 1, 'paid'],
  ['answers with 90 kB', 2, 'paid'],
  ['sends the coin on', 3, 'paid'],
  ['reverts', 4, 'credited'],
  ['reverts with a reason', 5, 'credited'],
  ['reverts with 90 kB', 6, 'credited'],
  ['panics', 7, 'credited'],
  ['runs an invalid opcode', 8, 'credited'],
  ['burns all its gas', 9, 'credited'],
  ['fills its memory', 10, 'credited'],
  ['writes 64 slots', 11, 'credited'],
  ['calls itself until the gas is gone', 12, 'credited'],
  ['creates 16 contracts', 13, 'credited'],
  ['refuses odd amounts', 14, 'paid'],
  ['refuses the first visit', 15, 'credited'],
]

interface WithPayee {
  hand: Hand
  payee: HostilePayee
  at: string
}

async function withPayee(): Promise<WithPayee> {
  const hand = await deployHand({ terms: { stipend: STIPEND } })
  const payee = await ethers.deployContract('HostilePayee')
  return { hand, payee, at: await payee.getAddress() }
}

describe('payees that misbehave', () => {
  for (const [name, mode, outcome] of PAYEES) {
    it(`R-30 one that ${name} loses nobody else’s money`, async () => {
      const { hand, payee, at } = await loadFixture(withPayee)
      await payee.setMode(mode)

      await assertOutcome(hand, at, outcome)

      await payee.setMode(0)
      await assertOthersUnharmed(hand, at)
    })
  }

  it('R-30 one that sends what it gets back by destroying itself leaves a surplus, no debt', async () => {
    const { hand } = await loadFixture(withPayee)
    const at = payeeOf(9)
    const own = (await hand.payouts.getAddress()).slice(2)
    await networkHelpers.setCode(at, `0x73${own}ff`)

    const batch = pay(
      hand,
      1,
      [FIRST, at, LAST].map((to): Payment => [to, AMOUNT]),
    )

    expect(await outcomeOf(hand, batch)).to.deep.equal([3n, 300n, 0n])
    const { balance, balances } = await hand.payouts.books()
    expect(balance - balances).to.equal(AMOUNT)
    await assertCovered(hand)
  })

  // The payee is program B's payer and a guardian of its own credit: it may do more than others.
  const CALLS: [name: string, call: (hand: Hand, at: string) => Promise<[BaseContract, string]>][] =
    [
      [
        'pay of its own program',
        async ({ payouts }, at) => [
          payouts,
          dataOf(payouts, 'pay', [B, 5, await pack([[at, 1n]])]),
        ],
      ],
      ['withdraw', async ({ payouts }, at) => [payouts, dataOf(payouts, 'withdraw', [at])]],
      ['withdrawTo', async ({ payouts }) => [payouts, dataOf(payouts, 'withdrawTo', [payeeOf(8)])]],
      ['fund', async ({ payouts }) => [payouts, dataOf(payouts, 'fund', [A, 0])]],
      ['skim', async ({ payouts }) => [payouts, dataOf(payouts, 'skim', [A])]],
      [
        'returnFunds',
        async ({ payouts }, at) => [payouts, dataOf(payouts, 'returnFunds', [B, at, 1])],
      ],
      ['moveToClaims', async ({ payouts }) => [payouts, dataOf(payouts, 'moveToClaims', [B, 1])]],
    ]

  for (const [name, call] of CALLS) {
    it(`R-40 one that comes back by ${name} in the middle of a batch gets nothing by it`, async () => {
      const { hand, payee, at } = await loadFixture(withPayee)
      const { payouts, admin, terms } = hand
      await byAdmin(hand, 'setTerms', [B, { ...terms, payer: at }])
      await payouts.connect(admin).setClaims(B, at)
      await payouts.connect(admin).grantRole(ethers.ZeroHash, at)
      await payee.setMode(4)
      await pay(hand, 9, [[at, 7n]])
      const [target, data] = await call(hand, at)
      await payee.setCall(target, data)

      await pay(hand, 1, [
        [FIRST, AMOUNT],
        [at, AMOUNT],
        [LAST, AMOUNT],
      ])

      expect(await payee.calls()).to.equal(1)
      expect(await payee.succeeded()).to.equal(false)
      expect(await payee.answer()).to.equal(
        ethers.id('ReentrancyGuardReentrantCall()').slice(0, 10),
      )
      expect(await held(hand, [FIRST, at, LAST])).to.deep.equal([AMOUNT, AMOUNT, AMOUNT])
      expect(await balanceOfProgram(hand, A)).to.equal(FUNDS - 7n - 3n * AMOUNT)
      expect(await balanceOfProgram(hand, B)).to.equal(FUNDS)
      await assertCovered(hand)
    })
  }

  it('R-40 one that moves its own old credit in the middle of a batch moves it once', async () => {
    const { hand, payee, at } = await loadFixture(withPayee)
    const { payouts, admin } = hand
    await payee.setMode(4)
    await pay(hand, 9, [[at, 7n]])
    await networkHelpers.time.increase(180 * DAY)
    await payouts.connect(admin).proposeCreditMove(at, LAST)
    await networkHelpers.time.increase(30 * DAY)
    await payee.setCall(payouts, dataOf(payouts, 'executeCreditMove', [at]))

    await pay(hand, 1, [[at, AMOUNT]])

    expect(await payee.succeeded()).to.equal(true)
    expect(await creditsOf(hand, [at, LAST])).to.deep.equal([0n, 7n])
    await payouts.withdraw(LAST)
    await assertCovered(hand)
  })
})

// ------------------------------------------------------------------ tokens

const TOKENS: [name: string, mode: number, outcome: Outcome][] = [
  ['is honest', 0, 'paid'],
  ['returns nothing', 1, 'paid'],
  ['returns true and two words more', 2, 'paid'],
  ['returns false', 3, 'all credited'],
  ['moves and returns 2', 4, { reverts: 'Shortfall' }],
  ['moves and returns one byte', 5, { reverts: 'Shortfall' }],
  ['returns true and 90 kB', 6, 'paid'],
  ['reverts', 7, 'all credited'],
  ['reverts with 90 kB', 8, 'all credited'],
  ['burns all its gas', 9, 'all credited'],
  ['runs an invalid opcode', 10, 'all credited'],
  ['is paused', 11, 'all credited'],
  ['blocks the recipient', 12, 'credited'],
  ['refuses amounts above a limit', 13, 'all credited'],
  ['limits what a wallet may hold', 14, 'credited'],
  ['moves nothing and returns nothing', 15, 'lost'],
  ['moves nothing and returns true', 16, 'lost'],
  ['moves and returns false', 18, { reverts: 'Shortfall' }],
  ['takes a tenth more from the sender', 19, { reverts: 'Shortfall' }],
  ['shrinks all balances', 20, { reverts: 'Shortfall' }],
]

interface WithToken {
  hand: Hand
  token: HostileToken
}

async function withToken(): Promise<WithToken> {
  const hand = await deployHand({ token: 'HostileToken', terms: { stipend: 300_000n } })
  return { hand, token: hand.token as HostileToken }
}

describe('tokens that misbehave', () => {
  const middle = payeeOf(6)
  for (const [name, mode, outcome] of TOKENS) {
    it(`R-30 R-41 R-61 one that ${name} loses nobody else’s money`, async () => {
      const { hand, token } = await loadFixture(withToken)
      await token.setBlocked(middle, true)
      await token.mint(middle, 50)
      await token.setMode(mode)

      await assertOutcome(hand, middle, outcome)

      await token.setMode(0)
      await assertOthersUnharmed(hand, middle)
    })
  }

  it('R-41 one that takes a fee pays its payees less, and no other program', async () => {
    const { hand, token } = await loadFixture(withToken)
    await token.setMode(17)

    await pay(hand, 1, [
      [FIRST, AMOUNT],
      [LAST, AMOUNT],
    ])

    expect(await held(hand, [FIRST, LAST])).to.deep.equal([90n, 90n])
    await token.setMode(0)
    await assertOthersUnharmed(hand, middle)
  })

  it('R-41 one that grows all balances leaves a surplus that is skimmed', async () => {
    const { hand, token } = await loadFixture(withToken)
    await token.setMode(21)
    await pay(hand, 1, [[FIRST, AMOUNT]])

    const { balance, balances } = await hand.payouts.books()
    await hand.payouts.connect(hand.admin).skim(A)

    expect(await balanceOfProgram(hand, A)).to.equal(FUNDS - AMOUNT + balance - balances)
    await assertCovered(hand)
  })

  for (const [name, mode] of [
    ['calls back', 22],
    ['calls its recipient', 23],
  ] as const) {
    it(`R-40 one that ${name} in the middle of a batch pays nothing twice`, async () => {
      const { hand, token } = await loadFixture(withToken)
      const { payouts, terms } = hand
      // The token is program B's payer.
      await byAdmin(hand, 'setTerms', [B, { ...terms, payer: await token.getAddress() }])
      await token.setCall(payouts, dataOf(payouts, 'pay', [B, 5, await pack([[LAST, 1n]])]))
      await token.setMode(mode)

      await pay(hand, 1, [
        [FIRST, AMOUNT],
        [LAST, AMOUNT],
      ])

      expect(await token.calls()).to.equal(2)
      expect(await token.succeeded()).to.equal(mode === 23)
      expect(await payouts.isPaid(B, 5)).to.equal(false)
      expect(await held(hand, [FIRST, LAST])).to.deep.equal([AMOUNT, AMOUNT])
      expect(await balanceOfProgram(hand, B)).to.equal(FUNDS)
      await assertCovered(hand)
    })
  }
})
