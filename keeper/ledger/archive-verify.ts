import { join } from 'node:path'
import type { Db } from '../store/db.ts'
import { damaged, readRows, sha256Of } from './archive-file.ts'
import type { EntryRow, Manifest } from './archive-file.ts'
import { lineOf, linkOf } from './chain.ts'
import type { TransferRow } from './chain.ts'

interface Batch {
  id: bigint
  last: bigint
  hash: string
}

// The batches of a month are read so many at a time.
const BATCHES_A_PAGE = 5_000

/**
 * Reads the file back from the disk: its SHA-256, the numbers of its rows, every batch's hash from the lines of
 * its transfers, and that its entries are the two sides of each. LEDGER_ARCHIVE_DAMAGED otherwise.
 */
export async function verifyArchive(db: Db, dir: string, manifest: Manifest): Promise<void> {
  const file = join(dir, manifest.file)
  const sha256 = await sha256Of(file).catch(() => 'no file')
  if (sha256 !== manifest.sha256) throw damaged(file, `its SHA-256 is ${sha256}`)
  const chain = await followChain(db, file, manifest)
  const sides = new Sides(file)
  let transfers = 0n
  let entries = 0n
  for await (const read of readRows(file)) {
    if (read.kind === 'transfer') {
      transfers += 1n
      await chain.take(read.row)
      sides.expect(read.row)
    } else {
      entries += 1n
      sides.take(read.row)
    }
  }
  await chain.end()
  sides.end()
  if (transfers !== manifest.transfers || entries !== manifest.entries) {
    throw damaged(file, `it has ${transfers} transfers and ${entries} entries`)
  }
}

async function followChain(
  db: Db,
  file: string,
  { firstBatch, lastBatch, previousHash, lastHash }: Manifest,
): Promise<{ take(row: TransferRow): Promise<void>; end(): Promise<void> }> {
  const batches = batchesOf(db, firstBatch, lastBatch)
  let previous = previousHash
  let lines: string[] = []
  const next = async (): Promise<Batch | undefined> => (await batches.next()).value ?? undefined
  let batch = await next()

  async function closeBatch({ id, hash }: Batch): Promise<void> {
    if (linkOf(previous, id, lines) !== hash) throw damaged(file, `batch ${id} is not as hashed`)
    previous = hash
    lines = []
    batch = await next()
  }

  return {
    take: async (row) => {
      while (batch && row.id > batch.last) await closeBatch(batch)
      lines.push(lineOf(row))
    },
    end: async () => {
      while (batch) await closeBatch(batch)
      if (previous !== lastHash || lines.length > 0) throw damaged(file, 'its chain ends elsewhere')
    },
  }
}

interface AccountSides {
  entries: number
  sum: bigint
  last: EntryRow | undefined
}

/** What the transfers ask of each account, against its entries, which come in the order of their sequence. */
class Sides {
  readonly #file: string
  readonly #accounts = new Map<number, AccountSides>()

  constructor(file: string) {
    this.#file = file
  }

  expect({ debit, credit, amount }: TransferRow): void {
    this.#add(debit, -BigInt(amount))
    this.#add(credit, BigInt(amount))
  }

  #add(account: number, amount: bigint): void {
    const sides = this.#accounts.get(account) ?? { entries: 0, sum: 0n, last: undefined }
    sides.entries += 1
    sides.sum += amount
    this.#accounts.set(account, sides)
  }

  take(entry: EntryRow): void {
    const { account, seq, amount, balance } = entry
    const sides = this.#accounts.get(account)
    if (!sides) throw damaged(this.#file, `account ${account} has entries but no transfers`)
    const { last } = sides
    const isNext =
      !last || (seq === last.seq + 1n && BigInt(balance) === BigInt(last.balance) + BigInt(amount))
    if (!isNext) throw damaged(this.#file, `entry ${seq} of account ${account} does not follow`)
    sides.entries -= 1
    sides.sum -= BigInt(amount)
    sides.last = entry
  }

  end(): void {
    for (const [account, { entries, sum }] of this.#accounts) {
      if (entries === 0 && sum === 0n) continue
      throw damaged(this.#file, `the entries of account ${account} are not those of its transfers`)
    }
  }
}

async function* batchesOf(db: Db, first: bigint, last: bigint): AsyncGenerator<Batch, undefined> {
  for (let after = first - 1n; after < last;) {
    const rows = await db.query<Batch>(
      `select id, last_transfer as last, encode(hash, 'hex') as hash from ledger_batch
        where id > $1 and id <= $2 order by id limit $3`,
      [after, last, BATCHES_A_PAGE],
    )
    yield* rows
    const end = rows.at(-1)
    if (!end) return undefined
    after = end.id
  }
  return undefined
}
