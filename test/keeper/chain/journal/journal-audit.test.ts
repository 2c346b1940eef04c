import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../../../keeper/base/time.ts'
import { findDivergence } from '../../../../keeper/chain/journal/journal-audit.ts'
import type { JournalDivergence } from '../../../../keeper/chain/journal/journal-audit.ts'
import { attemptsOf, listJournal } from '../../../../keeper/chain/journal/journal.ts'
import {
  recordBroadcast,
  recordFinal,
  recordIncluded,
  recordOrphaned,
  recordReleased,
  recordResolved,
  recordRewound,
  recordStopped,
} from '../../../../keeper/chain/journal/journal-moves.ts'
import type { Journal } from '../../../../keeper/chain/journal/journal-writer.ts'
import { openSideLog, readSideLog } from '../../../../keeper/chain/journal/side-log-file.ts'
import type { SideLog } from '../../../../keeper/chain/journal/side-log.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { finish, journalOf, plan, receiptFor, sign } from '../../../helpers/journaling.ts'
import { expectJournalWhole } from '../../../helpers/oracle.ts'
import { freshDb } from '../../../helpers/store.ts'

describe('the audit of the journal', function () {
  this.timeout(60_000)
  let home: string
  let db: Db
  let sideLog: SideLog
  let journal: Journal

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-audit-'))
    db = await freshDb()
    sideLog = await openSideLog({ home, clock: systemClock })
    journal = journalOf(db, sideLog)
  })
  afterEach(async () => {
    await sideLog.close()
    await db.close()
    await rm(home, { recursive: true, force: true })
  })

  const audit = (): Promise<JournalDivergence | undefined> =>
    findDivergence(db, readSideLog(home, 'all'))

  /** What a person with SQL does, and what the audit says of it; then everything is as it was. */
  async function tamper(sql: string): Promise<JournalDivergence | undefined> {
    const undo = new Error('undo')
    let found: JournalDivergence | undefined
    await db
      .begin(async (t) => {
        await t.exec(sql)
        found = await findDivergence(t, readSideLog(home, 'all'))
        throw undo
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error
      })
    return found
  }

  it('every way a row can go folds to the row as it is', async () => {
    await finish(journal, 'a', { data: '0x0102', value: 5n, anchor: true })
    const released = await recordReleased(journal, await plan(journal, 'b'), 'would revert', 5)
    expect(released.nonce).to.equal(undefined)
    const again = await sign(journal, await plan(journal, 'b'))
    const bumped = await sign(
      journal,
      await recordBroadcast(journal, again, again.hash!, 6),
      'bump',
      3n,
    )
    const included = await recordIncluded(journal, bumped, receiptFor(again), 7)
    const rewound = await recordRewound(journal, included, 8)
    const failed = await recordIncluded(
      journal,
      rewound,
      receiptFor(bumped, { succeeded: false }),
      9,
      'Paused()',
    )
    const reverted = await recordFinal(journal, failed, 10)
    expect(reverted).to.include({ state: 'reverted', reason: 'Paused()' })
    await recordOrphaned(journal, reverted, 'its block is gone', 11)
    const foreign = await recordStopped(journal, await plan(journal, 'c'), 'foreign', 'used', 12)
    await recordResolved(journal, foreign, 'looked at it', 13)
    expect(await audit()).to.equal(undefined)
    for (const row of await listJournal(db)) expect(row.updatedAt).to.be.greaterThan(0)
  })

  it('the record that a move returns is the row as the store has it', async () => {
    const done = await finish(journal, 'a', { data: '0x0102', anchor: true })
    expect(await listJournal(db)).to.deep.equal([done])
    expect(await attemptsOf(db, done.id)).to.have.length(1)
  })

  it('a single edited column of an event, a row or an attempt is named', async () => {
    await finish(journal, 'a', { anchor: true })
    await finish(journal, 'b')
    await expectJournalWhole(db, readSideLog(home, 'all'))
    const edits: Record<string, [where: string, row: string, columns: Record<string, string>]> = {
      journal_event: [
        'seq = 7',
        'seq 7',
        {
          tx_id: '1',
          kind: `'final'`,
          facts: `replace(facts, '"', '" ')`,
          at: 'at + 1',
          prev_hash: `repeat('1', 64)`,
          hash: `repeat('2', 64)`,
        },
      ],
      tx: [
        'id = 2',
        'tx 2',
        {
          chain_id: '5',
          contract: `'0x00000000000000000000000000000000000000aa'`,
          kind: `'other'`,
          key: `'other'`,
          payload_hash: `'0x11'`,
          sender: `'0x00000000000000000000000000000000000000aa'`,
          nonce: '77',
          data: `'0xff'`,
          value: '7',
          gas_limit: '7',
          anchor: `'0x11'`,
          state: `'included'`,
          reason: `'because'`,
          hash: `'0x11'`,
          succeeded: 'false',
          block_number: '7',
          block_hash: `'0x11'`,
          gas_used: '7',
          gas_price: '8',
          created_at: '7',
          updated_at: '7',
        },
      ],
      tx_attempt: [
        'tx_id = 2',
        'attempt',
        {
          tx_id: '1',
          hash: `'0x11'`,
          raw: `'0x02'`,
          purpose: `'bump'`,
          max_fee: '7',
          tip: '7',
          signed_at: '7',
          broadcast_at: 'null',
        },
      ],
    }
    for (const [table, [where, row, columns]] of Object.entries(edits)) {
      for (const [column, value] of Object.entries(columns)) {
        const sql = `update ${table} set ${column} = ${value} where ${where}`
        const found = await tamper(sql)
        expect(found?.table, sql).to.equal(table)
        expect(found?.row, sql).to.match(new RegExp(`^${row}`))
      }
    }
    expect(await audit()).to.equal(undefined)
  })

  it('a deleted or inserted row is named', async () => {
    await finish(journal, 'a')
    await finish(journal, 'b')
    const copy = (table: string, columns: string, values: string): string =>
      `insert into ${table} (${columns}) overriding system value select ${values} from ${table}`
    const tx = 'chain_id, contract, kind, payload_hash, sender, data, value, gas_limit, state'
    const times = 'created_at, updated_at'
    const attempt = 'tx_id, raw, purpose, max_fee, tip, signed_at'
    const cases: [sql: string, table: string, row: string][] = [
      ['delete from journal_event where seq = 4', 'journal_event', 'seq 4'],
      ['delete from tx_attempt where tx_id = 1', 'tx_attempt', 'attempt'],
      [
        `alter table tx_attempt drop constraint tx_attempt_tx_id_fkey; delete from tx where id = 2`,
        'tx',
        'tx 2',
      ],
      [
        `${copy('tx', `key, nonce, ${tx}, ${times}`, `'c', 9, ${tx}, ${times}`)} where id = 1`,
        'tx',
        'tx 3',
      ],
      [
        `${copy('tx_attempt', `hash, ${attempt}`, `'0x77', ${attempt}`)} where tx_id = 1`,
        'tx_attempt',
        'attempt 0x77',
      ],
      [
        `insert into journal_event select 11, tx_id, kind, facts, at, hash, repeat('7', 64)
           from journal_event where seq = 10;
         update journal_head set seq = 11, hash = repeat('7', 64)`,
        'journal_event',
        'seq 11',
      ],
      [`update journal_head set seq = 9`, 'journal_head', 'seq 10'],
    ]
    for (const [sql, table, row] of cases) {
      const found = await tamper(sql)
      expect(found?.table, sql).to.equal(table)
      expect(found?.row, sql).to.match(new RegExp(`^${row}`))
    }
  })

  it('the last event, deleted with the head and the row set back, is named by the side log', async () => {
    await finish(journal, 'a')
    const sql = `
      delete from journal_event where seq = 5;
      update journal_head set (seq, hash) = (select seq, hash from journal_event where seq = 4);
      update tx set state = 'included', updated_at = 103`
    expect(await tamper(`${sql}`)).to.include({ table: 'journal_event', row: 'seq 5' })
    await db.exec(sql)
    expect(await findDivergence(db)).to.equal(undefined)
    expect((await audit())?.row).to.equal('seq 5')
  })

  it('a damaged line of the side log is named; one that a crash tore is not', async () => {
    await finish(journal, 'a')
    const file = join(home, 'journal', 'signed.log')
    const whole = await readFile(file, 'utf8')
    await writeFile(file, whole.slice(0, -30))
    expect(await audit()).to.equal(undefined)
    await (await openSideLog({ home, clock: systemClock })).close()
    expect(await audit()).to.equal(undefined)
    await writeFile(file, whole.replace(/"nonce":0/, '"nonce":1'))
    expect(await audit()).to.include({ table: 'side log', row: 'signed.log:3' })
  })

  it('an edited, deleted or cut-off event is found by the chain of hashes', async () => {
    await finish(journal, 'a')
    await expectJournalWhole(db)
    const breaks: [string, bigint][] = [
      [`update journal_event set facts = '{}' where seq = 2`, 2n],
      ['delete from journal_event where seq = 3', 3n],
      ['delete from journal_event where seq = (select max(seq) from journal_event)', 5n],
    ]
    for (const [sql, seq] of breaks) {
      const copy = await db.query('select * from journal_event order by seq')
      await db.exec(sql)
      expect((await findDivergence(db))?.row, sql).to.equal(`seq ${seq}`)
      await db.exec('delete from journal_event')
      for (const row of copy) {
        const values = Object.values(row)
        await db.query('insert into journal_event values ($1, $2, $3, $4, $5, $6, $7)', values)
      }
      await expectJournalWhole(db)
    }
  })
})
