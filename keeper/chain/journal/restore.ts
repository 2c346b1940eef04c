import { Transaction, keccak256 } from 'ethers'
import type { Logger } from '../../base/log.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { Clock } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { findByNonce, findIntent, freshTxId, openAs, payloadHashOf } from './journal.ts'
import { withoutAnchor } from './journal-audit.ts'
import { recordReleased, recordRewound, recordStopped, signIn } from './journal-moves.ts'
import type { TxRecord } from './journal-rows.ts'
import { takeTurn } from './journal-writer.ts'
import type { Journal } from './journal-writer.ts'
import type { SignedEntry, SignedLine } from './side-log.ts'

interface Restoring {
  journal: Journal
  clock: Clock
  log: Logger
}

// Hashes asked for in one query.
const HASHES_A_QUERY = 1_000

// The events say that they were not made when it happened.
const RECOVERED = { isRecovered: true }

/** Each signed entry that the store has no attempt of: its row and its bytes, as they were. */
export async function restoreSigned(
  context: Restoring,
  entries: readonly SignedLine[],
): Promise<TxRecord[]> {
  const restored = new Map<bigint, TxRecord>()
  const stored = await storedHashes(context.journal.db, entries)
  for (const entry of entries) {
    if (stored.has(entry.hash)) continue
    const tx = await restore(context, entry)
    if (tx) restored.set(tx.id, tx)
  }
  return [...restored.values()]
}

async function storedHashes(db: Db, entries: readonly SignedEntry[]): Promise<Set<Hex>> {
  const stored = new Set<Hex>()
  for (let from = 0; from < entries.length; from += HASHES_A_QUERY) {
    const hashes = entries.slice(from, from + HASHES_A_QUERY).map(({ hash }) => hash)
    const sql = 'select hash from tx_attempt where hash = any($1)'
    const rows = await db.query<{ hash: Hex }>(sql, [hashes])
    for (const { hash } of rows) stored.add(hash)
  }
  return stored
}

async function restore(context: Restoring, entry: SignedLine): Promise<TxRecord | undefined> {
  const { journal, clock, log } = context
  const { kind, key, nonce, hash } = entry
  const bytes = readBytes(entry)
  if (!bytes) {
    log.error({ kind, key, nonce, hash }, 'side-log-entry-refused')
    return undefined
  }
  if (await isReleasedSince(journal.db, entry)) {
    log.warn({ kind, key, nonce, hash }, 'side-log-entry-released')
    return undefined
  }
  const found = await rowOf(context, entry, bytes)
  // Further bytes were signed after it had been mined: that block went, and the store has forgotten it.
  const isMined = found?.state === 'included'
  const row = isMined ? await recordRewound(journal, found, clock.now()) : found
  if (!row || !OPEN.includes(row.state)) return undefined
  const { purpose } = entry
  const attempt = { hash, raw: entry.raw, purpose, fees: bytes.fees }
  const sign = (now: TxRecord): Promise<TxRecord> =>
    takeTurn(journal, (turn) => signIn(turn, now, attempt, clock.now(), RECOVERED))
  const tx = await sign(row)
  log.warn({ kind, key, nonce, hash }, 'signed-transaction-restored')
  return tx
}

/**
 * The journal, which has all that was before these bytes, failed to take them and gave the nonce back
 * afterwards, as it does only while nothing is signed: they never left the process and must not leave it now.
 */
async function isReleasedSince(db: Db, entry: SignedLine): Promise<boolean> {
  const known = await findIntent(db, entry)
  if (!known) return false
  const closings = await db.query<{ facts: string }>(
    `select facts from journal_event where tx_id = $1 and seq > $2 and kind = 'cancelled'
        and exists (select from journal_event where seq = $2 and hash = $3)`,
    [known.id, entry.head.seq, entry.head.hash],
  )
  return closings.some(({ facts }) => (JSON.parse(facts) as { isReleased?: boolean }).isReleased)
}

// A row that is closed needs no more attempts.
const OPEN: readonly string[] = ['planned', 'signed', 'broadcast']

interface Bytes {
  data: Hex
  value: bigint
  gasLimit: bigint
  isPayload: boolean
  fees: { maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }
}

/** Undefined: these bytes are not what the entry says of them. */
function readBytes(entry: SignedEntry): Bytes | undefined {
  const { chainId, sender, nonce, contract, payloadHash, hash, raw, purpose, anchor } = entry
  if (keccak256(raw) !== hash) return undefined
  const signed = Transaction.from(raw)
  const isOurs = signed.from === sender && signed.chainId === BigInt(chainId)
  const isPayload = purpose !== 'cancel'
  const data = (anchor ? withoutAnchor(signed.data) : signed.data) as Hex
  const { value, gasLimit } = signed
  const to = (signed.to ?? '0x') as Address
  const isSame = payloadHashOf({ to: isPayload ? to : contract, value, data }) === payloadHash
  if (!isOurs || signed.nonce !== nonce || (isPayload && !isSame)) return undefined
  const maxFeePerGas = signed.maxFeePerGas ?? 0n
  const maxPriorityFeePerGas = signed.maxPriorityFeePerGas ?? 0n
  return { data, value, gasLimit, isPayload, fees: { maxFeePerGas, maxPriorityFeePerGas } }
}

/** The row of the entry's key at the entry's nonce; what stands in the way was never signed, or is stopped. */
async function rowOf(
  context: Restoring,
  entry: SignedEntry,
  bytes: Bytes,
): Promise<TxRecord | undefined> {
  const { db } = context.journal
  const known = await findIntent(db, entry)
  if (known?.nonce === entry.nonce) return known
  const taken = await findByNonce(db, entry)
  for (const row of [known, taken]) {
    if (row && row.nonce !== undefined && !(await clear(context, row, entry))) return undefined
  }
  if (!bytes.isPayload) {
    const { kind, key, nonce, hash } = entry
    context.log.error({ kind, key, nonce, hash }, 'side-log-cancel-without-row')
    return undefined
  }
  return reopen(context, entry, bytes, known)
}

/** False: two signed transactions want one nonce, or one intent was signed at two: a human has to look. */
async function clear(
  { journal, clock, log }: Restoring,
  row: TxRecord,
  { kind, key, nonce, hash }: SignedEntry,
): Promise<boolean> {
  if (row.state === 'planned') {
    await recordReleased(journal, row, `nonce ${nonce} was signed for ${kind} ${key}`, clock.now())
    return true
  }
  log.error({ kind, key, nonce, hash, tx: row.id }, 'side-log-conflict')
  const reason = `the side log has ${kind} ${key} signed at nonce ${nonce} (tx ${hash})`
  if (OPEN.includes(row.state)) {
    await recordStopped(journal, row, 'unknown', reason, clock.now())
  }
  return false
}

async function reopen(
  { journal, clock }: Restoring,
  entry: SignedEntry,
  { data, value, gasLimit }: Bytes,
  known: TxRecord | undefined,
): Promise<TxRecord> {
  const { chainId, sender, nonce, kind, key, contract, anchor } = entry
  const intent = { kind, key, to: contract, data, value, gasLimit }
  const plan = { chainId, sender, chainNonce: nonce, intent, at: clock.now() }
  return takeTurn(journal, async (turn) => {
    const id = known?.id ?? (await freshTxId(turn.t))
    const createdAt = known?.createdAt ?? plan.at
    return openAs(turn, plan, { id, nonce, anchor, createdAt }, RECOVERED)
  })
}
