import type { Db } from '../../store/db.ts'

/** A root that a payout was in: all but the last were vetoed or failed. */
export interface PayoutRoot {
  /** The journal's key. */
  id: string
  chainId: number
  contract: string
  root: string
  state: string
  readyAt: number | null
  position: number
  /** Lower case. */
  address: string
  amount: bigint
  /** All that the address has by that root, this payout the last of it. */
  cumulative: bigint
}

interface Row {
  id: string
  chain_id: bigint
  contract: string
  root: string
  state: string
  ready_at: bigint | null
  position: number
  address: string
  amount: string
  cumulative: string
}

export async function rootsOfPayout(db: Db, payout: string): Promise<PayoutRoot[]> {
  const rows = await db.query<Row>(
    `select r.id, r.chain_id, r.contract, r.root, r.state, r.ready_at,
            l.position, l.address, l.amount, l.cumulative
       from claims_line l join claims_root r on r.id = l.root
      where l.payout = $1 order by r.seq`,
    [payout],
  )
  return rows.map(({ chain_id, ready_at, amount, cumulative, ...row }) => ({
    ...row,
    chainId: Number(chain_id),
    readyAt: ready_at === null ? null : Number(ready_at),
    amount: BigInt(amount),
    cumulative: BigInt(cumulative),
  }))
}
