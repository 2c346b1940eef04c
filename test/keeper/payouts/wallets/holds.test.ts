import { expect } from 'chai'
import type { Address } from '../../../../keeper/base/schema.ts'
import {
  addHold,
  listHolds,
  mayPay,
  readHolds,
  removeHold,
} from '../../../../keeper/payouts/wallets/holds.ts'
import type {
  HoldRoom,
  HoldTarget,
  NewHold,
  Verdict,
} from '../../../../keeper/payouts/wallets/holds.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { testClock } from '../../../helpers/clock.ts'
import type { TestClock } from '../../../helpers/clock.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { freshDb } from '../../../helpers/store.ts'

const START = 1_800_000_000
const ADDRESS = '0x00000000000000000000000000000000000A11cE' as Address
const OTHER = '0x0000000000000000000000000000000000000B0b' as Address
const WHO = { reason: 'looked into', actor: 'compliance' }
const PAYEE = { program: 'players', payee: 'player-7', address: ADDRESS }

describe('holds and the deny list', () => {
  let db: Db
  let clock: TestClock
  let room: HoldRoom

  beforeEach(async () => {
    db = await freshDb()
    clock = testClock(START)
    room = { db, clock }
  })

  afterEach(() => db.close())

  /** By one question and by the list of a whole settlement: they must not differ. */
  async function ask(target: HoldTarget & { program: string }): Promise<Verdict> {
    const one = await mayPay(db, target, clock.now())
    const { program, ...rest } = target
    expect((await readHolds(db, program, clock.now())).of(rest)).to.deep.equal(one)
    return one
  }

  const targets: [what: string, hold: Partial<NewHold>, unlike: Partial<typeof PAYEE>][] = [
    ['an address everywhere', { address: ADDRESS }, { address: OTHER }],
    ['an address of one program', { address: ADDRESS, program: 'players' }, { program: 'points' }],
    ['a payee', { payee: 'player-7', program: 'players' }, { payee: 'player-8' }],
    ['a program', { program: 'players' }, { program: 'points' }],
  ]
  for (const [what, hold, unlike] of targets) {
    it(`a hold on ${what} stops what it names and nothing else`, async () => {
      expect(await ask(PAYEE)).to.deep.equal({ may: true })

      const id = await addHold(room, { ...WHO, ...hold, list: 'hold' })

      expect(await ask(PAYEE)).to.include({ may: false, id, list: 'hold', ...WHO })
      expect(await ask({ ...PAYEE, ...unlike })).to.deep.equal({ may: true })
    })
  }

  it('a payee that is an address is held however the address is written', async () => {
    const payee = ADDRESS.toLowerCase()
    await addHold(room, { ...WHO, list: 'hold', program: 'manual', payee: ADDRESS })

    expect((await ask({ program: 'manual', payee })).may).to.equal(false)
  })

  it('a hold ends in the second of its end', async () => {
    await addHold(room, { ...WHO, address: ADDRESS, list: 'hold', until: START + 10 })

    clock.advance(9)
    expect((await ask(PAYEE)).may).to.equal(false)
    clock.advance(1)
    expect((await ask(PAYEE)).may).to.equal(true)
  })

  it('a hold that is removed holds no more, cannot be removed again, and stays in the history', async () => {
    const id = await addHold(room, { ...WHO, address: ADDRESS, list: 'hold' })
    const removal = { ...WHO, id, list: 'hold' } as const

    expect((await rejectionOf(removeHold(room, { ...removal, list: 'deny' }))).code).to.equal(
      'HOLD_UNKNOWN',
    )
    await removeHold(room, removal)

    expect((await ask(PAYEE)).may).to.equal(true)
    expect((await rejectionOf(removeHold(room, removal))).code).to.equal('HOLD_UNKNOWN')
    expect(await db.query('select id from payout_hold')).to.have.length(1)
  })

  it('a denial comes before a hold, and one of two is enough', async () => {
    const hold = await addHold(room, { ...WHO, program: 'players', list: 'hold' })
    const denial = await addHold(room, { ...WHO, address: ADDRESS, list: 'deny' })

    expect(await ask(PAYEE)).to.include({ may: false, id: denial, list: 'deny' })
    await removeHold(room, { ...WHO, id: denial, list: 'deny' })
    expect(await ask(PAYEE)).to.include({ may: false, id: hold, list: 'hold' })
  })

  it('a list shows those in force, from a number on', async () => {
    const ids: bigint[] = []
    for (const address of [ADDRESS, OTHER]) {
      ids.push(await addHold(room, { ...WHO, address, list: 'deny' }))
    }
    await addHold(room, { ...WHO, address: ADDRESS, list: 'hold' })

    const shown = await listHolds(db, 'deny', { now: START })
    expect(shown.map(({ id }) => id)).to.deep.equal(ids)
    const rest = await listHolds(db, 'deny', { now: START, after: ids[0] ?? 0n })
    expect(rest.map(({ address }) => address)).to.deep.equal([OTHER])
  })

  for (const sql of ['update payout_hold set reason = null', 'delete from payout_hold_end']) {
    it(`the history only grows: ${sql} is refused`, async () => {
      const id = await addHold(room, { ...WHO, address: ADDRESS, list: 'hold' })
      await removeHold(room, { ...WHO, id, list: 'hold' })

      expect(await db.exec(sql).catch((error: Error) => error)).to.be.instanceOf(Error)
    })
  }
})
