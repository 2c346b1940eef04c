import type { Address } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import type { Contract } from '../batch-rows.ts'
import { readHolds } from '../wallets/holds.ts'

/**
 * Addresses with something to claim that may not be paid now: they, or the payees whom they were published for, are on
 * hold or denied. Lower case, as the store has them.
 */
export async function keptAccounts(
  db: Db,
  program: string,
  { chainId, address }: Contract,
  now: UnixSeconds,
): Promise<ReadonlySet<string>> {
  const holds = await readHolds(db, program, now)
  const open = await db.query<{ payee: string; address: Address }>(
    `select distinct p.payee, l.address
       from payout p join claims_line l on l.payout = p.key join claims_root r on r.id = l.root
      where p.program = $1 and p.state = 'claimable'
        and r.chain_id = $2 and r.contract = $3 and r.state = 'accepted'`,
    [program, chainId, address.toLowerCase()],
  )
  const kept = open.filter(({ payee, address: at }) => !holds.of({ payee, address: at }).may)
  return new Set(kept.map(({ address: at }) => at))
}
