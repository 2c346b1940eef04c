import type { Address } from '../base/schema.ts'
import type { Db } from '../store/db.ts'

// What these rows say is compared with books and chain; nothing here changes them.

export interface ProgramRecord {
  id: string
  number: bigint
  asset: string
}

export async function readPrograms(db: Db): Promise<ProgramRecord[]> {
  return db.query<ProgramRecord>(
    'select program as id, number, asset from payout_program order by program',
  )
}

/** Every contract that batches of this chain went to. */
export async function listContracts(db: Db, chainId: number): Promise<Address[]> {
  const rows = await db.query<{ contract: Address }>(
    'select distinct contract from payout_batch where chain_id = $1 order by contract',
    [chainId],
  )
  return rows.map(({ contract }) => contract)
}
/** What a person may have meant: awards that have it in their names, payouts of that payee or key. */
export async function nearestRefs(db: Db, text: string, limit: number): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `(select program || ':' || ref as name from payout_accrual
       where carried_from is null and position(lower($1) in lower(program || ':' || ref)) > 0
       order by recorded_at desc, ref limit $2)
     union all
     (select key from payout where payee = lower($1) or starts_with(key, lower($1))
       order by id desc limit $2)
     limit $2`,
    [text, limit],
  )
  return rows.map(({ name }) => name)
}
export interface Misfit {
  payout: string
  program: string
  fault: string
}

// The first ones show what happened.
const MAX_MISFITS = 100

/** Payouts whose state is not what became of their payments. */
export async function findMisfits(db: Db): Promise<Misfit[]> {
  return db.query<Misfit>(
    `with told as (
       select p.key, p.program, p.state,
              count(m.payout) filter (where m.outcome = 'paid') as paid,
              count(m.payout) filter (where m.outcome = 'refused') as refused,
              count(m.payout) filter (where m.outcome is null) as open,
              bool_or(m.amount <> p.amount) as is_other
         from payout p left join payout_payment m on m.payout = p.key
        group by p.key, p.program, p.state),
     claim as (
       select l.payout, count(*) filter (where r.state in ('open', 'submitted')) as waiting,
              count(*) filter (where r.state = 'accepted') as accepted,
              bool_or(r.state = 'accepted' and l.cumulative <= f.claimed) as is_taken,
              bool_or(l.amount <> p.amount) as is_other
         from claims_line l
         join claims_root r on r.id = l.root
         join payout p on p.key = l.payout
         left join claims_leaf f on f.chain_id = r.chain_id and f.contract = r.contract
                                and f.address = l.address
        group by l.payout),
     both_ways as (
       select t.*, coalesce(c.waiting, 0) as waiting, coalesce(c.accepted, 0) as accepted,
              coalesce(c.is_taken, false) as is_taken,
              coalesce(t.is_other, false) or coalesce(c.is_other, false) as is_wrong
         from told t left join claim c on c.payout = t.key)
     select key as payout, program,
            case when is_wrong then 'a payment of it is for another amount'
                 else 'it is ' || state || ', with ' || paid || ' paid, ' || refused
                      || ' refused and ' || open || ' open payments, ' || waiting
                      || ' proposed and ' || accepted || ' accepted claims' end as fault
       from both_ways
      where is_wrong or paid + refused + open + waiting + accepted > 1
         or paid = 1 and state <> 'paid' or (refused = 1) <> (state = 'credited')
         or (open + waiting = 1) <> (state = 'inflight')
         or accepted = 1 and state <> case when is_taken then 'paid' else 'claimable' end
         or state = 'claimable' and accepted = 0
         or state = 'paid' and paid + accepted = 0
      order by key limit $1`,
    [MAX_MISFITS],
  )
}

/** What of one payee no payout binds yet. */
export async function sumOpenOf(db: Db, program: string, payee: string): Promise<bigint> {
  const { open } = await db.one<{ open: string }>(
    `select coalesce(sum(amount), 0) as open from payout_accrual
      where program = $1 and payee = $2 and payout is null`,
    [program, payee],
  )
  return BigInt(open)
}

export interface OpenSums {
  accrued: bigint
  owed: bigint
  /** In batches that are on their way. */
  inflight: bigint
}

/** What the records say is open, to be compared with the books. */
export async function sumOpen(db: Db, program: string): Promise<OpenSums> {
  const row = await db.one<Record<keyof OpenSums, string>>(
    `select (select coalesce(sum(amount), 0) from payout_accrual
              where program = $1 and payout is null) as accrued,
            (select coalesce(sum(amount), 0) from payout
              where program = $1 and state = 'owed') as owed,
            (select coalesce(sum(amount), 0) from payout_batch
              where program = $1 and state = 'inflight') as inflight`,
    [program],
  )
  return {
    accrued: BigInt(row.accrued),
    owed: BigInt(row.owed),
    inflight: BigInt(row.inflight),
  }
}
