import { toJson } from '../base/json.ts'
import type { UnixSeconds } from '../base/time.ts'
import { postIn } from '../ledger/post.ts'
import { requirePosted } from '../ledger/posting.ts'
import type { Posting } from '../ledger/posting.ts'
import type { Db } from '../store/db.ts'
import { CARRY } from './accrual.ts'
import { accounts, keys, payoutKey } from './names.ts'
import type { Program } from './program.ts'
import { lockProgram } from './program-row.ts'
import type { BooksRoom, Kept } from './room.ts'
import { leastPayment, settlePayee } from './rules.ts'
import type { Settlement } from './rules.ts'

export interface Settled {
  payouts: number
  amount: bigint
  /** Payees whose accruals wait, and why. */
  kept: Partial<Record<Kept | 'minimum', number>>
}

// Two postings' worth of rows each; as many as the books take at once.
const MAX_PAYEES_A_PAGE = 1_000
// Some 20 MB; the page ends with the payee that reaches it.
const MAX_ACCRUALS_A_PAGE = 50_000
// Hourly awards of a year; who has more is settled in several payouts.
const MAX_ACCRUALS_A_PAYOUT = 10_000
// Who does not reach the minimum with those is paid for more of them: eleven years of hourly ones.
export const MAX_SMALL_ACCRUALS = 100_000

/**
 * Makes payouts of what is accrued: minimum, cap, holds and whole units are decided here and nowhere else. A payout
 * binds its accruals in the transaction that makes it, so that nothing is in two of them.
 */
export async function settle(room: BooksRoom, program: Program): Promise<Settled> {
  const total: Settled = { payouts: 0, amount: 0n, kept: {} }
  let after: string | undefined = ''
  while (after !== undefined) {
    const from: string = after
    after = await room.db.begin(async (t) => settlePage(room, t, program, { from, total }))
  }
  room.log.info({ program: program.id, ...total }, 'accruals-settled')
  return total
}

interface Open {
  payee: string
  accruals: { ref: string; amount: bigint; effectiveAt: UnixSeconds }[]
}

interface NewPayout extends Open, Settlement {
  key: string
}

/** The last payee of the page; undefined when there are no more. */
async function settlePage(
  { clock, reach }: BooksRoom,
  t: Db,
  program: Program,
  { from, total }: { from: string; total: Settled },
): Promise<string | undefined> {
  await lockProgram(t, program)
  const now = clock.now()
  const open = await readOpen(t, program, from)
  const payees = open.map(({ payee }) => payee)
  const reached = await reach(t, program.id, payees, now)
  const made: NewPayout[] = []
  for (const each of open) {
    const at = reached.get(each.payee) ?? { kept: 'no-wallet' }
    const settled = settlePayee(
      each.accruals.map(({ amount }) => amount),
      program.rules(),
    )
    const kept = settled === undefined ? 'minimum' : 'kept' in at ? at.kept : undefined
    if (settled === undefined || kept !== undefined) {
      total.kept[kept ?? 'minimum'] = (total.kept[kept ?? 'minimum'] ?? 0) + 1
      continue
    }
    const refs = each.accruals.map(({ ref }) => ref)
    made.push({ ...each, ...settled, key: payoutKey(program.id, program.asset, refs) })
  }
  await store(t, program, made, now)
  total.payouts += made.length
  total.amount += made.reduce((sum, { amount }) => sum + amount, 0n)
  const read = open.reduce((rows, { accruals }) => rows + accruals.length, 0)
  const isLast = open.length < MAX_PAYEES_A_PAGE && read < MAX_ACCRUALS_A_PAGE
  return isLast ? undefined : payees.at(-1)
}

/**
 * The next payees, each with his oldest accruals: as many as a payout has, or more if the minimum takes more. What is
 * taken back comes first, however late it is: it lowers what there is to pay.
 */
