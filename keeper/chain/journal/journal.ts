import { keccak256 } from 'ethers'
import type { Wei } from '../../base/amount.ts'
import { KeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { SELECT_TX, attemptOf, checksummed, txOf } from './journal-rows.ts'
import type { AttemptRow, TxAttempt, TxRecord, TxRow, TxState } from './journal-rows.ts'
import { append, joinTurn, takeTurn } from './journal-writer.ts'
import type { Journal, Turn } from './journal-writer.ts'

/** Who is asked for what, once: (chain, contract, kind, key) is the business key. */
export interface TxIntent {
  kind: string
  key: string
  to: Address
  data: Hex
  value: Wei
  /** Computed by the caller: an estimate finds the cheapest success, which may pay nobody. */
  gasLimit: bigint
  /** The journal's head goes along with the transaction: see TxRecord.anchor. */
  anchor?: true
}

export interface Plan {
  chainId: number
  sender: Address
  /** What the chain has counted: a floor for the journal's own next nonce. */
  chainNonce: number
  intent: TxIntent
  at: UnixSeconds
}

export interface BusinessKey {
  chainId: number
  contract: Address
  kind: string
  key: string
}

// A page for people; a program that reads all asks with `before`.
const DEFAULT_LIST_LIMIT = 100

/**
 * Of abi.encode(address to, uint256 value, bytes data), written out: the encoder of the library takes longer
 * than the statement that stores the row.
 */
export function payloadHashOf({ to, value, data }: Pick<TxIntent, 'to' | 'value' | 'data'>): Hex {
  const bytes = data.slice(2)
  const padding = (WORD_DIGITS - (bytes.length % WORD_DIGITS)) % WORD_DIGITS
  const words = [word(BigInt(to)), word(value), word(OFFSET), word(BigInt(bytes.length / 2))]
  return keccak256(`0x${words.join('')}${bytes}${'0'.repeat(padding)}`) as Hex
}

const WORD_DIGITS = 64
// Where the bytes begin: behind three words.
const OFFSET = 96n

function word(value: bigint): string {
  return value.toString(16).padStart(WORD_DIGITS, '0')
}

/**
 * Stores the intent and reserves its nonce, in the caller's transaction if there is one. A known key with the
 * same payload gives the old row; with another payload it is refused. Only an intent that was released before
 * anything was signed gets a new nonce.
 */
export function openIntent(journal: Journal, plan: Plan, t?: Db): Promise<TxRecord> {
  const open = (turn: Turn): Promise<TxRecord> => openIn(turn, plan)
  return t ? joinTurn(journal, t, open) : takeTurn(journal, open)
}

/** The journal owns the nonce; what the chain has counted is only a floor. */
async function openIn(turn: Turn, plan: Plan): Promise<TxRecord> {
  const { known, last, freshId } = await readForPlan(turn.t, plan)
  if (known) refuseOtherPayload(known, plan.intent)
  if (known && known.nonce !== undefined) return known
  const nonce = Math.max(plan.chainNonce, last === undefined ? 0 : last + 1)
  const anchor: Hex | undefined = plan.intent.anchor ? `0x${turn.head.hash}` : undefined
  const id = known?.id ?? freshId
  return openAs(turn, plan, { id, nonce, anchor, createdAt: known?.createdAt ?? plan.at })
}

/** The id of a row that is yet to be made. */
export async function freshTxId(t: Db): Promise<bigint> {
  return (await t.one<{ id: bigint }>(`select nextval('tx_id_seq') as id`)).id
}

/** A new row, or one without a nonce: nothing of it may ever have been signed. */
export async function openAs(
  turn: Turn,
  plan: Plan,
  reserved: Reserved,
  more: object = {},
): Promise<TxRecord> {
  const tx = recordOf(plan, reserved)
  const isOpen = await append(turn, {
    fn: 'journal_open',
    txId: tx.id,
    sender: tx.sender,
    event: 'planned',
    facts: { ...planFacts(tx), ...more },
    at: plan.at,
    params: planParams(tx),
  })
  if (isOpen) return tx
  throw new KeeperError('JOURNAL_STATE', { id: tx.id, from: 'a nonce', to: 'planned' })
}

interface ForPlan {
  known: TxRecord | undefined
  last: number | undefined
  freshId: bigint
}

/** One short statement for all that a plan has to know: each column costs time on the embedded store. */
async function readForPlan(t: Db, { chainId, sender, intent }: Plan): Promise<ForPlan> {
  const { id, last, fresh } = await t.one<Record<'id' | 'last' | 'fresh', bigint | null>>(
    `select (select id from tx where chain_id = $1 and contract = $3 and kind = $4 and key = $5) as id,
            (select max(nonce) from tx where chain_id = $1 and sender = $2) as last,
            nextval('tx_id_seq') as fresh`,
    [chainId, sender.toLowerCase(), intent.to.toLowerCase(), intent.kind, intent.key],
  )
  const known = id === null ? undefined : await readTx(t, id)
  return { known, last: last === null ? undefined : Number(last), freshId: fresh ?? 0n }
}

type Reserved = Pick<TxRecord, 'id' | 'nonce' | 'anchor' | 'createdAt'>

/** The row as the store will have it, so that it need not be read again. */
function recordOf({ chainId, sender, intent, at }: Plan, reserved: Reserved): TxRecord {
  const { to, kind, key, data, value, gasLimit } = intent
  return {
    chainId,
    contract: checksummed(to),
    kind,
    key,
    payloadHash: payloadHashOf(intent),
    sender: checksummed(sender),
    data,
    value,
    gasLimit,
    state: 'planned',
    updatedAt: at,
    reason: undefined,
    hash: undefined,
    succeeded: undefined,
    blockNumber: undefined,
    blockHash: undefined,
    gasUsed: undefined,
    gasPrice: undefined,
    ...reserved,
  }
}

/** All that makes the row, so that it can be made again from its events. */
function planFacts(tx: TxRecord): object {
  const { chainId, sender, nonce, kind, key, contract, value, gasLimit, payloadHash, anchor } = tx
  return { chainId, sender, nonce, kind, key, contract, value, gasLimit, payloadHash, anchor }
}

function planParams(tx: TxRecord): unknown[] {
  const { chainId, contract, kind, key, payloadHash, sender } = tx
  const { nonce, data, value, gasLimit, anchor } = tx
  const identity = [chainId, contract.toLowerCase(), kind, key, payloadHash, sender.toLowerCase()]
  return [...identity, nonce, data, value, gasLimit, anchor ?? null]
}

export function refuseOtherPayload(known: TxRecord, intent: TxIntent): void {
  if (known.payloadHash === payloadHashOf(intent)) return
  throw new KeeperError('IDEMPOTENCY_PAYLOAD', { kind: intent.kind, key: intent.key, id: known.id })
}

export async function lastNonce(
  db: Db,
  chainId: number,
  sender: Address,
): Promise<number | undefined> {
  const { last } = await db.one<{ last: bigint | null }>(
    'select max(nonce) as last from tx where chain_id = $1 and sender = $2',
    [chainId, sender.toLowerCase()],
  )
  return last === null ? undefined : Number(last)
}

export async function findIntent(db: Db, key: BusinessKey): Promise<TxRecord | undefined> {
  const row = await db.maybeOne<TxRow>(
    `${SELECT_TX} where chain_id = $1 and contract = $2 and kind = $3 and key = $4`,
    [key.chainId, key.contract.toLowerCase(), key.kind, key.key],
  )
  return row && txOf(row)
}

export async function findByNonce(
  db: Db,
  { chainId, sender, nonce }: { chainId: number; sender: Address; nonce: number },
): Promise<TxRecord | undefined> {
  const row = await db.maybeOne<TxRow>(
    `${SELECT_TX} where chain_id = $1 and sender = $2 and nonce = $3`,
    [chainId, sender.toLowerCase(), nonce],
  )
  return row && txOf(row)
}

export async function readTx(db: Db, id: bigint): Promise<TxRecord> {
  return txOf(await db.one<TxRow>(`${SELECT_TX} where id = $1`, [id]))
}

/** What a start has to look at, oldest nonce first; unknown and foreign ones are among them. */
export async function unresolved(db: Db, chainId: number, sender: Address): Promise<TxRecord[]> {
  const rows = await db.query<TxRow>(
    `${SELECT_TX} where chain_id = $1 and sender = $2
        and state not in ('final', 'reverted', 'cancelled') order by nonce`,
    [chainId, sender.toLowerCase()],
  )
  return rows.map(txOf)
}

/** What has to be mined before anything new: few, where `unresolved` has every row that is not yet deep. */
export async function unmined(db: Db, chainId: number, sender: Address): Promise<TxRecord[]> {
  const rows = await db.query<TxRow>(
    `${SELECT_TX} where chain_id = $1 and sender = $2
        and state not in ('included', 'final', 'reverted', 'cancelled') order by nonce`,
    [chainId, sender.toLowerCase()],
  )
  return rows.map(txOf)
}

export async function attemptsOf(db: Db, txId: bigint): Promise<TxAttempt[]> {
  const sql = 'select * from tx_attempt where tx_id = $1 order by id'
  return (await db.query<AttemptRow>(sql, [txId])).map(attemptOf)
}

export interface ListFilter {
  chainId?: number
  kind?: string
  state?: TxState
  keyPrefix?: string
  limit?: number
}

/** For people: newest first. */
export async function listJournal(db: Db, filter: ListFilter = {}): Promise<TxRecord[]> {
  const { chainId, kind, state, keyPrefix, limit = DEFAULT_LIST_LIMIT } = filter
  const rows = await db.query<TxRow>(
    `${SELECT_TX} where ($1::bigint is null or chain_id = $1) and ($2::text is null or kind = $2)
        and ($3::text is null or state = $3) and ($4::text is null or starts_with(key, $4))
      order by id desc limit $5`,
    [chainId ?? null, kind ?? null, state ?? null, keyPrefix ?? null, limit],
  )
  return rows.map(txOf)
}
