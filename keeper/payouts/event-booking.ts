import type { Interface, Log, LogDescription } from 'ethers'
import type { Logger } from '../base/log.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { postIn } from '../ledger/post.ts'
import type { Posting } from '../ledger/posting.ts'
import type { Db } from '../store/db.ts'
import { keys } from './names.ts'

/** A final event, and what the books call it. */
export interface EventAt {
  event: LogDescription
  key: string
  at: UnixSeconds
}

/** A contract whose events are booked once, in their order. */
export interface EventSource {
  db: Db
  client: ChainClient
  clock: Clock
  log: Logger
  contract: Address
  deployBlock: number
  face: Interface
  events: readonly string[]
  postingOf(found: EventAt): Promise<Posting | undefined> | Posting | undefined
  /** What a posting still lacks may yet be booked: the cursor stays before it. */
  isWaiting?(t: Db): Promise<boolean>
}

// One transaction and one query of the node: a first run over years of blocks goes on where it was stopped.
const MAX_BLOCKS_A_STEP = 10_000

/**
 * Books the contract's events from where the books are up to a final block. The cursor moves in the transaction of
 * the postings, and each is keyed by its place in the chain: whoever runs it again, or beside us, books nothing
 * twice. Returns how many were new.
 */
export async function bookEvents(source: EventSource, through: number): Promise<number> {
  let booked = 0
  let from = await nextBlock(source)
  while (from <= through) {
    const to = Math.min(through, from + MAX_BLOCKS_A_STEP - 1)
    const step = await bookRange(source, from, to)
    booked += step.booked
    if (step.through < to) return booked
    from = to + 1
  }
  return booked
}

interface Found extends Posting {
  block: number
}

async function bookRange(
  source: EventSource,
  fromBlock: number,
  toBlock: number,
): Promise<{ booked: number; through: number }> {
  const { db, clock, log } = source
  const postings = await readPostings(source, fromBlock, toBlock)
  return db.begin(async (t) => {
    const outcomes = postings.length === 0 ? [] : await postIn(t, postings, clock.now())
    const refused = outcomes.findIndex(({ outcome }) => outcome === 'refused')
    const stuckAt = postings[refused]?.block
    const isHeld = stuckAt !== undefined && (await source.isWaiting?.(t)) === true
    const through = isHeld ? stuckAt - 1 : toBlock
    await moveCursor(t, source, through)
    for (const result of outcomes) {
      // Not in these books, and no reason to keep others from their pay: reconcile names it.
      if (result.outcome === 'refused' || result.outcome === 'conflict') {
        log.warn({ ...result, isHeld }, 'event-not-booked')
      }
    }
    const booked = outcomes.filter(({ outcome }) => outcome === 'posted').length
    if (booked > 0) log.info({ contract: source.contract, booked, through }, 'events-booked')
    return { booked, through }
  })
}

async function readPostings(
  source: EventSource,
  fromBlock: number,
  toBlock: number,
): Promise<Found[]> {
  const { client, clock, contract, face, events } = source
  const topics = events.map((name) => face.getEvent(name)?.topicHash as Hex)
  const logs = await readLogs(client, { address: contract, topics: [topics], fromBlock, toBlock })
  const times = await timesOf(source, logs)
  const found: Found[] = []
  for (const log of logs) {
    const event = face.parseLog(log)
    if (event === null) continue
    const at = times.get(log.blockNumber) ?? clock.now()
    const key = keys.event(log.transactionHash, log.index)
    const posting = await source.postingOf({ event, key, at })
    // Nothing moves: a share of zero, or a credit that is moved to its own account.
    const isTransfer = posting && posting.amount > 0n && posting.debit !== posting.credit
    if (isTransfer) found.push({ ...posting, block: log.blockNumber })
  }
  return found
}

async function timesOf(
  { client }: EventSource,
  logs: readonly Log[],
): Promise<Map<number, UnixSeconds>> {
  const times = new Map<number, UnixSeconds>()
  for (const number of new Set(logs.map(({ blockNumber }) => blockNumber))) {
    const block = await client.block(number)
    if (block) times.set(number, block.timestamp)
  }
  return times
}

/** The last block whose events are in the books; undefined before the first. */
export async function bookedThrough(
  db: Db,
  chainId: number,
  contract: string,
): Promise<number | undefined> {
  const row = await db.maybeOne<{ through: bigint }>(
    'select through from payout_event_cursor where chain_id = $1 and contract = $2',
    [chainId, contract.toLowerCase()],
  )
  return row && Number(row.through)
}

async function nextBlock({ db, client, contract, deployBlock }: EventSource): Promise<number> {
  const through = await bookedThrough(db, client.chainId, contract)
  return through === undefined ? deployBlock : through + 1
}

export async function moveCursor(
  t: Db,
  { client, contract }: Pick<EventSource, 'client' | 'contract'>,
  through: number,
): Promise<void> {
  await t.query(
    `insert into payout_event_cursor (chain_id, contract, through) values ($1, $2, $3)
     on conflict (chain_id, contract)
       do update set through = greatest(payout_event_cursor.through, excluded.through)`,
    [client.chainId, contract.toLowerCase(), through],
  )
}
