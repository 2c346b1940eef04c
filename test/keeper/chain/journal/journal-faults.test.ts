import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../../../keeper/base/time.ts'
import { listJournal } from '../../../../keeper/chain/journal/journal.ts'
import {
  recordBroadcast,
  recordFinal,
  recordIncluded,
  recordStopped,
} from '../../../../keeper/chain/journal/journal-moves.ts'
import { openSideLog, readSideLog } from '../../../../keeper/chain/journal/side-log-file.ts'
import type { SideLog } from '../../../../keeper/chain/journal/side-log.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { JOURNAL_WRITES, faultyDb } from '../../../helpers/faulty-db.ts'
import { finish, journalOf, plan, receiptFor, sign } from '../../../helpers/journaling.ts'
import { expectJournalWhole } from '../../../helpers/oracle.ts'
import { freshDb } from '../../../helpers/store.ts'

describe('writes of the journal that fail', function () {
  this.timeout(60_000)
  let home: string
  let db: Db
  let sideLog: SideLog

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-faults-'))
    db = await freshDb()
    sideLog = await openSideLog({ home, clock: systemClock })
  })
  afterEach(async () => {
    await sideLog.close()
    await db.close()
    await rm(home, { recursive: true, force: true })
  })

  it('S-11 each write whose answer was lost is made again and happens once', async () => {
    const faulty = faultyDb(db)
    const journal = journalOf(faulty.db, sideLog)
    const again = async <T>(write: () => Promise<T>): Promise<T> => {
      faulty.fail(JOURNAL_WRITES, { times: 1, kind: 'lost' })
      expect((await rejectionOf(write())).code).to.equal('STORE_UNAVAILABLE')
      return write()
    }
    const planned = await again(() => plan(journal, 'a'))
    const signed = await again(() => sign(journal, planned))
    const sent = await again(() => recordBroadcast(journal, signed, signed.hash!, 102))
    const mined = await again(() => recordIncluded(journal, sent, receiptFor(sent), 103))
    const done = await again(() => recordFinal(journal, mined, 104))
    expect(await listJournal(db)).to.deep.equal([done])
    const kinds = await db.query('select kind from journal_event order by seq')
    expect(kinds.map((row) => (row as { kind: string }).kind)).to.deep.equal([
      'planned',
      'signed',
      'broadcast',
      'included',
      'final',
    ])
    await expectJournalWhole(db, readSideLog(home, 'all'))
  })

  it('S-11 a write that was refused leaves nothing, and the next one is whole', async () => {
    const faulty = faultyDb(db)
    const journal = journalOf(faulty.db, sideLog)
    faulty.fail(JOURNAL_WRITES)
    expect((await rejectionOf(plan(journal, 'a'))).code).to.equal('STORE_UNAVAILABLE')
    expect(faulty.failed).to.have.length(1)
    faulty.heal()
    await finish(journal, 'a')
    await expectJournalWhole(db, readSideLog(home, 'all'))
  })

  it('S-11 nothing is stored as signed when the side log cannot be written', async () => {
    const journal = journalOf(db, sideLog)
    const planned = await plan(journal, 'a')
    await rm(home, { recursive: true })
    await writeFile(home, 'a file where the directory was')
    const refusal = await rejectionOf(sign(journal, planned))
    expect([refusal.code, refusal.exitCode]).to.deep.equal(['SIDE_LOG_FAILED', 69])
    const [row] = await listJournal(db)
    expect([row?.state, row?.hash]).to.deep.equal(['planned', undefined])
  })

  it('what the journal refuses after the side log has it is void there', async () => {
    const journal = journalOf(db, sideLog)
    const planned = await plan(journal, 'a')
    await recordStopped(journal, planned, 'unknown', 'a test', 5)
    expect((await rejectionOf(sign(journal, planned))).code).to.equal('JOURNAL_STATE')
    const types = readSideLog(home, 'recent').lines.map(({ type }) => type)
    expect(types).to.deep.equal(['open', 'head', 'head', 'signed', 'void'])
  })

  it('a full side log is put aside, and its lines are still read in order', async () => {
    await sideLog.close()
    sideLog = await openSideLog({ home, clock: systemClock, maxBytes: 1_500 })
    const journal = journalOf(db, sideLog)
    for (const key of ['a', 'b', 'c', 'd', 'e']) await finish(journal, key)
    const signedIn = (scope: 'recent' | 'all'): string[] =>
      readSideLog(home, scope).lines.flatMap((line) => (line.type === 'signed' ? [line.key] : []))
    expect(signedIn('all')).to.deep.equal(['a', 'b', 'c', 'd', 'e'])
    expect(signedIn('recent').length).to.be.within(1, 4)
    await expectJournalWhole(db, readSideLog(home, 'all'))
  })

  it('an intent opened in a transaction of the caller is there only if that commits', async () => {
    const journal = journalOf(db, sideLog)
    const undo = new Error('undo')
    const failing = db.begin(async (t) => {
      await plan(journal, 'a', {}, t)
      throw undo
    })
    expect(await failing.catch((error: unknown) => error)).to.equal(undo)
    expect(await listJournal(db)).to.deep.equal([])
    const [inner, outer] = await Promise.all([
      db.begin((t) => plan(journal, 'b', {}, t)),
      plan(journal, 'c'),
    ])
    expect([inner.nonce, outer.nonce]).to.have.members([0, 1])
    await expectJournalWhole(db, readSideLog(home, 'all'))
  })
})
