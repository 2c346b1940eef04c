import { expect } from 'chai'
import { SECONDS_PER_HOUR, hourOf } from '../../../../../keeper/base/time.ts'
import { keepFaulty } from '../../../../../keeper/programs/partners/intake/conflicts.ts'
import {
  MAX_ROWS_A_CALL,
  landEcc,
  landPartners,
  landRates,
  landVotes,
} from '../../../../../keeper/programs/partners/intake/land.ts'
import type { VoteRow } from '../../../../../keeper/programs/partners/intake/vote-rows.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import { lockState } from '../../../../../keeper/programs/partners/distribution/state.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { rejectionOf } from '../../../../helpers/errors.ts'
import {
  INTAKE_NOW,
  countOf,
  distributedDay,
  distributedHour,
  testIntake,
  voteOf,
} from '../../../../helpers/partner-intake.ts'
import type { TestIntake } from '../../../../helpers/partner-intake.ts'
import { partnersRoom } from '../../../../helpers/partners-room.ts'
import { ON_POSTGRES, freshDb } from '../../../../helpers/store.ts'

const HOUR = hourOf(INTAKE_NOW) - 1
/** What a distribution left: its row, its shares and its money. */
async function storedOf(db: Db): Promise<object[]> {
  return [
    ...(await db.query('select * from partner_hour order by shadow, hour')),
    ...(await db.query('select * from partner_hour_share order by partner')),
    ...(await db.query('select * from ledger_transfer order by id')),
  ]
}

const NOTHING = { fresh: 0, known: 0, late: 0, conflicts: 0 }

