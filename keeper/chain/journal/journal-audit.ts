import { Transaction, keccak256 } from 'ethers'
import type { Db } from '../../store/db.ts'
import { payloadHashOf } from './journal.ts'
import { hashOf, readEvents } from './journal-chain.ts'
import type { JournalEvent } from './journal-chain.ts'
import { UNTOLD, foldJournal } from './journal-fold.ts'
import type { Fold, FoldedTx } from './journal-fold.ts'
import { SELECT_TX, attemptOf, txOf } from './journal-rows.ts'
import type { AttemptRow, TxAttempt, TxRecord, TxRow } from './journal-rows.ts'
import { readHead } from './journal-writer.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { JournalHead, SideLines } from './side-log.ts'

/** The first place where the journal is not what was written. */
export interface JournalDivergence {
  table: 'journal_event' | 'journal_head' | 'tx' | 'tx_attempt' | 'side log'
  /** seq 17, tx 4, attempt 0x…, signed.log:3 */
  row: string
  /** In words: what is wrong with it. */
  what: string
  expected?: unknown
  found?: unknown
}

// Rows read at a time: a few MB, whatever the length of the journal.
const PAGE = 5_000

const START: JournalHead = { seq: 0n, hash: '0'.repeat(64) }

/**
 * Compares everything with everything: the chain of events with its hashes and its head, the head with what
 * the side log saw of it, each row with the fold of its events, each attempt's bytes with their hash.
 */
export async function findDivergence(
  db: Db,
  side?: SideLines,
): Promise<JournalDivergence | undefined> {
  const anchors = anchorsOf(side)
  const fold: Fold = new Map()
  const broken = await walkEvents(db, anchors, fold)
  return broken ?? damageOf(side) ?? (await compareRows(db, fold)) ?? compareAttempts(db, fold)
}

/** What the side log saw of the head, by seq; what came before a restart speaks of a lost past. */
function anchorsOf(side: SideLines | undefined): Map<bigint, string> {
  const anchors = new Map<bigint, string>()
  for (const line of side?.lines ?? []) {
    if (line.type === 'restart') {
      for (const seq of anchors.keys()) if (seq > line.head.seq) anchors.delete(seq)
    }
    if (line.type === 'head' || line.type === 'signed' || line.type === 'restart') {
      anchors.set(line.head.seq, line.head.hash)
    }
  }
  anchors.delete(0n)
  return anchors
}

function damageOf(side: SideLines | undefined): JournalDivergence | undefined {
  const [place] = side?.damaged ?? []
  if (place === undefined) return undefined
  return { table: 'side log', row: place, what: 'the checksum of the line is wrong' }
}

async function walkEvents(
  db: Db,
  anchors: Map<bigint, string>,
  fold: Fold,
): Promise<JournalDivergence | undefined> {
  let last = START
  for (;;) {
    const page = await readEvents(db, last.seq, PAGE)
    for (const event of page) {
      const wrong = checkEvent(event, last, anchors.get(event.seq))
      if (wrong) return wrong
      last = event
    }
    foldJournal(page, fold)
    if (page.length < PAGE) return checkEnd(await readHead(db), last, anchors)
  }
}

function checkEvent(
  event: JournalEvent,
  last: JournalHead,
  anchor: string | undefined,
): JournalDivergence | undefined {
  const at = { table: 'journal_event', row: `seq ${event.seq}` } as const
  if (event.seq !== last.seq + 1n) {
    const row = `seq ${last.seq + 1n}`
    return { ...at, row, what: 'the event is missing', found: event.seq }
  }
  const expected = hashOf(event)
  const { prevHash: found } = event
  if (found !== last.hash) {
    return { ...at, what: 'the event does not follow the one before', expected: last.hash, found }
  }
  if (expected !== event.hash) {
    return { ...at, what: 'the event is not what its hash is of', expected, found: event.hash }
  }
  if (anchor === undefined || anchor === event.hash) return undefined
  const what = 'the side log has another event there'
  return { ...at, what, expected: anchor, found: event.hash }
}

function checkEnd(
  head: JournalHead,
  last: JournalHead,
  anchors: Map<bigint, string>,
): JournalDivergence | undefined {
  if (head.seq !== last.seq || head.hash !== last.hash) {
    const row = `seq ${last.seq < head.seq ? last.seq + 1n : head.seq + 1n}`
    const what = 'the head is not the last event'
    return { table: 'journal_head', row, what, expected: last, found: head }
  }
  const later = [...anchors].filter(([seq]) => seq > last.seq)
  const [missing] = later.sort(([a], [b]) => Number(a - b))
  if (!missing) return undefined
  const what = 'the side log has seen this event, and it is missing'
  return { table: 'journal_event', row: `seq ${missing[0]}`, what, expected: missing[1] }
}

async function compareRows(db: Db, fold: Fold): Promise<JournalDivergence | undefined> {
  const missing = new Set(fold.keys())
  let after = 0n
  for (;;) {
    const rows = await db.query<TxRow>(`${SELECT_TX} where id > $1 order by id limit $2`, [
      after,
      PAGE,
    ])
    for (const tx of rows.map(txOf)) {
      missing.delete(tx.id)
      const wrong = compareRow(tx, fold.get(tx.id))
      if (wrong) return wrong
      after = tx.id
    }
    if (rows.length < PAGE) break
  }
  const [id] = missing
  return id === undefined
    ? undefined
    : { table: 'tx', row: `tx ${id}`, what: 'the row is missing, its events are there' }
}

