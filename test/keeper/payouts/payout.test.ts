import { expect } from 'chai'
import { KeeperError } from '../../../keeper/base/errors.ts'
import type { Address } from '../../../keeper/base/schema.ts'
import { listJournal } from '../../../keeper/chain/journal/journal.ts'
import { balanceOf } from '../../../keeper/ledger/balances.ts'
import { listConflicts } from '../../../keeper/ledger/quarantine.ts'
import { readCursors } from '../../../keeper/payouts/program-row.ts'
import type { PayoutStep, Reach, ReachPayees } from '../../../keeper/payouts/room.ts'
import { bookWithdrawals, finalBlock } from '../../../keeper/payouts/withdrawals.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { COIN, NOON, assertBooksBalance } from '../../helpers/ledger.ts'
import { award, openPaying, payeeAt, programOf } from '../../helpers/paying.ts'
import type { Paying, PayingOptions } from '../../helpers/paying.ts'

/** Everybody at his own address, but those. */
function reachBut(held: ReadonlySet<string>): ReachPayees {
  const reachOf = (payee: string): Reach =>
    held.has(payee) ? { kept: 'held' } : { address: payee as Address }
  return async (_t, _program, payees) => new Map(payees.map((payee) => [payee, reachOf(payee)]))
}

describe('from an award to a receipt', function () {
  this.timeout(120_000)
  let paying: Paying
  const open = async (options?: PayingOptions): Promise<void> => {
    paying = await openPaying(options)
  }
  const books = (account: string): Promise<bigint> => balanceOf(paying.db, account, COIN)

  afterEach(async () => {
    await assertBooksBalance(paying.db)
    await paying.close()
  })

  it('everybody is paid, who refuses is credited, and the books say the same as the chain', async () => {
    await open()
    const refuser = (await paying.refuser()).toLowerCase()
    const [alice, bob] = [payeeAt(0), payeeAt(1)]
    const awards = [award('a', alice, 5n), award('b', refuser, 7n), award('c', bob, 11n)]

    const { accrued, settled, paidOut } = await paying.run(programOf(awards))

    expect(accrued).to.deep.equal({ awards: 3, amount: 23n, known: 0 })
    expect(settled).to.deep.equal({ payouts: 3, amount: 23n, kept: {} })
    expect(paidOut).to.include({ payments: 3, paid: 16n, credited: 7n, refused: 1, isShort: false })
    expect(await paying.balanceOf(alice)).to.equal(5n)
    expect(await paying.balanceOf(bob)).to.equal(11n)
    expect(await paying.creditOf(refuser)).to.equal(7n)
    expect(await books('paid:manual')).to.equal(16n)
    expect(await books(`credit:${refuser}`)).to.equal(7n)
    expect(await books('inflight:manual')).to.equal(0n)
    expect(await books(`owed:manual:${alice}`)).to.equal(0n)
  })

  it('the same awards again post nothing and send nothing', async () => {
    await open()
    const program = programOf([award('a', payeeAt(0), 5n), award('b', payeeAt(1), 6n)])
    await paying.run(program)

    const { accrued, settled, paidOut } = await paying.run(program)

    expect(accrued).to.deep.equal({ awards: 0, amount: 0n, known: 2 })
    expect(settled.payouts).to.equal(0)
    expect(paidOut.txs).to.deep.equal([])
    expect(await paying.balanceOf(payeeAt(0))).to.equal(5n)
    expect(await listJournal(paying.db)).to.have.length(1)
  })

  it('another amount under a known reference refuses the whole period and names it', async () => {
    await open()
    await paying.run(programOf([award('a', payeeAt(0), 5n)]))
    const changed = [
      award('new', payeeAt(1), 9n, { line: 2 }),
      award('a', payeeAt(0), 6n, { line: 3 }),
    ]

    const error = await rejectionOf(paying.run(programOf(changed)))

    expect(error.code).to.equal('AWARD_CONFLICT')
    expect(error.facts['faults']).to.deep.equal([
      { ref: 'a', line: 3, fault: 'a: amount 5, now 6' },
    ])
    expect(await books(`accrued:manual:${payeeAt(1)}`)).to.equal(0n)
    expect(await paying.balanceOf(payeeAt(1))).to.equal(0n)
    const [kept] = await listConflicts(paying.db, 10)
    expect(kept).to.include({ key: 'manual:a', times: 1 })
  })

  it('a batch that stopped at its limit of refusals leaves the rest for the next one', async () => {
    await open({ maxRefused: 1 })
    const refusers = [await paying.refuser(), await paying.refuser()]
    const awards = [...refusers, payeeAt(0)].map((payee, i) =>
      award(`r${i}`, payee.toLowerCase(), 3n, { effectiveAt: NOON - 10 + i }),
    )

    const { paidOut } = await paying.run(programOf(awards))

    expect(paidOut).to.include({ payments: 3, paid: 3n, credited: 6n, refused: 2 })
    expect(paidOut.txs).to.have.length(3)
    expect(await paying.balanceOf(payeeAt(0))).to.equal(3n)
    expect(paidOut.left.payouts).to.equal(0)
  })

  it('what the budget does not let out stays owed, in its order, and is paid when there is money', async () => {
    await open({ funds: 10n })
    const awards = [4n, 5n, 6n, 1n].map((amount, i) =>
      award(`r${i}`, payeeAt(i), amount, { effectiveAt: NOON + i }),
    )

    const first = await paying.run(programOf(awards))
    await paying.fund(100n)
    const second = await paying.run(programOf(awards))

    expect(first.paidOut).to.include({ paid: 9n, isShort: true })
    expect(first.paidOut.left).to.deep.equal({ payouts: 2, payees: 2, amount: 7n })
    expect(second.paidOut).to.include({ paid: 7n, isShort: false })
  })

  it('a payee on hold is passed over, at the settlement and before a batch', async () => {
    await open()
    const held = new Set([payeeAt(1)])
    const reach = reachBut(held)
    const program = programOf([0, 1, 2].map((i) => award(`r${i}`, payeeAt(i), 5n)))

    const first = await paying.run(program, { reach })
    held.clear()
    held.add(payeeAt(3))
    const more = programOf([award('r3', payeeAt(3), 5n)])
    const second = await paying.run(more, { reach })

    expect(first.settled.kept).to.deep.equal({ held: 1 })
    expect(first.paidOut.paid).to.equal(10n)
    expect(second.settled).to.deep.equal({ payouts: 1, amount: 5n, kept: { held: 1 } })
    expect(await paying.balanceOf(payeeAt(1))).to.equal(5n)
    expect(await books(`accrued:manual:${payeeAt(3)}`)).to.equal(5n)
  })

  it('what is above a cap or less than a unit stays accrued and joins the next payout', async () => {
    await open()
    const rules = { capPerPayee: 100n, unit: 10n }
    await paying.run(programOf([award('a', payeeAt(0), 57n)], rules))
    expect(await paying.balanceOf(payeeAt(0))).to.equal(50n)
    expect(await books(`accrued:manual:${payeeAt(0)}`)).to.equal(7n)

    await paying.run(programOf([award('b', payeeAt(0), 203n)], rules))

    expect(await paying.balanceOf(payeeAt(0))).to.equal(150n)
    expect(await books(`accrued:manual:${payeeAt(0)}`)).to.equal(110n)
  })

  it('a credit that its owner took is booked as paid by the next run, once', async () => {
    await open()
    const refuser = (await paying.refuser()).toLowerCase()
    await paying.run(programOf([award('a', refuser, 7n)]))
    await paying.relent(refuser)
    await paying.withdraw(refuser)

    await paying.run(programOf([]))
    await paying.run(programOf([]))

    expect(await paying.balanceOf(refuser)).to.equal(7n)
    expect(await books(`credit:${refuser}`)).to.equal(0n)
    expect(await books('paid:credits')).to.equal(7n)
  })

  it('a credit that was taken before its batch is in the books waits for that, and is booked then', async () => {
    await open()
    const refuser = (await paying.refuser()).toLowerCase()
    const program = programOf([award('a', refuser, 7n)])
    const died = new KeeperError('INTERRUPTED')
    const onStep = (step: PayoutStep): void => {
      if (step === 'batch-sent') throw died
    }
    await rejectionOf(paying.run(program, { onStep }))
    await paying.relent(refuser)
    await paying.withdraw(refuser)
    const room = paying.room()
    const through = await finalBlock(room)

    const early = await bookWithdrawals(room, through)
    await paying.run(program)

    expect(early).to.equal(0)
    expect(await books(`credit:${refuser}`)).to.equal(0n)
    expect(await books('paid:credits')).to.equal(7n)
  })

  it('what a program was funded with less what was paid is what the contract holds for it', async () => {
    await open({ funds: 100n })
    await paying.run(programOf([award('a', payeeAt(0), 5n)]))
    await paying.fund(20n)
    await paying.run(programOf([award('b', payeeAt(0), 6n)]))

    const { address, payouts } = paying.contracts
    const treasury = await books(`treasury:${address.toLowerCase()}:1`)
    expect(treasury).to.equal(120n)
    expect(treasury - (await books('paid:manual'))).to.equal((await payouts.programOf(1)).balance)
  })

  it('who comes on hold after the settlement is owed and passed over until the hold ends', async () => {
    await open({ funds: 0n })
    const program = programOf([0, 1].map((i) => award(`r${i}`, payeeAt(i), 5n)))
    await paying.run(program)
    await paying.fund(100n)

    const held = await paying.run(program, { reach: reachBut(new Set([payeeAt(0)])) })
    const free = await paying.run(program)

    expect(held.paidOut).to.include({ paid: 5n, isShort: false })
    expect(held.paidOut.left).to.deep.equal({ payouts: 1, payees: 1, amount: 5n })
    expect(free.paidOut.paid).to.equal(5n)
    expect(await paying.balanceOf(payeeAt(0))).to.equal(5n)
  })

  it('who comes on hold between the choice and the intent is not paid, nor is anybody of that batch', async () => {
    await open()
    const program = programOf([0, 1].map((i) => award(`r${i}`, payeeAt(i), 5n)))
    let asked = 0
    // By the settlement, by the choice, and in the transaction of the intent.
    const reach: ReachPayees = (...about) => {
      asked += 1
      return reachBut(new Set(asked < 3 ? [] : [payeeAt(0)]))(...about)
    }

    const error = await rejectionOf(paying.run(program, { reach }))
    const after = await paying.run(program, { reach })

    expect(error.code).to.equal('PAYOUT_MOVED')
    expect(after.paidOut).to.include({ paid: 5n })
    expect(await paying.balanceOf(payeeAt(0))).to.equal(0n)
    expect(await paying.balanceOf(payeeAt(1))).to.equal(5n)
    expect(await books('inflight:manual')).to.equal(0n)
  })

  it('accrued-through moves with the awards, settled-through only with a final receipt', async () => {
    await open({ funds: 5n })
    const awards = [
      award('a', payeeAt(0), 5n, { effectiveAt: 100 }),
      award('b', payeeAt(1), 5n, { effectiveAt: 200 }),
    ]

    await paying.run(programOf(awards))
    const before = await readCursors(paying.db, 'manual')
    await paying.fund(5n)
    await paying.run(programOf(awards))

    expect(before).to.deep.equal({ accruedThrough: NOON + 1, settledThrough: 200 })
    const after = await readCursors(paying.db, 'manual')
    expect(after).to.deep.equal({ accruedThrough: NOON + 1, settledThrough: NOON + 1 })
  })

  it('a batch that reverted on chain is owed again, and its number goes to the next one', async () => {
    await open()
    const program = programOf([award('a', payeeAt(0), 5n)])
    const room = paying.room()
    // The budget is lowered between the plan and the block.
    let isLowered = false
    const lower = async (): Promise<void> => {
      if (isLowered) return
      isLowered = true
      await paying.lowerBudget(0n)
    }
    const error = await rejectionOf(
      paying.run(program, {
        sending: { onStep: (label) => (label === 'signed-stored' ? lower() : undefined) },
      }),
    )
    expect(error.code).to.equal('TX_REVERTED')
    expect(await books('inflight:manual')).to.equal(0n)
    expect(await books(`owed:manual:${payeeAt(0)}`)).to.equal(5n)

    await paying.setBudget(100n)
    const { paidOut } = await paying.run(program)

    expect(paidOut.paid).to.equal(5n)
    expect(await paying.balanceOf(payeeAt(0))).to.equal(5n)
    expect(await room.contracts.payouts.isPaid(1, 0)).to.equal(true)
    expect(await room.contracts.payouts.isPaid(1, 1)).to.equal(false)
  })

  it('a store that lacks a batch which the contract has paid sends nothing (S-12)', async () => {
    await open()
    await paying.run(programOf([award('a', payeeAt(0), 5n)]))
    const older = await openPaying()
    try {
      const room = { ...paying.room({ db: older.db }) }
      const error = await rejectionOf(
        paying.run(programOf([award('a', payeeAt(0), 5n)]), {
          db: older.db,
          contracts: room.contracts,
        }),
      )
      expect(error.code).to.equal('PAYOUT_SEQ_USED')
      expect(await paying.balanceOf(payeeAt(0))).to.equal(5n)
    } finally {
      await older.close()
    }
  })

  it('a program that the contract does not know, and claims that nobody publishes, are refused', async () => {
    await open()
    const awards = [award('a', payeeAt(0), 5n)]
    const unknown = await rejectionOf(
      paying.run(programOf(awards, {}, { id: 'other', number: 9 }), { reach: reachBut(new Set()) }),
    )
    const claims = await rejectionOf(paying.run(programOf(awards, {}, { method: () => 'claim' })))
    const moved = await rejectionOf(paying.run(programOf(awards, {}, { number: 2 })))
    expect([unknown.code, claims.code, moved.code]).to.deep.equal([
      'PROGRAM_NOT_ADDED',
      'CLAIMS_NOT_DEPLOYED',
      'PROGRAM_CHANGED',
    ])
  })

  it('an award that the books could not take is refused with its reference', async () => {
    await open()
    const wrong = [
      award('', payeeAt(0), 1n),
      award('carry/x', payeeAt(0), 1n),
      award('a', 'two words', 1n),
      award('a', payeeAt(0), 0n),
      award('a'.repeat(121), payeeAt(0), 1n),
    ]
    for (const one of wrong) {
      const error = await rejectionOf(paying.run(programOf([one])))
      expect(error.code, one.ref).to.equal('AWARD_INVALID')
    }
  })
})
