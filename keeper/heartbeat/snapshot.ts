import { KeeperError, isKeeperError } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import type { Logger } from '../base/log.ts'
import type { Hex } from '../base/schema.ts'
import { SECONDS_PER_HOUR, cycleOfHour, hourOf, isoTime, startOfHour } from '../base/time.ts'
import type { Clock, Cycle, Hour } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { Contracts } from '../chain/contracts.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { findIntent } from '../chain/journal/journal.ts'
import type { Sender } from '../chain/sending/sender.ts'
import type { Db } from '../store/db.ts'
import { lacksPush, recordPush } from './tally/closed-hours.ts'
import { countBits, covers, isSame, wordToHex } from './words.ts'

/** What a push needs; the reporter's key and no other. */
export interface PushRoom {
  db: Db
  client: ChainClient
  contracts: Contracts
  reporter: Sender
  clock: Clock
  log: Logger
}

/** A closed hour's set of online validators: once closed it never changes. */
export interface Snapshot {
  hour: Hour
  cycle: Cycle
  words: bigint[]
  online: number
  source: string
}

export interface PushResult extends Snapshot {
  /** 'already': the chain had every bit of it, so nothing was sent. */
  status: 'pushed' | 'already'
  tx?: TxRecord
}

// A first push of a cycle writes a fresh slot a word (22,100) and logs it (about 1,000 with its calldata);
// the rest of the transaction is about 70,000. Unused gas costs nothing.
const PUSH_GAS_FIXED = 120_000n
const PUSH_GAS_WORD = 26_000n
const KIND = 'snapshot'

/** Closes the hour in the store, then pushes it; may be called again at any time with the same set. */
export async function pushHour(
  room: PushRoom,
  given: { hour: Hour; words: bigint[]; source: string },
): Promise<PushResult> {
  const snapshot = { ...given, cycle: cycleOf(room, given.hour), online: countBits(given.words) }
  await checkHour(room, snapshot)
  const isNew = await closeHour(room, snapshot)
  const { hour, cycle, online } = snapshot
  if (await isOnChain(room, snapshot)) {
    await recordEarlierPush(room, hour)
    return { ...snapshot, status: 'already' }
  }
  const tx = await send(room, snapshot, isNew)
  if (tx.hash) await recordPush(room.db, hour, tx.hash)
  room.log.info({ hour, cycle, online, hash: tx.hash }, 'snapshot-pushed')
  return { ...snapshot, status: 'pushed', tx }
}

/** The hours of a cycle that the store has closed, in order. */
export async function listSnapshots(db: Db, cycle: Cycle): Promise<Snapshot[]> {
  const rows = await db.query<SnapshotRow>(
    'select hour, cycle, words, online, source from snapshot where cycle = $1 order by hour',
    [cycle],
  )
  return rows.map(snapshotOf)
}

export async function findSnapshot(db: Db, hour: Hour): Promise<Snapshot | undefined> {
  const row = await db.maybeOne<SnapshotRow>(
    'select hour, cycle, words, online, source from snapshot where hour = $1',
    [hour],
  )
  return row && snapshotOf(row)
}

export function cycleOf({ contracts }: Pick<PushRoom, 'contracts'>, hour: Hour): Cycle {
  return cycleOfHour(hourOf(contracts.deployment.firstCut), hour)
}

/** the block's time decides whether the hour is over, not the clock of this machine. */
async function checkHour(room: PushRoom, { hour, cycle, words }: Snapshot): Promise<void> {
  const { registry, deployment } = room.contracts
  if (cycle === 0) {
    const firstHour = hourOf(deployment.firstCut)
    throw new KeeperError('HOUR_BEFORE_FIRST_CUT', { hour, firstHour })
  }
  const now = (await room.client.block('latest'))?.timestamp ?? 0
  const end = startOfHour(hour) + SECONDS_PER_HOUR
  const blockTime = isoTime(now)
  if (now < end) throw new KeeperError('HOUR_NOT_OVER', { hour, endsAt: isoTime(end), blockTime })
  const expected = Number(await registry.wordCountOf(cycle))
  if (expected === 0) throw new KeeperError('EMPTY_ROSTER', { hour, cycle })
  if (words.length === expected) return
  throw new KeeperError('WORD_COUNT_WRONG', { given: words.length, expected, cycle })
}

/** A crash may have fallen between the push and its record; the journal knows it then. */
async function recordEarlierPush(room: PushRoom, hour: Hour): Promise<void> {
  if (!(await lacksPush(room.db, hour))) return
  const { chainId } = room.client
  const contract = room.contracts.deployment.registry
  const key = { chainId, contract, kind: KIND, key: String(hour) }
  const tx = await findIntent(room.db, key)
  if (tx?.hash) await recordPush(room.db, hour, tx.hash)
}

/** Nothing was sent when the contract refuses it: an hour closed only now is open again then. */
async function send(room: PushRoom, snapshot: Snapshot, isNew: boolean): Promise<TxRecord> {
  try {
    const { errors } = room.contracts
    return await room.reporter.send(intentOf(room, snapshot), { errors })
  } catch (error) {
    if (isNew && isKeeperError(error, 'TX_WOULD_REVERT')) {
      await room.db.query('delete from snapshot where hour = $1', [snapshot.hour])
    }
    throw error
  }
}

/** Written once: the same set again changes nothing, another set is refused. True: written now. */
async function closeHour(room: PushRoom, snapshot: Snapshot): Promise<boolean> {
  const { hour, cycle, words, online, source } = snapshot
  const before = await findSnapshot(room.db, hour)
  await room.db.query(
    `insert into snapshot (hour, cycle, words, online, source, created_at)
     select $1, $2, array(select jsonb_array_elements_text($3::jsonb)), $4, $5, $6
     on conflict (hour) do nothing`,
    [hour, cycle, toJson(words.map(wordToHex)), online, source, room.clock.now()],
  )
  const stored = await findSnapshot(room.db, hour)
  if (stored && isSame(stored.words, words)) return before === undefined
  throw new KeeperError('SNAPSHOT_DIFFERS', { hour, stored: stored?.online, given: online })
}

/** The chain is asked even when the journal knows the push: the store may be new. */
async function isOnChain(room: PushRoom, { hour, cycle, words }: Snapshot): Promise<boolean> {
  const { registry } = room.contracts
  const pushed = await registry.snapshotOf(hour, room.reporter.address)
  if (pushed.length > 0 && covers(pushed, words)) return true
  const settledThrough = Number(await registry.settledThrough())
  if (cycle <= settledThrough) throw new KeeperError('CYCLE_SETTLED', { hour, cycle })
  const now = (await room.client.block('latest'))?.timestamp ?? 0
  const closes = startOfHour(hour) + SECONDS_PER_HOUR + room.contracts.deployment.pushWindow
  if (now < closes) return false
  const [closedAt, blockTime] = [isoTime(closes), isoTime(now)]
  throw new KeeperError('HOUR_TOO_OLD', { hour, closedAt, blockTime })
}

function intentOf({ contracts }: PushRoom, { hour, words }: Snapshot) {
  const { registry, deployment } = contracts
  return {
    kind: KIND,
    key: String(hour),
    to: deployment.registry,
    data: registry.interface.encodeFunctionData('pushStatus', [words, hour]) as Hex,
    value: 0n,
    gasLimit: PUSH_GAS_FIXED + PUSH_GAS_WORD * BigInt(words.length),
  }
}

interface SnapshotRow {
  hour: number
  cycle: number
  words: string[]
  online: number
  source: string
}

function snapshotOf({ words, ...row }: SnapshotRow): Snapshot {
  return { ...row, words: words.map(BigInt) }
}