async function readOpen(t: Db, program: Program, after: string): Promise<Open[]> {
  const rows = await t.query<{ payee: string; ref: string; amount: string; effective_at: bigint }>(
    `with each as materialized (
       select payee, least(count(*), $5) as accruals from payout_accrual
        where program = $1 and payout is null and payee > $2
          and (effective_at <= $8 or amount < 0)
        group by payee order by payee limit $3),
     page as materialized (
       select payee, sum(accruals) over (order by payee) - accruals as before from each)
     select * from (
       select a.payee, a.ref, a.amount, a.effective_at, row_number() over own as place,
              sum(a.amount) over own - a.amount as reached
         from payout_accrual a join page on page.payee = a.payee
        where a.program = $1 and a.payout is null and page.before < $4
          and (a.effective_at <= $8 or a.amount < 0)
       window own as (partition by a.payee order by a.amount < 0 desc, a.effective_at, a.ref)) o
      where place <= $5 or (reached < $6 and place <= $7) order by payee, place`,
    [
      program.id,
      after,
      MAX_PAYEES_A_PAGE,
      MAX_ACCRUALS_A_PAGE,
      MAX_ACCRUALS_A_PAYOUT,
      leastPayment(program.rules()),
      MAX_SMALL_ACCRUALS,
      (await program.settlesThrough?.(t)) ?? Number.MAX_SAFE_INTEGER,
    ],
  )
  const byPayee = Map.groupBy(rows, ({ payee }) => payee)
  return [...byPayee].map(([payee, own]) => ({
    payee,
    accruals: own.map(({ ref, amount, effective_at }) => ({
      ref,
      amount: BigInt(amount),
      effectiveAt: Number(effective_at),
    })),
  }))
}

async function store(
  t: Db,
  program: Program,
  payouts: readonly NewPayout[],
  now: UnixSeconds,
): Promise<void> {
  if (payouts.length === 0) return
  await insertPayouts(t, program.id, payouts, now)
  await bindAccruals(t, program.id, payouts)
  await insertCarries(t, program.id, payouts, now)
  const postings = payouts.map(({ key, payee, amount, accruals }): Posting => ({
    key: keys.settled(key),
    debit: accounts.accrued(program.id, payee),
    credit: accounts.owed(program.id, payee),
    asset: program.asset,
    amount,
    code: 'settle',
    effectiveAt: now,
    reason: { accruals: accruals.length },
  }))
  requirePosted(await postIn(t, postings, now))
}

async function insertPayouts(
  t: Db,
  program: string,
  payouts: readonly NewPayout[],
  now: UnixSeconds,
): Promise<void> {
  const rows = payouts.map(({ key, payee, amount, accruals }) => ({
    key,
    payee,
    amount,
    effective_from: Math.min(...accruals.map(({ effectiveAt }) => effectiveAt)),
  }))
  await t.query(
    `insert into payout (key, program, payee, amount, state, effective_from, created_at)
     select p.key, $1, p.payee, p.amount, 'owed', p.effective_from, $3
       from jsonb_to_recordset($2::jsonb)
         as p(key text, payee text, amount numeric, effective_from bigint)
      order by p.effective_from, p.key`,
    [program, toJson(rows), now],
  )
}

async function bindAccruals(t: Db, program: string, payouts: readonly NewPayout[]): Promise<void> {
  const bound = payouts.flatMap(({ key, accruals }) => accruals.map(({ ref }) => ({ key, ref })))
  await t.query(
    `update payout_accrual a set payout = b.key
       from jsonb_to_recordset($2::jsonb) as b(key text, ref text)
      where a.program = $1 and a.ref = b.ref and a.payout is null`,
    [program, toJson(bound)],
  )
}

/** What a payout leaves of its accruals is open again, for the next one; the books have it as accrued already. */
async function insertCarries(
  t: Db,
  program: string,
  payouts: readonly NewPayout[],
  now: UnixSeconds,
): Promise<void> {
  const rows = payouts.flatMap(({ key, payee, carry, accruals }) => {
    const effective_at = Math.max(...accruals.map(({ effectiveAt }) => effectiveAt))
    return carry === 0n ? [] : [{ ref: `${CARRY}${key}`, key, payee, carry, effective_at }]
  })
  if (rows.length === 0) return
  await t.query(
    `insert into payout_accrual
       (program, ref, payee, amount, content, effective_at, recorded_at, carried_from)
     select $1, c.ref, c.payee, c.carry, c.key, c.effective_at, $3, c.key
       from jsonb_to_recordset($2::jsonb)
         as c(ref text, key text, payee text, carry numeric, effective_at bigint)`,
    [program, toJson(rows), now],
  )
}
