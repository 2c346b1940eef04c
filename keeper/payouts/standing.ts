import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { readCursors } from './program-row.ts'
import { readSettings } from './settings.ts'
import type { ProgramSettings } from './settings.ts'

export const PAYOUT_STATES = ['owed', 'inflight', 'paid', 'credited', 'claimable'] as const
export type PayoutState = (typeof PAYOUT_STATES)[number]

export interface Tally {
  payouts: number
  amount: bigint
}

/** How far a program's awards are, from its rows. */
export interface Standing {
  program: string
  /** Awarded and not settled: below the minimum, held back, or simply new. */
  accrued: { awards: number; amount: bigint }
  states: Record<PayoutState, Tally>
  accruedThrough: UnixSeconds | undefined
  settledThrough: UnixSeconds | undefined
}

export async function readStanding(db: Db, program: string): Promise<Standing> {
  const rows = await db.query<{ state: PayoutState; payouts: bigint; amount: string }>(
    `select state, count(*) as payouts, sum(amount) as amount from payout
      where program = $1 group by state`,
    [program],
  )
  const open = await db.one<{ awards: bigint; amount: string }>(
    `select count(*) as awards, coalesce(sum(amount), 0) as amount from payout_accrual
      where program = $1 and payout is null`,
    [program],
  )
  const tallies = PAYOUT_STATES.map((state): [PayoutState, Tally] => {
    const row = rows.find((each) => each.state === state)
    return [state, { payouts: Number(row?.payouts ?? 0), amount: BigInt(row?.amount ?? 0) }]
  })
  return {
    program,
    accrued: { awards: Number(open.awards), amount: BigInt(open.amount) },
    states: Object.fromEntries(tallies) as Standing['states'],
    ...(await readCursors(db, program)),
  }
}

/** A program in the store: what it owes, and what an operator has set. */
export interface ProgramBooks extends Standing {
  settings: ProgramSettings | undefined
}

export async function readProgramBooks(db: Db, program: string): Promise<ProgramBooks> {
  return { ...(await readStanding(db, program)), settings: await readSettings(db, program) }
}

/** Every program that has ever awarded something here. */
export async function listPrograms(db: Db): Promise<string[]> {
  const rows = await db.query<{ program: string }>(
    'select program from payout_program order by number',
  )
  return rows.map(({ program }) => program)
}

export interface PayoutRow {
  id: bigint
  key: string
  program: string
  payee: string
  amount: bigint
  state: PayoutState
  /** Of the last batch that it was in; undefined: of none yet. */
  batch: string | undefined
  address: string | undefined
}

export interface PayoutFilter {
  program: string
  state?: PayoutState | undefined
  /** Those with a higher number: the next page. */
  after: bigint
  limit: number
}

export async function listPayouts(db: Db, filter: PayoutFilter): Promise<PayoutRow[]> {
  const { program, state = null, after, limit } = filter
  const rows = await db.query<
    Omit<PayoutRow, 'amount' | 'batch' | 'address'> & {
      amount: string
      batch: string | null
      address: string | null
    }
  >(
    `select p.id, p.key, p.program, p.payee, p.amount, p.state, m.batch, m.address
       from payout p
       left join lateral (
         select m.batch, m.address from payout_payment m join payout_batch b on b.id = m.batch
          where m.payout = p.key order by b.created_at desc, b.seq desc limit 1) m on true
      where p.program = $1 and ($2::text is null or p.state = $2) and p.id > $3
      order by p.id limit $4`,
    [program, state, after, limit],
  )
  return rows.map(({ batch, address, amount, ...row }) => ({
    ...row,
    amount: BigInt(amount),
    batch: batch ?? undefined,
    address: address ?? undefined,
  }))
}
