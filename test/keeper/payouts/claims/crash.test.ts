import { expect } from 'chai'
import { balanceOf } from '../../../../keeper/ledger/balances.ts'
import { sumLeaves } from '../../../../keeper/payouts/claims/claims-rows.ts'
import type { Program } from '../../../../keeper/payouts/program.ts'
import { claimed, openClaiming } from '../../../helpers/claiming.ts'
import type { Claiming } from '../../../helpers/claiming.ts'
import { runUntilDeath } from '../../../helpers/crashing-db.ts'
import { COIN, assertBooksBalance } from '../../../helpers/ledger.ts'
import { award, payeeAt } from '../../../helpers/paying.ts'
import { ON_POSTGRES } from '../../../helpers/store.ts'

// Every root has all leaves before it, so that a whole round is dear; the server sees the same statements once more.
const EVERY = ON_POSTGRES ? 5 : 1
const PAYEES = 2
const EACH = 5n

/** Its own payees and references, so that all deaths fall on one chain and one store. */
function programAt(place: number): Program {
  const awards = Array.from({ length: PAYEES }, (_, i) =>
    award(`${place}/${i}`, payeeAt(place * PAYEES + i), EACH),
  )
  return claimed(awards, {}, { keeperPays: true })
}

describe('claims that die at any of their awaits', function () {
  this.timeout(900_000)
  let claiming: Claiming
  let place = 0
  before(async () => {
    claiming = await openClaiming()
  })
  after(async () => {
    await assertBooksBalance(claiming.db)
    await claiming.close()
  })

  const runUntil = (program: Program, diesAt?: number): Promise<number> =>
    runUntilDeath(
      claiming.db,
      (db, clock) => claiming.run(program, { db, sending: { clock } }),
      diesAt,
    )

  async function expectPaid(died: number): Promise<void> {
    for (let i = 0; i < PAYEES; i += 1) {
      const balance = await claiming.balanceOf(payeeAt(place * PAYEES + i))
      expect(balance, `died at ${died}`).to.equal(EACH)
    }
    place += 1
    const total = BigInt(place * PAYEES) * EACH
    expect(await balanceOf(claiming.db, 'paid:manual', COIN), `died at ${died}`).to.equal(total)
    expect(await balanceOf(claiming.db, 'inflight:manual:claims', COIN)).to.equal(0n)
    const sums = await sumLeaves(claiming.db, claiming.desk.place)
    expect(sums).to.deep.include({ total, claimed: total })
  }

  it('go on when they are run again: a root is proposed, accepted, paid and booked once', async () => {
    const proposing = await runUntil(programAt(place))
    await claiming.rest()
    const accepting = await runUntil(programAt(place))
    await expectPaid(0)
    expect(Math.min(proposing, accepting)).to.be.greaterThan(100)
    for (let diesAt = 1; diesAt <= Math.max(proposing, accepting); diesAt += EVERY) {
      await runUntil(programAt(place), diesAt)
      await claiming.run(programAt(place))
      await claiming.rest()
      await runUntil(programAt(place), diesAt)
      await claiming.run(programAt(place))
      await expectPaid(diesAt)
    }
  })
})
