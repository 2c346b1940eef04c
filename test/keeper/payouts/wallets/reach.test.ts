import { expect } from 'chai'
import type { Address } from '../../../../keeper/base/schema.ts'
import { addHold } from '../../../../keeper/payouts/wallets/holds.ts'
import { reachPayees } from '../../../../keeper/payouts/wallets/reach.ts'
import { testClock } from '../../../helpers/clock.ts'
import { freshDb } from '../../../helpers/store.ts'

const START = 1_800_000_000
const [PAID, HELD, DENIED, BOTH] = ['1', '2', '3', '4'].map((digit) => `0x${digit.repeat(40)}`) as [
  Address,
  Address,
  Address,
  Address,
]

describe('whom a payment reaches', () => {
  it('is said of every payee: where it is paid, or what keeps it back', async () => {
    const db = await freshDb()
    const room = { db, clock: testClock(START) }
    const why = { reason: 'looked into', actor: 'compliance' }
    await addHold(room, { ...why, list: 'hold', program: 'manual', payee: HELD })
    await addHold(room, { ...why, list: 'deny', address: DENIED })
    await addHold(room, { ...why, list: 'hold', address: BOTH })
    await addHold(room, { ...why, list: 'deny', address: BOTH, program: 'manual' })

    const payees = [PAID, HELD, DENIED, BOTH, 'nobody']
    const found = await reachPayees(db, 'manual', payees, START)

    expect([...found]).to.deep.equal([
      [PAID, { address: PAID }],
      [HELD, { kept: 'held' }],
      [DENIED, { kept: 'denied' }],
      [BOTH, { kept: 'denied' }],
      ['nobody', { kept: 'no-wallet' }],
    ])
    await db.close()
  })
})
