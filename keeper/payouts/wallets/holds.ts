import { getAddress } from 'ethers'
import { ensure } from '../../base/errors.ts'
import type { Address } from '../../base/schema.ts'
import type { Clock, UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { paysAddresses } from './wallet-of.ts'

/** A hold is for now: what is owed waits. A denial is for good, until somebody takes it back. */
export type HoldList = 'hold' | 'deny'

/** An address (of one program or of all), a payee of a program, or a program as a whole. */
export interface HoldTarget {
  program?: string | undefined
  payee?: string | undefined
  address?: Address | undefined
}

export interface Hold extends HoldTarget {
  id: bigint
  list: HoldList
  reason: string
  actor: string
  /** The first second in which it does not hold; undefined: until it is removed. */
  until: UnixSeconds | undefined
  recordedAt: UnixSeconds
}

export type Verdict = { may: true } | ({ may: false } & Hold)

interface HoldRow {
  id: bigint
  list: HoldList
  program: string | null
  payee: string | null
  address: string | null
  reason: string
  actor: string
  until: bigint | null
  recorded_at: bigint
}

const IN_FORCE = `from payout_hold h
  where (h.until is null or h.until > $1) and not exists (
    select 1 from payout_hold_end e where e.hold = h.id)`

/** May this be paid now? A denial comes before a hold, an older one before a newer. */
export async function mayPay(
  db: Db,
  { program, payee, address }: HoldTarget,
  now: UnixSeconds,
): Promise<Verdict> {
  const [row] = await db.query<HoldRow>(
    `select h.* ${IN_FORCE} and (
       (h.address = $2 and (h.program is null or h.program = $3))
       or (h.address is null and h.program = $3 and (h.payee is null or h.payee = $4)))
     order by h.list, h.id limit 1`,
    [now, address?.toLowerCase() ?? null, program ?? null, payee ?? null],
  )
  return row ? { may: false, ...holdOf(row) } : { may: true }
}

/** All that is in force for a program, read once for a settlement of many. */
export interface Holds {
  of(target: Omit<HoldTarget, 'program'>): Verdict
}

export async function readHolds(db: Db, program: string, now: UnixSeconds): Promise<Holds> {
  const rows = await db.query<HoldRow>(
    `select h.* ${IN_FORCE} and (h.program is null or h.program = $2) order by h.list, h.id`,
    [now, program],
  )
  // The first of each key counts: the order is mayPay's.
  const first = new Map<string, Hold>()
  for (const row of rows) {
    const hold = holdOf(row)
    const key = keyOf(hold)
    if (!first.has(key)) first.set(key, hold)
  }
  return { of: (target) => verdictOf(first, target) }
}

function keyOf({ address, payee }: HoldTarget): string {
  if (address !== undefined) return `address:${address}`
  return payee === undefined ? 'program' : `payee:${payee}`
}

function verdictOf(first: ReadonlyMap<string, Hold>, { address, payee }: HoldTarget): Verdict {
  const keys = [
    'program',
    ...(payee === undefined ? [] : [keyOf({ payee })]),
    ...(address === undefined ? [] : [keyOf({ address })]),
  ]
  const found = keys.flatMap((key) => first.get(key) ?? []).sort(byRank)
  const [hold] = found
  return hold ? { may: false, ...hold } : { may: true }
}

function byRank(a: Hold, b: Hold): number {
  if (a.list !== b.list) return a.list === 'deny' ? -1 : 1
  return a.id < b.id ? -1 : 1
}

export interface NewHold extends HoldTarget {
  list: HoldList
  reason: string
  actor: string
  until?: UnixSeconds | undefined
}

export async function addHold({ db, clock }: HoldRoom, hold: NewHold): Promise<bigint> {
  const { id } = await db.one<{ id: bigint }>(
    `insert into payout_hold (list, program, payee, address, reason, actor, until, recorded_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
    [
      hold.list,
      hold.program ?? null,
      payeeOf(hold) ?? null,
      hold.address?.toLowerCase() ?? null,
      hold.reason,
      hold.actor,
      hold.until ?? null,
      clock.now(),
    ],
  )
  return id
}

/** As the program names it: payees that are addresses are known in lower case, however somebody writes them. */
function payeeOf({ program, payee }: HoldTarget): string | undefined {
  return program !== undefined && paysAddresses(program) ? payee?.toLowerCase() : payee
}

export interface HoldRoom {
  db: Db
  clock: Clock
}

/** It stays in the history; from now on it does not hold. */
export async function removeHold(
  { db, clock }: HoldRoom,
  { id, list, actor, reason }: { id: bigint; list: HoldList; actor: string; reason: string },
): Promise<void> {
  const now = clock.now()
  const rows = await db.query(
    `insert into payout_hold_end (hold, actor, reason, recorded_at)
     select h.id, $4, $5, $1 ${IN_FORCE} and h.id = $2 and h.list = $3
     on conflict do nothing returning hold`,
    [now, id, list, actor, reason],
  )
  ensure(rows.length === 1, 'HOLD_UNKNOWN', { list, id })
}

// A screen's worth of a page; the next one begins after the last number.
const LIST_PAGE = 1_000

/** Those in force, by number. */
export async function listHolds(
  db: Db,
  list: HoldList,
  { now, after = 0n }: { now: UnixSeconds; after?: bigint },
): Promise<Hold[]> {
  const rows = await db.query<HoldRow>(
    `select h.* ${IN_FORCE} and h.list = $2 and h.id > $3 order by h.id limit $4`,
    [now, list, after, LIST_PAGE],
  )
  return rows.map(holdOf)
}

function holdOf(row: HoldRow): Hold {
  return {
    id: row.id,
    list: row.list,
    program: row.program ?? undefined,
    payee: row.payee ?? undefined,
    address: row.address === null ? undefined : (getAddress(row.address) as Address),
    reason: row.reason,
    actor: row.actor,
    until: row.until === null ? undefined : Number(row.until),
    recordedAt: Number(row.recorded_at),
  }
}
