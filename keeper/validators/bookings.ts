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
  words: PaidWords
}

type Accounts = ReturnType<typeof rewardsAccounts>
type Move = { debit: string; credit: string; amount: Wei }

/** From which account to which, by event; what a batch paid is added up from its shares. */
const MOVES: {
  [Name in RewardEvent]: (of: Accounts, args: Args, share: Share) => Move | undefined
} = {
  Funded: ({ funding, pool }, { amount }) => ({ debit: funding, credit: pool, amount }),
  Skimmed: ({ funding, pool }, { amount }) => ({ debit: funding, credit: pool, amount }),
  ReturnedToSponsor: ({ funding, pool }, { amount }) => ({ debit: pool, credit: funding, amount }),
  Extracted: ({ pool, owed }, { cycle, allocated }) => ({
    debit: pool,
    credit: owed(cycle),
    amount: allocated,
  }),
  CycleVoided: ({ pool, owed }, { cycle, returned }) => ({
    debit: owed(cycle),
    credit: pool,
    amount: returned,
  }),
  Paid: ({ owed, paid }, { cycle, words }, share) => ({
    debit: owed(cycle),
    credit: paid,
    amount: paidBy(words, share),
  }),
  Claimed: ({ owed, paid }, { cycle, amount }) => ({ debit: owed(cycle), credit: paid, amount }),
  // In a stranger's batch the share stays unpaid.
  PaymentRefused: ({ owed, credit }, { cycle, to, amount, credited }) =>
    credited ? { debit: owed(cycle), credit: credit(to), amount } : undefined,
  Swept: ({ owed, credit }, { cycle, to, amount }) => ({
    debit: owed(cycle),
    credit: credit(to),
    amount,
  }),
  Withdrawn: ({ credit, paid }, { account, amount }) => ({
    debit: credit(account),
    credit: paid,
    amount,
  }),
  CreditMoved: ({ credit }, { account, to, amount }) => ({
    debit: credit(account),
    credit: credit(to),
    amount,
  }),
}

async function postingOf(
  { client, contracts: { deployment } }: ChainRoom,
  shares: (cycle: Cycle) => Promise<Share>,
  { event, key, at }: EventAt,
): Promise<Posting | undefined> {
  const name = event.name as RewardEvent
  const args = event.args.toObject() as unknown as Args
  const share = name === 'Paid' ? await shares(Number(args.cycle)) : noShare
  const move = MOVES[name](rewardsAccounts(deployment.rewards), args, share)
  const asset = assetIdOf(client.chainId, deployment.asset)
  const reason = reasonOf(args)
  return move && { key, ...move, asset, code: REWARD_CODES[name], effectiveAt: at, reason }
}

const noShare = (): Wei => 0n

/** Who and when; the amounts and accounts are the transfer's own. */
function reasonOf({ cycle, index, to }: Args): object {
  return {
    ...(cycle === undefined ? {} : { cycle: Number(cycle) }),
    ...(index === undefined ? {} : { index: Number(index) }),
    ...(to === undefined ? {} : { to }),
  }
}
