import { sum } from '../../../base/amount.ts'
import type { Wei } from '../../../base/amount.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import { listDebts } from '../../../ledger/balances.ts'
import { accrueIn } from '../../../payouts/accrual.ts'
import { accounts } from '../../../payouts/names.ts'
import type { Award, Program } from '../../../payouts/program.ts'
import type { Db } from '../../../store/db.ts'

/** What a correction took from a partner beyond what was accrued: below zero until later awards have paid it back. */
export function dueOf({ id }: Program, partner: string): string {
  return `due:${id}:${partner}`
}

export interface Withholding {
  /** Of the distribution or correction, as in its references: h480000, d2024-10-15, h480000:c7. */
  period: string
  effectiveAt: UnixSeconds
  now: UnixSeconds
}

/**
 * Whoever has a due pays it back out of what is accrued, as far as that reaches: at the end of each distribution,
 * within its transaction, so that no settlement comes between. Without dues it is one query.
 */
export async function withholdDues(
  t: Db,
  program: Program,
  { period, effectiveAt, now }: Withholding,
): Promise<Wei> {
  const { id, asset } = program
  const prefixes = { prefix: dueOf(program, ''), other: accounts.accrued(id, '') }
  const debts = await listDebts(t, { ...prefixes, asset })
  const offer = debts.flatMap(({ rest: partner, amount, reach }): Award[] => {
    const withheld = amount < reach ? amount : reach
    if (withheld === 0n) return []
    const from = dueOf(program, partner)
    const reason = { period, due: amount }
    const ref = `${period}:due/${partner}`
    return [{ ref, payee: partner, amount: -withheld, from, reason, effectiveAt }]
  })
  if (offer.length > 0) await accrueIn(t, program, { offer, through: effectiveAt, now })
  return -sum(offer.map(({ amount }) => amount))
}
