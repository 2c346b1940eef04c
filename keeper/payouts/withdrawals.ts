import type { Log } from 'ethers'
import type { Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { postIn } from '../ledger/post.ts'
import type { Posting } from '../ledger/posting.ts'
import type { Db } from '../store/db.ts'
import { accounts, keys } from './names.ts'
import type { PayoutsRoom } from './room.ts'

/** The last block that cannot be undone; taken before the batches are booked, it has no refusal that is not. */
export async function finalBlock({ payer }: PayoutsRoom): Promise<number> {
  return payer.waitFinal('the number of a final block', async (block) => block)
}

/**
 * Books what creditors did by themselves: who withdrew was paid, who moved a credit has it elsewhere. Read once, up to
 * a final block. Returns how many were booked.
 */
export async function bookWithdrawals(room: PayoutsRoom, through: number): Promise<number> {
  const { db, client, contracts, clock, log } = room
  const fromBlock = await nextBlock(room)
  if (through < fromBlock) return 0
  const names = ['Withdrawn', 'CreditMoved'] as const
  const topics = names.map((name) => contracts.payouts.interface.getEvent(name).topicHash as Hex)
  const query = { address: contracts.address, topics: [topics], fromBlock, toBlock: through }
  const logs = await readLogs(client, query)
  const times = await timesOf(room, logs)
  const postings = logs.flatMap((each) => postingOf(room, each, times.get(each.blockNumber)))
  const outcomes = await db.begin(async (t: Db) => {
    await moveCursor(t, room, through)
    return postings.length === 0 ? [] : postIn(t, postings, clock.now())
  })
  for (const result of outcomes) {
    // A refusal that another store's batch met: not in these books, and no reason to keep others from their pay.
    if (result.outcome === 'duplicate') continue
    if (result.outcome !== 'posted') log.warn({ ...result }, 'withdrawal-not-booked')
    else log.info({ key: result.key }, 'withdrawal-booked')
  }
  return outcomes.filter(({ outcome }) => outcome === 'posted').length
}

async function nextBlock({ db, client, contracts }: PayoutsRoom): Promise<number> {
  const row = await db.maybeOne<{ through: bigint }>(
    'select through from payout_event_cursor where chain_id = $1 and contract = $2',
    [client.chainId, contracts.address.toLowerCase()],
  )
  return row ? Number(row.through) + 1 : (contracts.deployment.payouts?.deployBlock ?? 0)
}

async function moveCursor(
  t: Db,
  { client, contracts }: PayoutsRoom,
  through: number,
): Promise<void> {
  await t.query(
    `insert into payout_event_cursor (chain_id, contract, through) values ($1, $2, $3)
     on conflict (chain_id, contract)
       do update set through = greatest(payout_event_cursor.through, excluded.through)`,
    [client.chainId, contracts.address.toLowerCase(), through],
  )
}

async function timesOf(
  { client }: PayoutsRoom,
  logs: readonly Log[],
): Promise<Map<number, UnixSeconds>> {
  const times = new Map<number, UnixSeconds>()
  for (const number of new Set(logs.map(({ blockNumber }) => blockNumber))) {
    const block = await client.block(number)
    if (block) times.set(number, block.timestamp)
  }
  return times
}

interface Taken {
  account: string
  to: string
  amount: bigint
}

function postingOf({ contracts, clock }: PayoutsRoom, log: Log, at?: UnixSeconds): Posting[] {
  const event = contracts.payouts.interface.parseLog(log)
  if (event === null) return []
  const { account, to, amount } = event.args.toObject() as Taken
  const isMove = event.name === 'CreditMoved'
  return [
    {
      key: keys.event(log.transactionHash, log.index),
      debit: accounts.credit(account),
      credit: isMove ? accounts.credit(to) : accounts.withdrawn,
      asset: contracts.assetId,
      amount,
      code: isMove ? 'move' : 'withdraw',
      effectiveAt: at ?? clock.now(),
      reason: { to },
    },
  ]
}