const FIELDS = [
  'chainId',
  'contract',
  'kind',
  'key',
  'payloadHash',
  'sender',
  'nonce',
  'value',
  'gasLimit',
  'anchor',
  'state',
  'reason',
  'hash',
  'succeeded',
  'blockNumber',
  'blockHash',
  'gasUsed',
  'gasPrice',
  'createdAt',
  'updatedAt',
] as const satisfies (keyof FoldedTx & keyof TxRecord)[]

function compareRow(tx: TxRecord, folded: FoldedTx | undefined): JournalDivergence | undefined {
  const at = { table: 'tx', row: `tx ${tx.id}` } as const
  if (!folded) return { ...at, what: 'no event made the row' }
  for (const field of FIELDS) {
    if (field === 'gasLimit' && folded.gasLimit === UNTOLD) continue
    if (tx[field] !== folded[field]) {
      const what = `${field} is not what the events say`
      return { ...at, what, expected: folded[field], found: tx[field] }
    }
  }
  const found = payloadHashOf({ to: tx.contract, value: tx.value, data: tx.data })
  if (found === tx.payloadHash) return undefined
  return { ...at, what: 'data is not what was planned', expected: tx.payloadHash, found }
}

async function compareAttempts(db: Db, fold: Fold): Promise<JournalDivergence | undefined> {
  const open = new Map<string, FoldedTx>()
  for (const tx of fold.values()) for (const { hash } of tx.attempts) open.set(hash, tx)
  let after = 0n
  for (;;) {
    const rows = await db.query<AttemptRow & { id: bigint; tx_id: bigint }>(
      'select * from tx_attempt where id > $1 order by id limit $2',
      [after, PAGE],
    )
    for (const row of rows) {
      const tx = open.get(row.hash)
      open.delete(row.hash)
      const wrong = compareAttempt(attemptOf(row), row.tx_id, tx)
      if (wrong) return wrong
      after = row.id
    }
    if (rows.length < PAGE) break
  }
  const [hash] = open.keys()
  return hash === undefined
    ? undefined
    : {
        table: 'tx_attempt',
        row: `attempt ${hash}`,
        what: 'the row is missing, its event is there',
      }
}

function compareAttempt(
  attempt: TxAttempt,
  txId: bigint,
  tx: FoldedTx | undefined,
): JournalDivergence | undefined {
  const at = { table: 'tx_attempt', row: `attempt ${attempt.hash}` } as const
  const folded = tx?.attempts.find(({ hash }) => hash === attempt.hash)
  if (!tx || !folded || tx.id !== txId) return { ...at, what: 'no event of its tx made the row' }
  for (const field of ATTEMPT_FIELDS) {
    if (attempt[field] !== folded[field]) {
      const what = `${field} is not what the events say`
      return { ...at, what, expected: folded[field], found: attempt[field] }
    }
  }
  const found = keccak256(attempt.raw)
  if (found !== attempt.hash) {
    return { ...at, what: 'the hash is not of these bytes', expected: attempt.hash, found }
  }
  return compareBytes(attempt, tx)
}

const ATTEMPT_FIELDS = [
  'purpose',
  'maxFeePerGas',
  'maxPriorityFeePerGas',
  'signedAt',
  'broadcastAt',
] as const satisfies (keyof TxAttempt)[]

/** A cancel sends nothing to itself at the same nonce; every other attempt is the planned payload. */
function compareBytes(attempt: TxAttempt, tx: FoldedTx): JournalDivergence | undefined {
  const signed = Transaction.from(attempt.raw)
  const isCancel = attempt.purpose === 'cancel'
  const { to, value } = signed
  const data = tx.anchor ? withoutAnchor(signed.data) : signed.data
  const payload = { to: (to ?? tx.contract) as Address, value, data: data as Hex }
  const pairs: [string, unknown, unknown][] = [
    ['chain id', BigInt(tx.chainId), signed.chainId],
    ['nonce', tx.nonce, signed.nonce],
    ['sender', tx.sender, signed.from],
    ['fee', attempt.maxFeePerGas, signed.maxFeePerGas],
    ['tip', attempt.maxPriorityFeePerGas, signed.maxPriorityFeePerGas],
    isCancel ? ['receiver', tx.sender, to] : ['payload', tx.payloadHash, payloadHashOf(payload)],
  ]
  const wrong = pairs.find(([, expected, found]) => expected !== found)
  if (!wrong) return undefined
  const [name, expected, found] = wrong
  const what = `the signed ${name} is not the planned one`
  return { table: 'tx_attempt', row: `attempt ${attempt.hash}`, what, expected, found }
}

// 32 bytes as hex.
const ANCHOR_DIGITS = 64

/** The head of the journal travels behind the payload. */
export function withoutAnchor(data: string): string {
  return data.slice(0, -ANCHOR_DIGITS)
}
