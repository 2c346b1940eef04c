import { KeeperError } from '../../base/errors.ts'
import type { Clock } from '../../base/time.ts'
import { balanceOf } from '../../ledger/balances.ts'
import { postIn } from '../../ledger/post.ts'
import { requirePosted } from '../../ledger/posting.ts'
import { findTransfers } from '../../ledger/transfers.ts'
import type { Actor } from '../../office/actor.ts'
import { appendTrail } from '../../office/trail.ts'
import { lockProgram } from '../../payouts/program-row.ts'
import type { Db } from '../../store/db.ts'
import { accounts, codes, keys } from './names.ts'
import { partnersProgram } from './program.ts'
import { lockState } from './distribution/state.ts'

export interface Funding {
  /** In the smallest unit of the asset. */
  amount: bigint
  /** Of the operator: under it nothing else is ever funded. */
  reference: string
  actor: Actor
}

export interface Funded {
  /** False: it was in the books before. */
  isNew: boolean
  /** In the budget now. */
  budget: bigint
}

/** Money for the bonus of the days to come: its own budget, and never the day's pool. */
export async function fundBonus(
  { db, clock, asset }: { db: Db; clock: Clock; asset: string },
  funding: Funding,
): Promise<Funded> {
  return db.begin(async (t) => {
    // A day that reads the budget is wholly before this or after it.
    await lockState(t)
    await lockProgram(t, partnersProgram(asset))
    const isNew = !(await isBooked(t, asset, funding))
    if (isNew) await book(t, asset, funding, clock.now())
    return { isNew, budget: await balanceOf(t, accounts.bonusPool, asset) }
  })
}

/** LEDGER_CONFLICT when the reference stands for another amount. */
async function isBooked(t: Db, asset: string, { amount, reference }: Funding): Promise<boolean> {
  const key = keys.bonusFund(reference)
  const known = (await findTransfers(t, [key])).get(key)
  if (known === undefined) return false
  if (known === 'archived' || (known.amount === amount && known.asset === asset)) return true
  throw new KeeperError('LEDGER_CONFLICT', { key })
}

async function book(
  t: Db,
  asset: string,
  { amount, reference, actor }: Funding,
  now: number,
): Promise<void> {
  const posting = {
    key: keys.bonusFund(reference),
    debit: accounts.issuer,
    credit: accounts.bonusPool,
    asset,
    amount,
    code: codes.fund,
    effectiveAt: now,
    reason: { reference, by: actor.name },
  }
  requirePosted(await postIn(t, [posting], now))
  const after = { amount: String(amount), asset }
  await appendTrail(t, { actor, action: 'partners.fund-bonus', target: reference, after }, now)
}
