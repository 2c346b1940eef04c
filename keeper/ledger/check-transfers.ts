import type { Db } from '../store/db.ts'
import { TRANSFER_COLUMNS, lineOf, linkOf } from './chain.ts'
import type { TransferRow } from './chain.ts'
import type { Findings } from './finding.ts'

/** What the transfers of an account add up to. */
export interface Sum {
  entries: bigint
  sum: bigint
}

// Some MB at a time, whatever the length of the books.
const ROWS_A_PAGE = 5_000

interface Batch {
  id: bigint
  first: bigint
  last: bigint
  transfers: number
  hash: string
}

interface CheckedRow extends TransferRow {
  /** What its key stands for, and the assets of its accounts. */
  keyed: bigint | null
  debitAsset: number | null
  creditAsset: number | null
}

/** The transfers of all batches after that one, against the chain and their keys; what their accounts must have. */
export async function checkTransfers(
  db: Db,
  archived: bigint,
  findings: Findings,
): Promise<Map<number, Sum>> {
  const sums = new Map<number, Sum>()
  const reversed = new Map<string, bigint>()
  const chain = await openChain(db, archived, findings)
  let transfers = 0n
  for await (const row of transfersOf(db)) {
    transfers += 1n
    await chain.take(row)
    checkRow(row, findings)
    const amount = BigInt(row.amount)
    addTo(sums, row.debit, -amount)
    addTo(sums, row.credit, amount)
    if (row.reverses !== null) {
      reversed.set(row.reverses, (reversed.get(row.reverses) ?? 0n) + amount)
    }
  }
  await chain.end()
  await checkKeys(db, transfers, findings)
  if (archived === 0n) await checkReversals(db, reversed, findings)
  return sums
}

function addTo(sums: Map<number, Sum>, account: number, amount: bigint): void {
  const known = sums.get(account)
  if (!known) return void sums.set(account, { entries: 1n, sum: amount })
  known.entries += 1n
  known.sum += amount
}

function checkRow(row: CheckedRow, findings: Findings): void {
  const { id, key, keyed, asset, debitAsset, creditAsset } = row
  if (keyed !== id) findings.add('key', id, `its key ${key} stands for ${keyed ?? 'nothing'}`)
  if (debitAsset !== asset || creditAsset !== asset) {
    findings.add('transfer', id, 'its accounts are of another asset, or missing')
  }
}

/** Follows the batches while the transfers come in order. */
async function openChain(
  db: Db,
  archived: bigint,
  findings: Findings,
): Promise<{ take(row: TransferRow): Promise<void>; end(): Promise<void> }> {
  const before = await db.maybeOne<{ hash: string }>(
    `select encode(hash, 'hex') as hash from ledger_batch where id = $1`,
    [archived],
  )
  const batches = batchesAfter(db, archived)
  let previous = before?.hash ?? ''
  let lines: string[] = []
  let number = archived
  const next = async (): Promise<Batch | undefined> => (await batches.next()).value ?? undefined
  let batch = await next()

  async function closeBatch({ id, transfers, hash }: Batch): Promise<void> {
    number += 1n
    if (id !== number) findings.add('chain', id, `batch ${number} is missing before it`)
    number = id
    if (lines.length !== transfers) {
      findings.add('chain', id, `it has ${lines.length} transfers of ${transfers}`)
    } else if (linkOf(previous, id, lines) !== hash) {
      findings.add('chain', id, 'a transfer of it is not what was hashed')
    }
    previous = hash
    lines = []
    batch = await next()
  }

  return {
    take: async (row) => {
      while (batch && row.id > batch.last) await closeBatch(batch)
      if (batch && row.id >= batch.first) lines.push(lineOf(row))
      else findings.add('transfer', row.id, 'it is of no batch')
    },
    end: async () => {
      while (batch) await closeBatch(batch)
      await checkHead(db, { number, previous }, findings)
    },
  }
}

async function checkHead(
  db: Db,
  { number, previous }: { number: bigint; previous: string },
  findings: Findings,
): Promise<void> {
  const head = await db.one<{ batch: bigint; hash: string }>(
    `select batch, encode(hash, 'hex') as hash from ledger_head`,
  )
  if (head.batch === number && head.hash === previous) return
  findings.add('chain', head.batch, `the head is not at the end of the batches, ${number}`)
}

/** Once a transfer, also those of archived months. */
async function checkKeys(db: Db, transfers: bigint, findings: Findings): Promise<void> {
  const { keys, archived } = await db.one<{ keys: bigint; archived: bigint }>(
    `select (select count(*) from ledger_key) as keys,
            (select coalesce(sum(transfers), 0)::bigint from ledger_archive) as archived`,
  )
  if (keys === transfers + archived) return
  findings.add('key', 'all', `${keys} keys, but ${transfers + archived} transfers`)
}

async function checkReversals(
  db: Db,
  reversed: ReadonlyMap<string, bigint>,
  findings: Findings,
): Promise<void> {
  const rows = await db.query<{ key: string; original: bigint; reversed: string }>(
    `select t.reverses as key, r.original, r.reversed
       from (select distinct reverses from ledger_transfer where reverses is not null) t
       left join ledger_key k on k.key = t.reverses
       left join ledger_reversal r on r.original = k.transfer`,
  )
  for (const row of rows) {
    const sum = reversed.get(row.key)
    if (BigInt(row.reversed ?? -1) === sum) continue
    findings.add('reversal', row.original ?? row.key, `${sum} was taken back, not ${row.reversed}`)
  }
}

async function* transfersOf(db: Db): AsyncGenerator<CheckedRow> {
  let after = 0n
  for (;;) {
    const rows = await db.query<CheckedRow>(
      `select ${TRANSFER_COLUMNS}, k.transfer as keyed, d.asset as "debitAsset", c.asset as "creditAsset"
         from ledger_transfer t
         left join ledger_key k on k.key = substring(encode(sha256(convert_to(t.key, 'UTF8')), 'hex') for 32)::uuid
         left join ledger_account d on d.id = t.debit
         left join ledger_account c on c.id = t.credit
        where t.id > $1 order by t.id limit $2`,
      [after, ROWS_A_PAGE],
    )
    yield* rows
    const last = rows.at(-1)
    if (!last) return
    after = last.id
  }
}

async function* batchesAfter(db: Db, id: bigint): AsyncGenerator<Batch, undefined> {
  let after = id
  for (;;) {
    const rows = await db.query<Batch>(
      `select id, first_transfer as first, last_transfer as last, transfers, encode(hash, 'hex') as hash
         from ledger_batch where id > $1 order by id limit $2`,
      [after, ROWS_A_PAGE],
    )
    yield* rows
    const last = rows.at(-1)
    if (!last) return undefined
    after = last.id
  }
}
