import type { Db } from '../store/db.ts'
import type { Sum } from './check-transfers.ts'
import type { Findings } from './finding.ts'

// Some MB at a time, whatever the length of the books.
const ROWS_A_PAGE = 5_000

interface EntryRow {
  account: number
  seq: bigint
  transfer: bigint
  amount: string
  balance: string
  debit: number | null
  credit: number | null
  whole: string | null
}

/** What was read of an account. */
interface Read {
  firstSeq: bigint
  opening: bigint
  entries: bigint
  seq: bigint
  balance: bigint
  transfer: bigint
}

export interface Scope {
  expected: ReadonlyMap<number, Sum>
  /** False: the oldest months are archived, and accounts begin later than at 1. */
  isWhole: boolean
}

/**
 * Each entry is a side of its transfer, follows the one before it, and comes once: within an account the transfers
 * only rise. So when an account has as many entries as its transfers ask for, it has exactly those.
 */
export async function checkEntries(db: Db, scope: Scope, findings: Findings): Promise<void> {
  const accounts = new Map<number, Read>()
  for await (const row of entriesOf(db)) {
    checkSide(row, findings)
    const before = accounts.get(row.account)
    if (before) follow(before, row, findings)
    else accounts.set(row.account, begin(row))
  }
  await checkAccounts(db, accounts, scope, findings)
}

function checkSide(row: EntryRow, findings: Findings): void {
  const { account, seq, transfer, amount, debit, credit, whole } = row
  const isSide =
    (account === debit && amount === `-${whole}`) || (account === credit && amount === whole)
  if (!isSide) findings.add('entry', `${account}/${seq}`, `it is no side of transfer ${transfer}`)
}

function begin({ seq, transfer, amount, balance }: EntryRow): Read {
  const opening = BigInt(balance) - BigInt(amount)
  return { firstSeq: seq, opening, entries: 1n, seq, balance: BigInt(balance), transfer }
}

function follow(read: Read, row: EntryRow, findings: Findings): void {
  const where = `${row.account}/${row.seq}`
  if (row.seq !== read.seq + 1n) findings.add('sequence', where, `it follows on ${read.seq}`)
  if (row.transfer <= read.transfer) findings.add('sequence', where, 'its transfer is older')
  const balance = read.balance + BigInt(row.amount)
  if (BigInt(row.balance) !== balance) {
    findings.add('sequence', where, `its balance is ${row.balance} instead of ${balance}`)
  }
  read.entries += 1n
  read.seq = row.seq
  read.transfer = row.transfer
  read.balance = BigInt(row.balance)
}

async function checkAccounts(
  db: Db,
  accounts: ReadonlyMap<number, Read>,
  { expected, isWhole }: Scope,
  findings: Findings,
): Promise<void> {
  const known = new Set<number>()
  const openings = new Map<number, bigint>()
  for await (const { id, asset, name, version, balance } of accountsOf(db)) {
    known.add(id)
    const read = accounts.get(id)
    const sums = expected.get(id) ?? { entries: 0n, sum: 0n }
    const says = (text: string): void => findings.add('account', name, text)
    const opening = read?.opening ?? (isWhole ? 0n : BigInt(balance))
    openings.set(asset, (openings.get(asset) ?? 0n) + opening)
    if ((read?.entries ?? 0n) !== sums.entries) {
      says(`it has ${read?.entries ?? 0n} entries, its transfers ask for ${sums.entries}`)
    }
    if (BigInt(balance) !== opening + sums.sum) {
      says(`its balance is ${balance}, its transfers make it ${opening + sums.sum}`)
    }
    if (read && read.balance !== BigInt(balance)) says(`its last entry says ${read.balance}`)
    if (version !== (read?.seq ?? (isWhole ? 0n : version))) says(`its version is ${version}`)
    if (isWhole && read && (read.firstSeq !== 1n || opening !== 0n))
      says('its first entry is missing')
  }
  for (const id of accounts.keys()) {
    if (!known.has(id)) findings.add('account', id, 'it has entries but does not exist')
  }
  for (const [asset, opening] of openings) {
    if (opening !== 0n) findings.add('unbalanced', asset, `what is archived adds up to ${opening}`)
  }
}

async function* entriesOf(db: Db): AsyncGenerator<EntryRow> {
  let after = { account: 0, seq: 0n }
  for (;;) {
    const rows = await db.query<EntryRow>(
      `select e.account, e.seq, e.transfer, e.amount, e.balance, t.debit, t.credit, t.amount as whole
         from ledger_entry e left join ledger_transfer t on t.id = e.transfer
        where (e.account, e.seq) > ($1::int, $2::bigint) order by e.account, e.seq limit $3`,
      [after.account, after.seq, ROWS_A_PAGE],
    )
    yield* rows
    const last = rows.at(-1)
    if (!last) return
    after = last
  }
}

interface AccountRow {
  id: number
  asset: number
  name: string
  version: bigint
  balance: string
}

async function* accountsOf(db: Db): AsyncGenerator<AccountRow> {
  let after = 0
  for (;;) {
    const rows = await db.query<AccountRow>(
      `select id, asset, name, version, balance from ledger_account where id > $1 order by id limit $2`,
      [after, ROWS_A_PAGE],
    )
    yield* rows
    const last = rows.at(-1)
    if (!last) return
    after = last.id
  }
}
