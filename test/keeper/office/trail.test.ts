import { expect } from 'chai'
import { checkTrail } from '../../../keeper/office/check-trail.ts'
import { appendTrail, readTrail, readTrailHead } from '../../../keeper/office/trail.ts'
import type { TrailEntry } from '../../../keeper/office/trail.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { NOW, ROOT, tamper } from '../../helpers/office.ts'
import { freshDb } from '../../helpers/store.ts'

const ALICE = { name: 'token:alice', role: 'admin' } as const

describe('the trail of what admins did', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
    for (let i = 1; i <= 6; i += 1) {
      const [actor, action] = i % 2 === 0 ? [ALICE, 'token.add'] : [ROOT, 'secret.set']
      const note = { actor, action, target: `target-${i}`, after: { i } }
      await db.begin((t) => appendTrail(t, note, NOW + i))
    }
  })
  afterEach(() => db.close())

  const seqs = (entries: readonly TrailEntry[]): number[] => entries.map(({ seq }) => Number(seq))

  it('is read newest first, by actor, action and time, page by page', async () => {
    expect(seqs(await readTrail(db, { limit: 4 }))).to.deep.equal([6, 5, 4, 3])
    expect(seqs(await readTrail(db, { limit: 4, beforeSeq: 3n }))).to.deep.equal([2, 1])
    expect(seqs(await readTrail(db, { limit: 9, actor: ALICE.name }))).to.deep.equal([6, 4, 2])
    expect(seqs(await readTrail(db, { limit: 9, action: 'secret.set' }))).to.deep.equal([5, 3, 1])
    expect(seqs(await readTrail(db, { limit: 9, since: NOW + 5 }))).to.deep.equal([6, 5])
  })

  it('two that append at once follow each other', async () => {
    const note = { actor: ROOT, action: 'x', target: 'y' }
    await Promise.all([1, 2, 3, 4].map(() => db.begin((t) => appendTrail(t, note, NOW + 9))))

    const { entries, findings } = await checkTrail(db)
    expect([entries, findings]).to.deep.equal([10n, []])
  })

  it('has nothing of an action that was rolled back', async () => {
    const note = { actor: ROOT, action: 'x', target: 'y' }
    const failing = db.begin(async (t) => {
      await appendTrail(t, note, NOW)
      throw new Error('rolled back')
    })

    expect(await failing.catch((error: Error) => error.message)).to.equal('rolled back')
    expect((await checkTrail(db)).entries).to.equal(6n)
  })

  it('what looks like a secret does not get into it', async () => {
    const note = { actor: ROOT, action: 'x', target: 'y', before: { password: 'p4ssw0rd' } }
    const { before } = await db.begin((t) => appendTrail(t, note, NOW))

    expect(before).to.equal('{"password":"[redacted]"}')
  })

  for (const sql of [
    'update office_trail set actor = actor',
    'delete from office_trail where seq = 6',
    'truncate office_trail',
    'delete from office_trail_head',
  ]) {
    it(`the store refuses: ${sql}`, async () => {
      const refusal = await db.exec(sql).then(
        () => 'done',
        (error: Error) => error.message,
      )
      expect(refusal).to.match(/the trail only grows|permission denied/)
    })
  }

  const ROW = 'seq, at, actor, role, action, target, before, after, prev_hash, hash'
  const MUTANTS: [what: string, sql: string, seqs: number[]][] = [
    ['another time', 'update office_trail set at = at - 1 where seq = 3', [3]],
    ['another actor', `update office_trail set actor = 'token:bob' where seq = 3`, [3]],
    ['another role', `update office_trail set role = 'viewer' where seq = 3`, [3]],
    ['another action', `update office_trail set action = 'x' where seq = 3`, [3]],
    ['another target', `update office_trail set target = 'x' where seq = 3`, [3]],
    ['another state before', `update office_trail set before = '{}' where seq = 3`, [3]],
    ['another state after', `update office_trail set after = null where seq = 3`, [3]],
    ['another hash', `update office_trail set hash = repeat('0', 64) where seq = 3`, [3, 4]],
    ['the first one gone', 'delete from office_trail where seq = 1', [1, 2]],
    ['one gone in the middle', 'delete from office_trail where seq = 3', [3, 4]],
    ['the last one gone', 'delete from office_trail where seq = 6', [5]],
    ['all gone', 'delete from office_trail', [0]],
    [
      'one put in at the end',
      `insert into office_trail (${ROW}) select 7, at, actor, role, action, target, before, after, hash, repeat('1', 64) from office_trail where seq = 6`,
      [7, 7],
    ],
    ['one moved', 'update office_trail set seq = 9 where seq = 6', [6, 9, 9]],
    ['a head set back', 'update office_trail_head set seq = 5', [6]],
  ]
  for (const [what, sql, where] of MUTANTS) {
    it(`a check finds ${what}`, async () => {
      await tamper(db, sql)
      const { findings } = await checkTrail(db)
      expect(findings.map(({ seq }) => Number(seq))).to.deep.equal(where)
    })
  }

  it('a head that was written down shows a chain that was made anew', async () => {
    const noted = await readTrailHead(db)
    await db.begin((t) => appendTrail(t, { actor: ROOT, action: 'x', target: 'y' }, NOW))
    expect((await checkTrail(db, noted)).findings).to.deep.equal([])

    await tamper(db, `delete from office_trail; update office_trail_head set seq = 0, hash = ''`)
    await db.begin((t) => appendTrail(t, { actor: ROOT, action: 'x', target: 'y' }, NOW))
    expect((await checkTrail(db)).findings).to.deep.equal([])
    expect((await checkTrail(db, noted)).findings).to.deep.equal([
      { seq: 6n, says: 'is not the one that was written down' },
    ])
  })
})
