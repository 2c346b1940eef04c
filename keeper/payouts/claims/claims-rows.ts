import { getAddress } from 'ethers'
import { KeeperError } from '../../base/errors.ts'
import { toJson } from '../../base/json.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import type { Contract } from '../batch-rows.ts'
import type { Leaf } from './leaf.ts'
import type { ClaimLine } from './pick-claims.ts'

/** open: to be proposed. submitted: proposed for sure, and resting. The others are its end. */
export type RootState = 'open' | 'submitted' | 'accepted' | 'vetoed' | 'undone'

export interface RootRow {
  id: string
  program: string
  root: Hex
  total: bigint
  /** Of what it adds. */
  amount: bigint
  fileHash: Hex
  state: RootState
  readyAt: UnixSeconds | undefined
}

interface RootRecord {
  id: string
  program: string
  root: string
  total: string
  amount: string
  file_hash: string
  state: RootState
  ready_at: bigint | null
}

const SELECT_ROOT =
  'select id, program, root, total, amount, file_hash, state, ready_at from claims_root'

function rootOf(row: RootRecord): RootRow {
  return {
    id: row.id,
    program: row.program,
    root: row.root as Hex,
    total: BigInt(row.total),
    amount: BigInt(row.amount),
    fileHash: row.file_hash as Hex,
    state: row.state,
    readyAt: row.ready_at === null ? undefined : Number(row.ready_at),
  }
}

function placeOf({ chainId, address }: Contract): [number, string] {
  return [chainId, address.toLowerCase()]
}

/** The one that is on its way to be accepted, if any. */
export async function readWaitingRoot(db: Db, contract: Contract): Promise<RootRow | undefined> {
  const row = await db.maybeOne<RootRecord>(
    `${SELECT_ROOT} where chain_id = $1 and contract = $2 and state in ('open', 'submitted')`,
    placeOf(contract),
  )
  return row && rootOf(row)
}

/** The last that did not fail on its way. */
export async function readLastRoot(db: Db, contract: Contract): Promise<RootRow | undefined> {
  const row = await db.maybeOne<RootRecord>(
    `${SELECT_ROOT} where chain_id = $1 and contract = $2 and state <> 'undone'
      order by seq desc limit 1`,
    placeOf(contract),
  )
  return row && rootOf(row)
}

export async function readAcceptedRoot(db: Db, contract: Contract): Promise<RootRow | undefined> {
  const row = await db.maybeOne<RootRecord>(
    `${SELECT_ROOT} where chain_id = $1 and contract = $2 and state = 'accepted'
      order by seq desc limit 1`,
    placeOf(contract),
  )
  return row && rootOf(row)
}

/** Every root of a contract, in the order in which they were planned. */
export async function listRoots(db: Db, contract: Contract): Promise<RootRow[]> {
  const rows = await db.query<RootRecord>(
    `${SELECT_ROOT} where chain_id = $1 and contract = $2 order by seq`,
    placeOf(contract),
  )
  return rows.map(rootOf)
}

/** Claims contracts that this store has proposed roots to, and their programs. */
export async function listClaims(
  db: Db,
  chainId: number,
): Promise<{ program: string; address: Address }[]> {
  const rows = await db.query<{ program: string; contract: string }>(
    `select distinct program, contract from claims_root where chain_id = $1 order by 1, 2`,
    [chainId],
  )
  return rows.map(({ program, contract }) => ({
    program,
    address: getAddress(contract) as Address,
  }))
}

/** How often that root was planned before. */
export async function countRoots(db: Db, contract: Contract, root: Hex): Promise<number> {
  const row = await db.one<{ roots: bigint }>(
    `select count(*) as roots from claims_root where chain_id = $1 and contract = $2 and root = $3`,
    [...placeOf(contract), root],
  )
  return Number(row.roots)
}

/** Its account is in lower case: a checksum takes 30 µs, four seconds for the largest tree. */
export interface LeafRow extends Leaf {
  claimed: bigint
}

/** The accepted leaves in the order of the tree; of some addresses only, when they are named. */
export async function readLeaves(
  db: Db,
  contract: Contract,
  addresses?: readonly string[],
): Promise<LeafRow[]> {
  const only =
    addresses === undefined ? '' : 'and address in (select jsonb_array_elements_text($3::jsonb))'
  const rows = await db.query<{ address: string; cumulative: string; claimed: string }>(
    `select address, cumulative, claimed from claims_leaf
      where chain_id = $1 and contract = $2 ${only} order by address`,
    [...placeOf(contract), ...(addresses === undefined ? [] : [toJson(addresses)])],
  )
  return rows.map(({ address, cumulative, claimed }) => ({
    account: address as Address,
    cumulative: BigInt(cumulative),
    claimed: BigInt(claimed),
  }))
}

export interface LeafTotals {
  leaves: number
  total: bigint
  claimed: bigint
}

export async function sumLeaves(db: Db, contract: Contract): Promise<LeafTotals> {
  const row = await db.one<{ leaves: bigint; total: string; claimed: string }>(
    `select count(*) as leaves, coalesce(sum(cumulative), 0) as total,
            coalesce(sum(claimed), 0) as claimed
       from claims_leaf where chain_id = $1 and contract = $2`,
    placeOf(contract),
  )
  return { leaves: Number(row.leaves), total: BigInt(row.total), claimed: BigInt(row.claimed) }
}

