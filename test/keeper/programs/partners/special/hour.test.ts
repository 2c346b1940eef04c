import assert from 'node:assert/strict'
import { KeeperError } from '../../../../../keeper/base/errors.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import { sendSpecial } from '../../../../../keeper/programs/partners/special/send.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { assertBooksBalance } from '../../../../helpers/ledger.ts'
import {
  FIRST,
  accruedOf,
  landed,
  partnersRoom,
  votesOf,
} from '../../../../helpers/partners-room.ts'
import { secondStore } from '../../../../helpers/second-store.ts'
import { freshDb } from '../../../../helpers/store.ts'

// Position 20 of 30: paid by two categories of the hour; the first one by all five.
const SPECIAL = new Set(['p1', 'p20'])

describe('an hour of special partners', () => {
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
    await landed(db, [...votesOf(30, FIRST), ...votesOf(30, FIRST + 1)])
  })
  afterEach(() => db.close())

  async function fiveOf(partner: string, hour: number): Promise<bigint> {
    const { sum } = await db.one<{ sum: string }>(
      `select top10p + top10 + top100 + top1000 + "all" as sum from partner_hour_share
        where partner = $1 and hour = $2 and not shadow`,
      [partner, hour],
    )
    return BigInt(sum)
  }

  it('is theirs here like everybody’s, and the sum of its five amounts goes to the second database (D-17)', async () => {
    const room = partnersRoom(db, { special: SPECIAL })
    const second = secondStore()
    await runPartners(room, { hour: FIRST })
    assert.deepEqual(await sendSpecial(room, second.target), { sent: 2, left: 0, isBusy: false })
    const [first, twentieth] = [await fiveOf('p1', FIRST), await fiveOf('p20', FIRST)]
    assert.ok(first > twentieth && twentieth > 0n)
    assert.deepEqual(second.rows(), [`${FIRST}/p1 ${first}`, `${FIRST}/p20 ${twentieth}`])
    assert.equal(await accruedOf(db, 'p1'), first)
    const view = await db.query(`select partner_id, cc_reward from cc_hourly order by partner_id`)
    assert.deepEqual(view, [
      { partner_id: 'p1', cc_reward: String(first) },
      { partner_id: 'p20', cc_reward: String(twentieth) },
    ])
  })

  it('stands here whatever the second database does, and the next hour follows it (D-18)', async () => {
    const room = partnersRoom(db, { special: SPECIAL })
    const second = secondStore()
    second.onOpen = () =>
      Promise.reject(new KeeperError('PARTNERS_DATABASE_AWAY', { what: 'it', reason: 'down' }))
    await runPartners(room, { hour: FIRST })
    assert.deepEqual(await sendSpecial(room, second.target), { sent: 0, left: 2, isBusy: false })
    await runPartners(room, { hour: FIRST + 1 })
    await runPartners(room, { hour: FIRST + 1 })
    const sums = [await fiveOf('p20', FIRST), await fiveOf('p20', FIRST + 1)] as const
    assert.equal(await accruedOf(db, 'p20'), sums[0] + sums[1])
    await assertBooksBalance(db)
    second.onOpen = undefined
    assert.deepEqual(await sendSpecial(room, second.target), { sent: 4, left: 0, isBusy: false })
    const theirs = second.rows().filter((row) => row.includes('/p20 '))
    assert.deepEqual(theirs, [`${FIRST}/p20 ${sums[0]}`, `${FIRST + 1}/p20 ${sums[1]}`])
  })

  it('goes nowhere in shadow mode', async () => {
    await runPartners(partnersRoom(db, { special: SPECIAL, shadow: true }), { hour: FIRST })
    assert.deepEqual(await db.query('select * from partner_outbox'), [])
  })
})
