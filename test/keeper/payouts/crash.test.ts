import { expect } from 'chai'
import { listJournal } from '../../../keeper/chain/journal/journal.ts'
import { balanceOf } from '../../../keeper/ledger/balances.ts'
import type { Program } from '../../../keeper/payouts/program.ts'
import { runUntilDeath } from '../../helpers/crashing-db.ts'
import { COIN, assertBooksBalance } from '../../helpers/ledger.ts'
import { award, openPaying, payeeAt, programOf } from '../../helpers/paying.ts'
import type { Paying } from '../../helpers/paying.ts'

const PAYEES = 3
const EACH = 5n

/** Its own payees and references, so that all deaths fall on one chain and one store. */
function programAt(place: number): Program {
  const awards = Array.from({ length: PAYEES }, (_, i) =>
    award(`${place}/${i}`, payeeAt(place * PAYEES + i), EACH),
  )
  return programOf(awards)
}

describe('a payout that dies at any of its awaits', function () {
  this.timeout(600_000)
  let paying: Paying
  before(async () => {
    paying = await openPaying()
  })
  after(async () => {
    await assertBooksBalance(paying.db)
    await paying.close()
  })

  const runUntil = (program: Program, diesAt?: number): Promise<number> =>
    runUntilDeath(paying.db, (db, clock) => paying.run(program, { db, sending: { clock } }), diesAt)

  it('goes on when it is run again: everybody is paid once, and the books say so', async () => {
    const steps = await runUntil(programAt(0))
    expect(steps).to.be.greaterThan(50)
    for (let diesAt = 1; diesAt <= steps; diesAt += 1) {
      const program = programAt(diesAt)
      await runUntil(program, diesAt)
      const { paidOut } = await paying.run(program)
      expect(paidOut.left.payouts, `died at ${diesAt}`).to.equal(0)
      for (let i = 0; i < PAYEES; i += 1) {
        const payee = payeeAt(diesAt * PAYEES + i)
        expect(await paying.balanceOf(payee), `died at ${diesAt}`).to.equal(EACH)
      }
    }
    const payees = BigInt((steps + 1) * PAYEES)
    expect(await balanceOf(paying.db, 'paid:manual', COIN)).to.equal(payees * EACH)
    expect(await balanceOf(paying.db, 'inflight:manual', COIN)).to.equal(0n)
    const rows = await listJournal(paying.db, { limit: 10_000 })
    expect(rows.filter(({ state }) => state === 'final')).to.have.length(steps + 1)
  })
})