export interface NewRoot extends Omit<RootRow, 'state' | 'readyAt'> {
  contract: Contract
  lines: readonly ClaimLine[]
}

// Rows in one statement: some two megabytes of JSON.
const ROWS_A_STATEMENT = 10_000

export function* inParts<T>(rows: readonly T[]): Generator<{ part: readonly T[]; from: number }> {
  for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT) {
    yield { part: rows.slice(from, from + ROWS_A_STATEMENT), from }
  }
}

/** PAYOUT_MOVED when one of its payouts was taken in the meantime, or another root waits. */
export async function insertRoot(t: Db, root: NewRoot, at: UnixSeconds): Promise<void> {
  const moved = (): KeeperError => new KeeperError('PAYOUT_MOVED', { program: root.program })
  const { total } = await sumLeaves(t, root.contract)
  // What it was built on is what is accepted now: nobody's leaf shrinks.
  if (total + root.amount !== root.total) throw moved()
  const placed = await t.query(
    `insert into claims_root
       (id, program, chain_id, contract, root, total, amount, file_hash, state, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9)
     on conflict do nothing returning id`,
    [
      root.id,
      root.program,
      ...placeOf(root.contract),
      root.root,
      root.total,
      root.amount,
      root.fileHash,
      at,
    ],
  )
  if (placed.length === 0) throw moved()
  for (const { part, from } of inParts(root.lines)) {
    const taken = await t.query(
      `update payout set state = 'inflight'
        where program = $1 and state = 'owed'
          and key in (select jsonb_array_elements_text($2::jsonb))
        returning id`,
      [root.program, toJson(part.map(({ key }) => key))],
    )
    if (taken.length !== part.length) throw moved()
    await t.query(
      `insert into claims_line (root, position, payout, address, amount, cumulative)
       select $1, l.position, l.key, l.address, l.amount, l.cumulative
         from jsonb_to_recordset($2::jsonb)
           as l(position int, key text, address text, amount numeric, cumulative numeric)`,
      [root.id, toJson(part.map((line, i) => ({ ...line, position: from + i })))],
    )
  }
}

export interface LineRow extends ClaimLine {
  position: number
}

export async function readLines(db: Db, root: string): Promise<LineRow[]> {
  const rows = await db.query<{
    position: number
    key: string
    payee: string
    address: string
    amount: string
    cumulative: string
  }>(
    `select l.position, l.payout as key, p.payee, l.address, l.amount, l.cumulative
       from claims_line l join payout p on p.key = l.payout
      where l.root = $1 order by l.position`,
    [root],
  )
  return rows.map((row) => ({
    ...row,
    amount: BigInt(row.amount),
    cumulative: BigInt(row.cumulative),
  }))
}

export async function markSubmitted(t: Db, id: string, readyAt: UnixSeconds): Promise<void> {
  await t.query(
    `update claims_root set state = 'submitted', ready_at = $2 where id = $1 and state = 'open'`,
    [id, readyAt],
  )
}

const PAYOUT_AFTER = { accepted: 'claimable', vetoed: 'owed', undone: 'owed' } as const

/** False: it was closed before. Accepted, its leaves are what everybody may claim. */
export async function closeRoot(
  t: Db,
  { id, contract }: { id: string; contract: Contract },
  state: keyof typeof PAYOUT_AFTER,
  at: UnixSeconds,
): Promise<boolean> {
  const closed = await t.query(
    `update claims_root set state = $2, closed_at = $3
      where id = $1 and state in ('open', 'submitted') returning id`,
    [id, state, at],
  )
  if (closed.length === 0) return false
  await t.query(
    `update payout p set state = $2
       from claims_line l
      where l.root = $1 and p.key = l.payout and p.state = 'inflight'`,
    [id, PAYOUT_AFTER[state]],
  )
  if (state !== 'accepted') return true
  await t.query(
    `insert into claims_leaf (chain_id, contract, address, cumulative)
     select $2, $3, address, max(cumulative) from claims_line where root = $1 group by address
     on conflict (chain_id, contract, address) do update set cumulative = excluded.cumulative`,
    [id, ...placeOf(contract)],
  )
  return true
}

export interface Taken {
  address: string
  /** All that it has claimed so far. */
  claimed: bigint
}

/** Payouts that are wholly below what their address has claimed are paid. */
export async function storeTaken(
  t: Db,
  contract: Contract,
  taken: readonly Taken[],
): Promise<void> {
  for (const { part } of inParts(taken)) {
    const rows = toJson(part)
    await t.query(
      `update claims_leaf l set claimed = c.claimed
         from jsonb_to_recordset($3::jsonb) as c(address text, claimed numeric)
        where l.chain_id = $1 and l.contract = $2 and l.address = c.address`,
      [...placeOf(contract), rows],
    )
    await t.query(
      `update payout p set state = 'paid'
         from jsonb_to_recordset($3::jsonb) as c(address text, claimed numeric)
         join claims_line l on l.address = c.address and l.cumulative <= c.claimed
         join claims_root r on r.id = l.root
        where r.chain_id = $1 and r.contract = $2 and r.state = 'accepted'
          and p.key = l.payout and p.state = 'claimable'`,
      [...placeOf(contract), rows],
    )
  }
}
