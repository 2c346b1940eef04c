import { getAddress } from 'ethers'
import type { Address, Hex } from '../../base/schema.ts'
import type { Hour, UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'

export interface TallyRow {
  node: Address
  seen: number
  online: boolean
}

/** An hour that is decided: it never changes again. Sorted by node, as the bytes of the address. */
export interface ClosedHour {
  hour: Hour
  /** Intervals in which this intake was listening: 80 of a whole hour. */
  expected: number
  /** Every validator on the roster, 0 when it was never heard, and whoever else was counted. */
  rows: TallyRow[]
}

/** Undefined: still open, never known, or heard too little to judge anybody. */
export async function readClosedHour(db: Db, hour: Hour): Promise<ClosedHour | undefined> {
  const closed = await db.maybeOne<{ expected: number }>(
    'select expected from tally_hour where hour = $1 and heard',
    [hour],
  )
  if (!closed) return undefined
  const rows = await db.query<{ node: string; seen: number; online: boolean }>(
    'select node, seen, online from tally where hour = $1 order by node',
    [hour],
  )
  return { hour, expected: closed.expected, rows: rows.map(withChecksum) }
}

function withChecksum(row: { node: string; seen: number; online: boolean }): TallyRow {
  return { ...row, node: checksummed(row.node) }
}

/** What is known of an hour without its rows: for status and audit. */
export interface HourFacts {
  hour: Hour
  state: 'open' | 'heard' | 'unheard'
  expected: number
  closedAt: UnixSeconds | undefined
  validators: number | undefined
  online: number | undefined
  root: Hex | undefined
  txHash: Hex | undefined
}

interface HourRow {
  hour: number
  expected: number
  closed_at: bigint | null
  heard: boolean | null
  validators: number | null
  online: number | null
  root: Hex | null
  tx_hash: Hex | null
}

/** Newest first. */
export async function listHours(db: Db, limit: number): Promise<HourFacts[]> {
  const rows = await db.query<HourRow>(
    `select hour, expected, closed_at, heard, validators, online, root, tx_hash
     from tally_hour order by hour desc limit $1`,
    [limit],
  )
  return rows.map(factsOf)
}

export async function findHour(db: Db, hour: Hour): Promise<HourFacts | undefined> {
  const row = await db.maybeOne<HourRow>(
    `select hour, expected, closed_at, heard, validators, online, root, tx_hash
     from tally_hour where hour = $1`,
    [hour],
  )
  return row && factsOf(row)
}

function factsOf(row: HourRow): HourFacts {
  const heard = row.heard ? 'heard' : 'unheard'
  return {
    hour: row.hour,
    state: row.closed_at === null ? 'open' : heard,
    expected: row.expected,
    closedAt: row.closed_at === null ? undefined : Number(row.closed_at),
    validators: row.validators ?? undefined,
    online: row.online ?? undefined,
    root: row.root ?? undefined,
    txHash: row.tx_hash ?? undefined,
  }
}

/** True: closed by an intake on this store, and no push of it is recorded. */
export async function lacksPush(db: Db, hour: Hour): Promise<boolean> {
  const rows = await db.query(
    'select hour from tally_hour where hour = $1 and heard and tx_hash is null',
    [hour],
  )
  return rows.length > 0
}

/** The first hash stays: a second push of the same set adds nothing. */
export async function recordPush(db: Db, hour: Hour, hash: Hex): Promise<void> {
  await db.query('update tally_hour set tx_hash = $2 where hour = $1 and tx_hash is null', [
    hour,
    hash,
  ])
}

// The contract takes 131,072 validators; a name is 150 bytes here.
const MAX_REMEMBERED = 131_072
const remembered = new Map<string, Address>()

/** A checksum is a Keccak hash: for an hour of 10,000 nodes they would take longer than the query. */
export function checksummed(text: string): Address {
  const known = remembered.get(text)
  if (known) return known
  const address = getAddress(text) as Address
  remember(address)
  return address
}

/** A node that beats was checksummed by its login: the closing of its hour need not do it again. */
export function remember(address: Address): void {
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  remembered.set(address.toLowerCase(), address)
}
