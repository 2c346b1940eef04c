import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { KeeperError } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import { parseIso } from '../base/time.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import {
  damaged,
  fileName,
  manifestName,
  readManifest,
  readRows,
  writeManifest,
  writeRows,
} from './archive-file.ts'
import type { ArchiveRow, EntryRow, Manifest } from './archive-file.ts'
import { verifyArchive } from './archive-verify.ts'
import { TRANSFER_COLUMNS } from './chain.ts'
import type { TransferRow } from './chain.ts'
import { listMonths, makeMonths, monthOf } from './months.ts'
import type { Month } from './months.ts'

// Some MB at a time, whatever the length of a month.
const ROWS_A_PAGE = 5_000

interface Archiving {
  db: Db
  clock: Clock
  /** Where the files are. */
  dir: string
}

/**
 * A month goes into a file, the file is read back and compared with the hash chain, and only then the month leaves
 * the database. The oldest goes first, and none that can still be posted to. Dying anywhere leaves the month in the
 * database or in a file that was verified; archiving again does what is left.
 */
export async function archiveMonth({ db, clock, dir }: Archiving, month: Month): Promise<Manifest> {
  await requireOldest(db, clock, month)
  await mkdir(dir, { recursive: true })
  const manifest = await writeMonth(db, dir, month)
  await verifyArchive(db, dir, manifest)
  await writeManifest(join(dir, manifestName(month)), manifest)
  await dropMonth(db, clock, manifest)
  return manifest
}

/** A posting is recorded at the later of now and the last one: earlier months are closed for ever. */
async function requireOldest(db: Db, clock: Clock, month: Month): Promise<void> {
  const { last } = await db.one<{ last: bigint }>(
    'select last_transfer >> 20 as last from ledger_head',
  )
  const open = await monthOf(db, Math.min(Number(last), clock.now()))
  const [oldest] = await listMonths(db)
  if (month === oldest && month < open) return
  throw new KeeperError('LEDGER_ARCHIVE_ORDER', { month, oldest: oldest ?? 'none', open })
}

async function writeMonth(db: Db, dir: string, month: Month): Promise<Manifest> {
  const file = fileName(month)
  const counted = await countMonth(db, month)
  const sha256 = await writeRows(join(dir, file), rowsOf(db, month))
  const { firstBatch, lastBatch } = await batchesOf(db, month)
  const hashOf = async (batch: bigint): Promise<string> =>
    (
      await db.maybeOne<{ hash: string }>(
        `select encode(hash, 'hex') as hash from ledger_batch where id = $1`,
        [batch],
      )
    )?.hash ?? ''
  const previousHash = await hashOf(firstBatch - 1n)
  const place = { firstBatch, lastBatch, previousHash, lastHash: await hashOf(lastBatch) }
  return { month, ...counted, ...place, file, sha256 }
}

async function countMonth(db: Db, month: Month): Promise<{ transfers: bigint; entries: bigint }> {
  return db.one(
    `select (select count(*) from ledger_transfer_${month}) as transfers,
            (select count(*) from ledger_entry_${month}) as entries`,
  )
}

/** A month that had no posting takes the place after the one before it, and is empty. */
async function batchesOf(db: Db, month: Month): Promise<{ firstBatch: bigint; lastBatch: bigint }> {
  const { archived } = await db.one<{ archived: bigint }>(
    'select coalesce(max(last_batch), 0) as archived from ledger_archive',
  )
  const { last } = await db.one<{ last: bigint }>(
    `select coalesce(max(id), $1) as last from ledger_batch
      where last_transfer <= (select max(id) from ledger_transfer_${month})`,
    [archived],
  )
  return { firstBatch: archived + 1n, lastBatch: last }
}

