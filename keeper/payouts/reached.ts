import { KeeperError } from '../base/errors.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { Payable } from './batch.ts'
import type { BooksRoom, ReachPayees } from './room.ts'

/** Those that may be paid now, and where; who is on hold, denied or without a wallet is passed over. */
export async function payableOf(
  { reach, clock }: Pick<BooksRoom, 'reach' | 'clock'>,
  t: Db,
  program: string,
  owed: readonly Omit<Payable, 'address'>[],
): Promise<Payable[]> {
  const payees = owed.map(({ payee }) => payee)
  const reached = await reach(t, program, payees, clock.now())
  return owed.flatMap(({ key, payee, amount }) => {
    const at = reached.get(payee)
    if (!at || 'kept' in at) return []
    return [{ key, payee, amount, address: at.address.toLowerCase() }]
  })
}

interface Planned {
  program: string
  payments: readonly Payable[]
}

/** Between the pick and this a held fee may have waited for hours: who came on hold meanwhile is not paid. */
export async function requireReached(
  reach: ReachPayees,
  t: Db,
  { program, payments }: Planned,
  now: UnixSeconds,
): Promise<void> {
  const payees = payments.map(({ payee }) => payee)
  const reached = await reach(t, program, payees, now)
  const isAsPicked = payments.every(({ payee, address }) => {
    const at = reached.get(payee)
    return at !== undefined && 'address' in at && at.address.toLowerCase() === address
  })
  if (!isAsPicked) throw new KeeperError('PAYOUT_MOVED', { program })
}
