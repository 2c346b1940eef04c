import assert from 'node:assert/strict'
import { enqueueSpecial } from '../../../../../keeper/programs/partners/special/outbox.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { freshDb } from '../../../../helpers/store.ts'

const HOUR = 480_264
const SHARES = [
  { partner: 'ann', total: 70n },
  { partner: 'bob', total: 2n ** 200n },
  { partner: 'cid', total: 0n },
]

describe('the outbox of special partners', () => {
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  function enqueue(shares = SHARES, special = ['bob']): Promise<number> {
    return enqueueSpecial(db, HOUR, shares, { special: new Set(special), now: 1_000 })
  }

  async function rows(): Promise<string[]> {
    const found = await db.query<{ partner: string; revision: number; cc_reward: string }>(
      'select partner, revision, cc_reward from partner_outbox order by id',
    )
    return found.map(({ partner, revision, cc_reward }) => `${partner}/${revision} ${cc_reward}`)
  }

  it('takes the hourly sums of the configured list and of those with the flag (D-17)', async () => {
    await db.query(`insert into partner values ('cid', true, 0), ('ann', false, 0)`)
    assert.equal(await enqueue(), 2)
    assert.deepEqual(await rows(), [`bob/0 ${2n ** 200n}`, 'cid/0 0'])
  })

  it('takes nobody where nobody is special', async () => {
    assert.equal(await enqueue(SHARES, []), 0)
    assert.deepEqual(await rows(), [])
  })

  it('changes nothing when the same hour is put in again', async () => {
    await enqueue()
    assert.equal(await enqueue(), 0)
    assert.deepEqual(await rows(), [`bob/0 ${2n ** 200n}`])
  })

  it('keeps a corrected sum as the next revision, also of who is not special any more', async () => {
    await enqueue()
    assert.equal(await enqueue([{ partner: 'bob', total: 5n }], []), 1)
    assert.equal(await enqueue([{ partner: 'bob', total: 5n }], []), 0)
    assert.equal(await enqueue([{ partner: 'bob', total: 6n }], []), 1)
    assert.deepEqual(await rows(), [`bob/0 ${2n ** 200n}`, 'bob/1 5', 'bob/2 6'])
  })

  it('is undone with the transaction of its hour (D-23)', async () => {
    const failing = db.begin(async (t) => {
      await enqueueSpecial(t, HOUR, SHARES, { special: new Set(['ann']), now: 1 })
      throw new Error('the hour fails')
    })
    await assert.rejects(failing, /the hour fails/)
    assert.deepEqual(await rows(), [])
  })
})