async function* rowsOf(db: Db, month: Month): AsyncGenerator<ArchiveRow> {
  for (let after = 0n; ;) {
    const rows = await db.query<TransferRow>(
      `select ${TRANSFER_COLUMNS} from ledger_transfer_${month} t
        where t.id > $1 order by t.id limit $2`,
      [after, ROWS_A_PAGE],
    )
    for (const row of rows) yield { kind: 'transfer', row }
    const last = rows.at(-1)
    if (!last) break
    after = last.id
  }
  for (let after = { account: 0, seq: 0n }; ;) {
    const rows = await db.query<EntryRow>(
      `select transfer, seq, account, amount, balance from ledger_entry_${month}
        where (account, seq) > ($1::int, $2::bigint) order by account, seq limit $3`,
      [after.account, after.seq, ROWS_A_PAGE],
    )
    for (const row of rows) yield { kind: 'entry', row }
    const last = rows.at(-1)
    if (!last) break
    after = last
  }
}

async function dropMonth(db: Db, clock: Clock, manifest: Manifest): Promise<void> {
  const { month, transfers, entries, firstBatch, lastBatch, file, sha256 } = manifest
  await db.begin(async (t) => {
    await t.query('select from ledger_head for update')
    const counted = await countMonth(t, month)
    if (counted.transfers !== transfers || counted.entries !== entries) {
      throw damaged(file, `the month has ${counted.transfers} transfers by now`)
    }
    const row = [month, transfers, entries, firstBatch, lastBatch, file, sha256, clock.now()]
    await t.query('insert into ledger_archive values ($1, $2, $3, $4, $5, $6, $7, $8)', row)
    for (const table of ['ledger_entry', 'ledger_transfer']) {
      await t.exec(`alter table ${table} detach partition ${table}_${month}`)
      await t.exec(`drop table ${table}_${month}`)
    }
  })
}

/** The month that left last comes back first, as it was: its file is verified before. */
export async function restoreMonth(db: Db, manifestFile: string): Promise<Manifest> {
  const manifest = await readManifest(manifestFile)
  const dir = dirname(manifestFile)
  const archived = await db.maybeOne<{ month: number; sha256: string }>(
    'select month, sha256 from ledger_archive order by month desc limit 1',
  )
  if (archived?.month !== manifest.month) {
    const newest = archived?.month ?? 'none'
    throw new KeeperError('LEDGER_RESTORE_ORDER', { month: manifest.month, newest })
  }
  if (archived.sha256 !== manifest.sha256) {
    throw damaged(manifestFile, 'it is of another file than the one that was archived')
  }
  await verifyArchive(db, dir, manifest)
  await db.begin(async (t) => {
    await t.query('select from ledger_head for update')
    await t.query('delete from ledger_archive where month = $1', [manifest.month])
    await makeMonths(t, startOf(manifest.month), 0)
    await insertRows(t, readRows(join(dir, manifest.file)))
  })
  return manifest
}

function startOf(month: Month): UnixSeconds {
  const digits = month.toString()
  return parseIso(`${digits.slice(0, 4)}-${digits.slice(4)}-01T00:00:00Z`)
}

async function insertRows(t: Db, rows: AsyncIterable<ArchiveRow>): Promise<void> {
  let kind: ArchiveRow['kind'] = 'transfer'
  let waiting: object[] = []
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await t.query(INSERT[kind], [toJson(waiting)])
    waiting = []
  }
  for await (const read of rows) {
    if (read.kind !== kind || waiting.length === ROWS_A_PAGE) await flush()
    kind = read.kind
    waiting.push(read.row)
  }
  await flush()
}

const INSERT: Record<ArchiveRow['kind'], string> = {
  transfer: `insert into ledger_transfer
    select id, "effectiveAt", debit, credit, asset, amount, code, key, reverses, reason
      from json_to_recordset($1::text::json) w (id bigint, "effectiveAt" bigint, debit int, credit int,
           asset int, amount numeric, code text, key text, reverses uuid, reason text)`,
  entry: `insert into ledger_entry
    select transfer, seq, account, amount, balance
      from json_to_recordset($1::text::json) w (transfer bigint, seq bigint, account int, amount numeric,
           balance numeric)`,
}
