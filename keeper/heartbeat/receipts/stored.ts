import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Address, Hex } from '../../base/schema.ts'
import type { Hour } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import type { HeartbeatHome } from '../intake/login.ts'
import { checksummed } from '../tally/closed-hours.ts'
import { leafOf } from './receipt.ts'
import type { Receipt, Row } from './receipt.ts'
import { LEAVES_PER_PAGE, proofWithin } from './tree.ts'

/** Receipts in one answer: two days of hours. Each takes 10 ms of hashing. */
export const MAX_RECEIPTS = 48

export interface HourRange {
  /** Both ends included. */
  from: Hour
  to: Hour
}

/** Oldest first, at most MAX_RECEIPTS: whoever wants more asks again from the hour after the last. */
export async function receiptsOf(
  db: Db,
  home: HeartbeatHome,
  node: Address,
  range: HourRange,
): Promise<Receipt[]> {
  const receipts: Receipt[] = []
  for (const signed of await findHours(db, node, range)) {
    receipts.push(await receiptIn(db, home, node, signed))
    await nextTurn()
  }
  return receipts
}

interface SignedRow {
  hour: number
  expected: number
  validators: number
  root: Hex
  signature: Hex
  reporter: Address
  page: number
  firstNode: string
}

async function findHours(db: Db, node: Address, { from, to }: HourRange): Promise<SignedRow[]> {
  return db.query<SignedRow>(
    `select h.hour, h.expected, h.validators, h.root, h.signature, h.reporter, p.page,
            p.first_node as "firstNode"
     from tally_hour h
     join tally t on t.hour = h.hour and t.node = $1
     join lateral (
       select page, first_node from receipt_page
       where hour = h.hour and first_node <= $1 order by first_node desc limit 1
     ) p on true
     where h.hour between $2::bigint and $3::bigint and h.signature is not null
     order by h.hour limit $4`,
    [node.toLowerCase(), from, to, MAX_RECEIPTS],
  )
}

async function receiptIn(
  db: Db,
  { chainId, registry }: HeartbeatHome,
  node: Address,
  { page, firstNode, ...signed }: SignedRow,
): Promise<Receipt> {
  const { hour, expected } = signed
  const roots = await db.query<{ root: Hex }>(
    'select root from receipt_page where hour = $1 order by page',
    [hour],
  )
  const found = await db.query<{ node: string; seen: number; online: boolean }>(
    'select node, seen, online from tally where hour = $1 and node >= $2 order by node limit $3',
    [hour, firstNode, LEAVES_PER_PAGE],
  )
  const rows: Row[] = found.map((row) => ({ ...row, node: checksummed(row.node) }))
  const leaves = rows.map((row) => leafOf(row, hour, expected))
  const place = rows.findIndex((row) => row.node === node)
  const pages = roots.map(({ root }) => root)
  const proof = proofWithin(pages, page, leaves, place)
  const { seen = 0, online = false } = rows[place] ?? {}
  return { chainId, registry, ...signed, node, seen, online, proof }
}

export interface TallyHour {
  hour: Hour
  expected: number
  validators: number
  /** Absent while it is not signed. */
  signed?: { root: Hex; signature: Hex; reporter: Address }
}

interface TallyRow {
  hour: number
  expected: number
  validators: number
  root: Hex | null
  signature: Hex | null
  reporter: Address | null
}

/** Every hour that was closed over beats, oldest first: what an audit holds against rows and chain. */
export async function listTallyHours(db: Db): Promise<TallyHour[]> {
  const rows = await db.query<TallyRow>(
    `select hour, expected, validators, root, signature, reporter
     from tally_hour where heard order by hour`,
  )
  return rows.map(({ hour, expected, validators, root, signature, reporter }) => ({
    hour,
    expected,
    validators,
    ...(root && signature && reporter ? { signed: { root, signature, reporter } } : {}),
  }))
}
