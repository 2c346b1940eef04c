import { join } from 'node:path'
import type { Alerts } from '../../base/alerts.ts'
import type { Keeper } from '../../keeper.ts'
import type { PayoutsRoom } from '../../payouts/room.ts'
import { reachPayees } from '../../payouts/wallets/reach.ts'

/** What the running keeper pays programs with; undefined: it has not their key. */
export function payoutsRoomOf(keeper: Keeper, alerts?: Alerts): PayoutsRoom | undefined {
  const { db, client, payouts: contracts, payer, clock, log, config } = keeper
  if (contracts === undefined) return undefined
  const claimsDir = join(config.home, 'claims')
  const room = { db, client, contracts, payer, clock, log, reach: reachPayees, claimsDir }
  return alerts === undefined ? room : { ...room, alerts }
}
