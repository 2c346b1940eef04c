import { KeeperError } from '../base/errors.ts'
import type { Db } from '../store/db.ts'
import type { Program } from './program.ts'

interface ProgramRow {
  number: bigint
  asset: string
}

/**
 * One writer a program at a time: held until the end of the transaction. Before the books and the journal, always in
 * that order, so that nobody waits for somebody who waits for him.
 */
export async function lockProgram(t: Db, { id, number, asset }: Program): Promise<void> {
  await t.query(
    `insert into payout_program (program, number, asset) values ($1, $2, $3)
       on conflict (program) do nothing`,
    [id, number, asset],
  )
  const row = await t.one<ProgramRow>(
    'select number, asset from payout_program where program = $1 for update',
    [id],
  )
  refuseOther(id, 'number', Number(row.number), number)
  refuseOther(id, 'asset', row.asset, asset)
}

function refuseOther(
  program: string,
  field: string,
  found: string | number,
  given: string | number,
): void {
  if (found !== given) throw new KeeperError('PROGRAM_CHANGED', { program, field, found, given })
}

/** Unix seconds; undefined before the first. */
export interface Cursors {
  accruedThrough: number | undefined
  settledThrough: number | undefined
}

export async function readCursors(db: Db, program: string): Promise<Cursors> {
  const row = await db.maybeOne<Record<'accrued_through' | 'settled_through', bigint | null>>(
    'select accrued_through, settled_through from payout_program where program = $1',
    [program],
  )
  const numberOf = (value: bigint | null | undefined): number | undefined =>
    value === null || value === undefined ? undefined : Number(value)
  return {
    accruedThrough: numberOf(row?.accrued_through),
    settledThrough: numberOf(row?.settled_through),
  }
}

export async function moveAccrued(t: Db, program: string, to: number): Promise<void> {
  await t.query(
    `update payout_program set accrued_through = greatest(accrued_through, $2::bigint)
      where program = $1`,
    [program, to],
  )
}

/** To the earliest award that is not paid; with none of those, as far as it accrued. It never goes back. */
export async function moveSettled(t: Db, program: string): Promise<void> {
  await t.query(
    `update payout_program p set settled_through = greatest(p.settled_through, least(
        p.accrued_through,
        (select min(effective_at) from payout_accrual
          where program = $1 and payout is null and carried_from is null),
        (select min(effective_from) from payout
          where program = $1 and state in ('owed', 'inflight'))))
      where p.program = $1`,
    [program],
  )
}
