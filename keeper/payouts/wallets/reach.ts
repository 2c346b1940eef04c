import type { Address } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { readHolds } from './holds.ts'
import type { Holds } from './holds.ts'
import { walletsOf } from './wallet-of.ts'

type Reach = { address: Address } | { kept: 'no-wallet' | 'held' | 'denied' }

/** Where payees are paid now: their primary wallets, less those whom a hold or the deny list keeps back. */
export async function reachPayees(
  t: Db,
  program: string,
  payees: readonly string[],
  now: UnixSeconds,
): Promise<Map<string, Reach>> {
  const wallets = await walletsOf(t, program, payees, now)
  const holds = await readHolds(t, program, now)
  return new Map(payees.map((payee) => [payee, reachOf(holds, payee, wallets.get(payee))]))
}

function reachOf(holds: Holds, payee: string, address: Address | undefined): Reach {
  const verdict = holds.of({ payee, address })
  if (!verdict.may) return { kept: verdict.list === 'deny' ? 'denied' : 'held' }
  return address === undefined ? { kept: 'no-wallet' } : { address }
}
