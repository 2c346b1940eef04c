import type { Wei } from '../base/amount.ts'
import type { Logger } from '../base/log.ts'
import type { Clock, Cycle } from '../base/time.ts'
import { assetIdOf } from '../chain/program-contracts.ts'
import type { Posting } from '../ledger/posting.ts'
import { bookEvents } from '../payouts/event-booking.ts'
import type { EventAt } from '../payouts/event-booking.ts'
import type { Db } from '../store/db.ts'
import { REWARD_CODES, rewardsAccounts } from './book-names.ts'
import type { RewardEvent } from './book-names.ts'
import { paidBy, shareReader } from './payments.ts'
import type { PaidWords } from './payments.ts'
import type { ChainRoom } from './room.ts'

export interface BookingRoom extends ChainRoom {
  db: Db
  clock: Clock
  log: Logger
}

/**
 * Books what the rewards contract has done, from its final events alone: whoever sent the transactions. A batch is
 * one transfer: the shares of its payees are on the chain, and a hundred thousand rows a day would say no more.
 * Returns how many were booked.
 */
export async function bookRewards(room: BookingRoom, through: number): Promise<number> {
  const { db, client, clock, log, contracts } = room
  const { deployment, rewards } = contracts
  const shares = shareCache(room)
  const source = {
    db,
    client,
    clock,
    log,
    contract: deployment.rewards,
    deployBlock: deployment.deployBlock,
    face: rewards.interface,
    events: Object.keys(REWARD_CODES),
    postingOf: (found: EventAt) => postingOf(room, shares, found),
  }
  return bookEvents(source, through)
}

type Share = (index: number) => Wei

/** Of one cycle after the other: its pages are read once. */
function shareCache(room: ChainRoom): (cycle: Cycle) => Promise<Share> {
  let last: { cycle: Cycle; share: Promise<Share> } | undefined
  return (cycle) => {
    if (last?.cycle !== cycle) last = { cycle, share: readShare(room, cycle) }
    return last.share
  }
}

async function readShare(room: ChainRoom, cycle: Cycle): Promise<Share> {
  const { pool, weighted, weightSum, words } = await room.contracts.rewards.cycle(cycle)
  return shareReader(room, { cycle, pool, weighted, weightSum, words: Number(words) })
}

interface Args {
  cycle: bigint
  index: bigint
  account: string
  to: string
  amount: Wei
  allocated: Wei
  returned: Wei
  credited: boolean
}

async function postingOf(
  { client, contracts: { deployment } }: ChainRoom,
  shares: (cycle: Cycle) => Promise<Share>,
  { event, key, at }: EventAt,
): Promise<Posting | undefined> {
  const name = event.name as RewardEvent
  const args = event.args.toObject() as Args
  const of = rewardsAccounts(deployment.rewards)
  const cycle = Number(args.cycle ?? 0)
  const { account, to, amount, index } = args
  const asset = assetIdOf(client.chainId, deployment.asset)
  const line = (debit: string, credit: string, moved: Wei, reason?: object): Posting => ({
    ...{ key, debit, credit, asset, amount: moved, code: REWARD_CODES[name], effectiveAt: at },
    ...(reason ? { reason } : {}),
  })
  const who = { cycle, index: Number(index ?? 0), to }
  switch (name) {
    case 'Funded':
    case 'Skimmed':
      return line(of.funding, of.pool, amount, { cycle })
    case 'ReturnedToSponsor':
      return line(of.pool, of.funding, amount)
    case 'Extracted':
      return line(of.pool, of.owed(cycle), args.allocated, { cycle })
    case 'CycleVoided':
      return line(of.owed(cycle), of.pool, args.returned, { cycle })
    case 'Paid': {
      const words = event.args['words'] as PaidWords
      return line(of.owed(cycle), of.paid, paidBy(words, await shares(cycle)), { cycle })
    }
    case 'Claimed':
      return line(of.owed(cycle), of.paid, amount, who)
    case 'PaymentRefused':
      // In a stranger's batch the share stays unpaid.
      return args.credited ? line(of.owed(cycle), of.credit(to), amount, who) : undefined
    case 'Swept':
      return line(of.owed(cycle), of.credit(to), amount, who)
    case 'Withdrawn':
      return line(of.credit(account), of.paid, amount, { to })
    case 'CreditMoved':
      return line(of.credit(account), of.credit(to), amount, { to })
  }
}
