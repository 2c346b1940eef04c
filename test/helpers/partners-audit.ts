// A store of partners whose books reconcile compares, without a chain: nothing was paid yet.
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { toJson } from '../../keeper/base/json.ts'
import { startOfHour } from '../../keeper/base/time.ts'
import { postIn } from '../../keeper/ledger/post.ts'
import { partnersCheck } from '../../keeper/programs/partners/audit/audit.ts'
import { accounts, codes, keys } from '../../keeper/programs/partners/names.ts'
import type { PartnersRoom } from '../../keeper/programs/partners/room.ts'
import { runPartners } from '../../keeper/programs/partners/distribution/run.ts'
import { reconcile } from '../../keeper/reconcile/reconcile.ts'
import type { Reconciled } from '../../keeper/reconcile/reconcile.ts'
import type { Db } from '../../keeper/store/db.ts'
import { COIN } from './ledger.ts'
import { DAY, FIRST, landed, partnersRoom, votesOf } from './partners-room.ts'

const CHAIN = { chainId: 31_337 } as ChainClient

export function reconcilePartners(db: Db): Promise<Reconciled> {
  return reconcile({
    db,
    client: CHAIN,
    block: 1,
    payouts: [],
    rewards: undefined,
    checks: [partnersCheck],
    onProgress: () => {},
  })
}

const RATE = 2n * 10n ** 18n + 7n

/** A day of which three hours have votes: with a rate above the reference, a budget, coefficients and a special partner. */
export async function openPartnersDay(db: Db, changes: Partial<PartnersRoom> = {}): Promise<void> {
  const room = partnersRoom(db, changes)
  await landed(db, [...votesOf(23, FIRST), ...votesOf(7, FIRST + 1), ...votesOf(31, FIRST + 23)])
  await landed(db, [...votesOf(23, FIRST), ...votesOf(12, FIRST + 24)])
  await db.query(
    'insert into partner_rate (from_at, units_per_cc, recorded_at) values ($1, $2, $1)',
    [startOfHour(FIRST - 5), RATE],
  )
  await db.query(
    `insert into partner_ecc (partner, day, ecc, recorded_at)
     select * from jsonb_to_recordset($1::jsonb) as e(partner text, day text, ecc numeric, at bigint)`,
    [toJson(['p1', 'p2', 'p3'].map(eccOf))],
  )
  await db.query(`insert into partner (id, is_special, recorded_at) values ('p2', true, 5)`)
  await fundBonus(db, 7n * 10n ** 17n)
  await runPartners(room, { day: DAY })
  await runPartners(room, { hour: FIRST + 24 })
}

function eccOf(partner: string, index: number): object {
  const day = ['2026-11-20', '2026-11-18', '2026-11-21'][index]
  return { partner, day, ecc: 10n ** 18n * BigInt(2 + 40 * index), at: 5 }
}

export async function fundBonus(db: Db, amount: bigint, reference = 'first'): Promise<void> {
  const sides = { debit: accounts.issuer, credit: accounts.bonusPool, code: codes.fund }
  const at = startOfHour(FIRST)
  const posting = { key: keys.bonusFund(reference), ...sides, asset: COIN, amount, effectiveAt: at }
  await db.begin((t) => postIn(t, [posting], at))
}