describe('taking in what partners voted', function () {
  this.timeout(60_000)
  let db: Db
  let room: TestIntake

  beforeEach(async () => {
    db = await freshDb()
    room = testIntake(db)
  })
  afterEach(() => db.close())

  it('D-01 a vote is on record once, however often and in whatever parts it comes', async () => {
    const votes = Array.from({ length: 25 }, (_, n) => voteOf(`k${n}`, { partner: `p-${n % 7}` }))
    expect(await landVotes(room, 's', votes.slice(0, 15))).to.deep.equal({ ...NOTHING, fresh: 15 })
    const overlap = await landVotes(room, 's', votes.slice(10))
    expect(overlap).to.deep.equal({ ...NOTHING, fresh: 10, known: 5 })
    expect(await landVotes(room, 's', votes)).to.deep.equal({ ...NOTHING, known: 25 })
    expect(await countOf(db, 'partner_vote')).to.equal(25)
    expect(room.notices).to.deep.equal([])
  })

  it('the same vote twice in one call is taken in once', async () => {
    const landed = await landVotes(room, 's', [voteOf('a'), voteOf('b'), voteOf('a')])
    expect(landed).to.deep.equal({ ...NOTHING, fresh: 2, known: 1 })
  })

  it('one key of two sources is two votes', async () => {
    await landVotes(room, 's', [voteOf('a')])
    expect(await landVotes(room, 't', [voteOf('a')])).to.deep.equal({ ...NOTHING, fresh: 1 })
  })

  it('another vote under a known key is set aside and told; the first one counts', async () => {
    await landVotes(room, 's', [voteOf('a'), voteOf('b')])
    const others: Partial<VoteRow>[] = [
      { cc: 2n },
      { partner: 'p-2' },
      { type: 'down' },
      { at: INTAKE_NOW },
    ]
    for (const other of others) {
      const landed = await landVotes(room, 's', [voteOf('a', other), voteOf('b')])
      expect(landed, JSON.stringify(Object.keys(other))).to.deep.equal({
        ...NOTHING,
        known: 1,
        conflicts: 1,
      })
    }
    const stored = await db.one('select partner, cc, type, at from partner_vote where key = $1', [
      'a',
    ])
    const { key: _, at, ...first } = voteOf('a')
    expect(stored).to.deep.equal({ ...first, at: BigInt(at) })
    const kept = await db.one('select kind, source, key, asked, times from partner_conflict')
    expect(kept).to.deep.include({ kind: 'vote', source: 's', key: 'a', times: 4n })
    expect(room.notices.map(({ kind, state }) => `${kind} ${state}`)).to.deep.equal([
      'partners-conflict raised',
    ])
  })

  it('of two votes under one key in one call the first counts', async () => {
    const landed = await landVotes(room, 's', [voteOf('a', { cc: 7n }), voteOf('a', { cc: 8n })])
    expect(landed).to.deep.equal({ ...NOTHING, fresh: 1, conflicts: 1 })
    expect(await db.one('select cc from partner_vote')).to.deep.equal({ cc: 7n })
  })

  it('a vote for a distributed hour is recorded as late, told, and changes no stored distribution', async () => {
    const at = (hour: number): number => hour * SECONDS_PER_HOUR
    await landVotes(room, 's', [
      voteOf('a', { partner: 'p-1', at: at(HOUR) }),
      voteOf('b', { partner: 'p-2', at: at(HOUR) }),
    ])
    const distributing = partnersRoom(db, { clock: room.clock })
    await runPartners(distributing, { hour: HOUR })
    const before = await storedOf(db)
    const late = voteOf('late', { partner: 'p-2', at: at(HOUR), cc: 9n })
    const landed = await landVotes(room, 's', [late, voteOf('next', { at: at(HOUR + 1) })])
    expect(landed).to.deep.equal({ ...NOTHING, fresh: 2, late: 1 })
    await runPartners(distributing, { hour: HOUR })
    expect(await storedOf(db)).to.deep.equal(before)
    const rows = await db.query('select key, correction from partner_vote where late')
    expect(rows).to.deep.equal([{ key: 'late', correction: null }])
    expect(room.notices[0]).to.deep.include({ kind: 'partners-late-votes', key: 's' })
    expect(room.notices[0]?.facts).to.deep.include({ late: 1, wayOut: 'muster partners correct' })
    expect(await landVotes(room, 's', [late])).to.deep.equal({ ...NOTHING, known: 1 })
  })

  it('a shadow’s hour makes no vote late', async () => {
    await distributedHour(db, HOUR)
    await db.query('update partner_hour set shadow = true')
    const landed = await landVotes(room, 's', [voteOf('a', { at: HOUR * SECONDS_PER_HOUR })])
    expect(landed).to.deep.equal({ ...NOTHING, fresh: 1 })
  })

  it('a call with one bad vote takes in nothing and names each fault with its row', async () => {
    const bad = [
      voteOf('ok'),
      voteOf('', { cc: -1n }),
      voteOf('b', { partner: 'a b' }),
      voteOf('c', { partner: 'a:b' }),
      voteOf('d', { partner: 'x'.repeat(65) }),
      voteOf('e', { cc: 1_000_000_001n }),
      voteOf('f', { at: INTAKE_NOW + 301 }),
      voteOf('g', { at: 946_684_799 }),
      voteOf('h', { at: INTAKE_NOW + 0.5 }),
      voteOf('i\0'),
      voteOf('j', { type: 'half \ud800 a pair' }),
      voteOf('k'.repeat(301)),
      voteOf('l', { partner: 'ä' }),
    ]
    const { code, facts } = await rejectionOf(landVotes(room, 's', bad))
    expect(code).to.equal('PARTNERS_ROWS_INVALID')
    const rows = (facts['faults'] as string[]).map((fault) => fault.split(':')[0])
    expect(new Set(rows)).to.deep.equal(new Set(bad.slice(1).map((_, n) => `row ${n + 2}`)))
    expect(facts['total']).to.equal(13)
    expect(await countOf(db, 'partner_vote')).to.equal(0)
  })

  it('a vote of the last second of the skew, of no CC, of no type and of the longest key is taken in', async () => {
    const edge = voteOf('k'.repeat(300), { cc: 0n, type: '', at: INTAKE_NOW + 300 })
    const most = voteOf('m', { cc: 1_000_000_000n, partner: '~'.repeat(64), type: 'é😀' })
    expect(await landVotes(room, 's', [edge, most])).to.deep.equal({ ...NOTHING, fresh: 2 })
    expect(await landVotes(room, 's', [edge, most])).to.deep.equal({ ...NOTHING, known: 2 })
  })

  it('a source without a name, and more votes than a call may have, are refused', async () => {
    expect((await rejectionOf(landVotes(room, 'a b', [voteOf('a')]))).code).to.equal(
      'INPUT_INVALID',
    )
    const many = Array.from({ length: MAX_ROWS_A_CALL + 1 }, () => voteOf('k'))
    expect((await rejectionOf(landVotes(room, 's', many))).code).to.equal('PARTNERS_TOO_MANY_ROWS')
  })

  it('12,345 votes are taken in by more than one statement, all of them once', async () => {
    const votes = Array.from({ length: 12_345 }, (_, n) => voteOf(`k${n}`))
    const twice = [...votes, ...votes.slice(0, 100)]
    const landed = await landVotes(room, 's', twice)
    expect(landed).to.deep.equal({ ...NOTHING, fresh: 12_345, known: 100 })
  })

  it('the largest ECC of a day counts, however the rows come', async () => {
    const ecc = (value: bigint, day = '2024-10-15') => ({ partner: 'p', day, ecc: value })
    expect(await landEcc(room, [ecc(5n), ecc(9n), ecc(7n)])).to.deep.equal({
      ...NOTHING,
      fresh: 1,
      known: 2,
    })
    expect(await landEcc(room, [ecc(8n), ecc(1n, '2024-10-14')])).to.deep.include({
      fresh: 1,
      known: 1,
    })
    expect(await landEcc(room, [ecc(10n)])).to.deep.include({ fresh: 1 })
    const rows = await db.query('select day, ecc from partner_ecc order by day')
    expect(rows).to.deep.equal([
      { day: '2024-10-14', ecc: '1' },
      { day: '2024-10-15', ecc: '10' },
    ])
  })

  it('an ECC for a distributed day is recorded and counted as late', async () => {
    await distributedDay(db, '2024-10-14')
    const rows = [
      { partner: 'p', day: '2024-10-14', ecc: 1n },
      { partner: 'p', day: '2024-10-15', ecc: 2n },
    ]
    expect(await landEcc(room, rows)).to.deep.equal({ ...NOTHING, fresh: 2, late: 1 })
  })

  it('an ECC without a day of the calendar, of the far future or of no partner is refused', async () => {
    const rows = [
      { partner: 'p', day: '2024-02-30', ecc: 1n },
      { partner: 'p', day: '2024-10-18', ecc: 1n },
      { partner: '', day: '2024-10-15', ecc: 1n },
      { partner: 'p', day: '2024-10-15', ecc: 10n ** 78n },
    ]
    const { code, facts } = await rejectionOf(landEcc(room, rows))
    expect(code).to.equal('PARTNERS_ROWS_INVALID')
    expect(facts['total']).to.equal(4)
  })

  it('a rate counts once; another one of its instant is set aside', async () => {
    const from = INTAKE_NOW + 3_600
    expect(await landRates(room, [{ from, unitsPerCc: 5n }])).to.deep.include({ fresh: 1 })
    expect(await landRates(room, [{ from, unitsPerCc: 5n }])).to.deep.include({ known: 1 })
    expect(await landRates(room, [{ from, unitsPerCc: 6n }])).to.deep.include({ conflicts: 1 })
    expect(await db.query('select units_per_cc from partner_rate')).to.deep.equal([
      { units_per_cc: '5' },
    ])
    expect(room.notices.map(({ kind }) => kind)).to.deep.equal(['partners-conflict'])
  })

  it('a rate from before the end of the last distributed hour is refused and told, never silently taken', async () => {
    const known = { from: HOUR * SECONDS_PER_HOUR, unitsPerCc: 5n }
    await landRates(room, [known])
    await distributedHour(db, HOUR)
    const end = (HOUR + 1) * SECONDS_PER_HOUR
    const late = { from: end - 1, unitsPerCc: 9n }
    const landed = await landRates(room, [known, late, { from: end, unitsPerCc: 9n }])
    expect(landed).to.deep.equal({ fresh: 1, known: 1, late: 0, conflicts: 1 })
    const rows = await db.query('select from_at from partner_rate order by from_at')
    expect(rows).to.deep.equal([{ from_at: BigInt(known.from) }, { from_at: BigInt(end) }])
    expect(await db.one('select kind, times from partner_conflict')).to.deep.equal({
      kind: 'rate',
      times: 1n,
    })
    expect(room.notices.map(({ kind }) => kind)).to.deep.equal(['partners-conflict'])
  })

  it('a partner’s flag may change; two in one call that differ are a conflict', async () => {
    const special = { partner: 'p', isSpecial: true }
    expect(await landPartners(room, [special, { partner: 'q', isSpecial: false }])).to.deep.include(
      { fresh: 2 },
    )
    expect(await landPartners(room, [special])).to.deep.include({ known: 1 })
    const both = await landPartners(room, [{ ...special, isSpecial: false }, special])
    expect(both).to.deep.equal({ ...NOTHING, fresh: 1, conflicts: 1 })
    expect(await db.one(`select is_special from partner where id = 'p'`)).to.deep.equal({
      is_special: false,
    })
  })

  it('rows that cannot be read are set aside whatever is in them, and told once', async () => {
    const asked = { cc: '\ud800', note: 'a\0b' }
    const rows = [{ key: 'k\0\udc00', asked, faults: ['x'] }]
    await keepFaulty(room, 'vote', 's', rows)
    await keepFaulty(room, 'vote', 's', rows)
    expect(await db.query('select key, asked, times from partner_conflict')).to.deep.equal([
      {
        key: 'k\ufffd\ufffd',
        asked: { row: { cc: '\ufffd', note: 'a\ufffdb' }, fault: 'x' },
        times: 2n,
      },
    ])
    expect(room.notices.map(({ kind }) => kind)).to.deep.equal(['partners-conflict'])
  })

  it('D-23 rows that are undone with their transaction leave nothing, and come again as fresh ones', async () => {
    const undone = db.begin(async (t) => {
      await landVotes({ ...room, db: t }, 's', [voteOf('a')])
      throw new Error('power is gone')
    })
    await undone.catch(() => {})
    expect(await landVotes(room, 's', [voteOf('a')])).to.deep.equal({ ...NOTHING, fresh: 1 })
  })

  if (ON_POSTGRES) {
    it('votes wait for a distribution that runs, and two calls with the same keys for each other', async () => {
      const keys = Array.from({ length: 200 }, (_, n) => voteOf(`k${n}`))
      let isOver = false
      let landing: Promise<unknown> = Promise.resolve()
      await db.begin(async (t) => {
        await lockState(t)
        landing = Promise.all([
          landVotes(room, 's', keys).then((landed) => expect(isOver).to.equal(true) && landed),
          landVotes(room, 's', keys.toReversed()),
        ])
        await t.query('select pg_sleep(0.2)')
        isOver = true
      })
      const landed = (await landing) as { fresh: number; known: number }[]
      expect(landed.reduce((sum, { fresh }) => sum + fresh, 0)).to.equal(200)
      expect(landed.reduce((sum, { known }) => sum + known, 0)).to.equal(200)
    })
  }
})
