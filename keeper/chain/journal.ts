import { AbiCoder, keccak256 } from 'ethers'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { appendEvent } from './journal-chain.ts'
import { SELECT_TX, attemptOf, txOf } from './journal-rows.ts'
import type { AttemptRow, TxAttempt, TxRecord, TxRow, TxState } from './journal-rows.ts'
import type { Journal } from './journal-writer.ts'

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

export function payloadHashOf({ to, value, data }: Pick<TxIntent, 'to' | 'value' | 'data'>): Hex {
  const types = ['address', 'uint256', 'bytes']
  return keccak256(AbiCoder.defaultAbiCoder().encode(types, [to, value, data])) as Hex
}

/**
 * Stores the intent and reserves its nonce, in the caller's transaction if there is one. A known key with the same
 * payload gives the old row; with another payload it is refused. Only an intent that was released
 * before anything was signed gets a new nonce.
 */
export async function openIntent(journal: Journal, plan: Plan, t?: Db): Promise<TxRecord> {
  return (t ?? journal.db).begin(async (inner) => {
    const known = await findIntent(inner, keyOf(plan))
    if (known) refuseOtherPayload(known, plan.intent)
    if (known && known.nonce !== undefined) return known
    const nonce = await nextNonce(inner, plan)
    const anchor = plan.intent.anchor ? await anchorOf(inner) : null
    const reserved = { nonce, anchor }
    const id = known
      ? await reopen(inner, known, reserved, plan)
      : await insert(inner, reserved, plan)
    await appendEvent(inner, {
      txId: id,
      kind: 'planned',
      facts: planFacts(plan, reserved),
      at: plan.at,
    })
    return readTx(inner, id)
  })
}

export function refuseOtherPayload(known: TxRecord, intent: TxIntent): void {
  if (known.payloadHash === payloadHashOf(intent)) return
  throw new KeeperError('IDEMPOTENCY_PAYLOAD', { kind: intent.kind, key: intent.key, id: known.id })
}

function keyOf({ chainId, intent }: Plan): BusinessKey {
  return { chainId, contract: intent.to, kind: intent.kind, key: intent.key }
}

interface Reserved {
  nonce: number
  anchor: Hex | null
}

async function anchorOf(t: Db): Promise<Hex> {
  const { hash } = await t.one<{ hash: string }>('select hash from journal_head for update')
  return `0x${hash}`
}

/** All that makes the row, so that the row can be made again from its events. */
function planFacts({ chainId, sender, intent }: Plan, { nonce, anchor }: Reserved): object {
  const { kind, key, to, value, gasLimit } = intent
  const payloadHash = payloadHashOf(intent)
  return { chainId, sender, nonce, kind, key, to, value, gasLimit, payloadHash, anchor }
}

/** The journal owns the nonce; what the chain has counted is only a floor. */
async function nextNonce(t: Db, { chainId, sender, chainNonce }: Plan): Promise<number> {
  const last = await lastNonce(t, chainId, sender)
  return Math.max(chainNonce, last === undefined ? 0 : last + 1)
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

async function insert(t: Db, { nonce, anchor }: Reserved, plan: Plan): Promise<bigint> {
  const { intent, chainId, sender, at } = plan
  const row = await t.one<{ id: bigint }>(
    `insert into tx (chain_id, contract, kind, key, payload_hash, sender, nonce, data, value,
                     gas_limit, anchor, state, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'planned', $12, $12) returning id`,
    [
      chainId,
      intent.to.toLowerCase(),
      intent.kind,
      intent.key,
      payloadHashOf(intent),
      sender.toLowerCase(),
      nonce,
      intent.data,
      intent.value,
      intent.gasLimit,
      anchor,
      at,
    ],
  )
  return row.id
}

async function reopen(
  t: Db,
  known: TxRecord,
  { nonce, anchor }: Reserved,
  plan: Plan,
): Promise<bigint> {
  const row = await t.one<{ id: bigint }>(
    `update tx set nonce = $2, sender = $3, gas_limit = $4, state = 'planned', reason = null,
                   updated_at = $5, anchor = $6
      where id = $1 and nonce is null returning id`,
    [known.id, nonce, plan.sender.toLowerCase(), plan.intent.gasLimit, plan.at, anchor],
  )
  return row.id
}

export async function findIntent(db: Db, key: BusinessKey): Promise<TxRecord | undefined> {
  const row = await db.maybeOne<TxRow>(
    `${SELECT_TX} where chain_id = $1 and contract = $2 and kind = $3 and key = $4`,
    [key.chainId, key.contract.toLowerCase(), key.kind, key.key],
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
