import { KeeperError } from '../base/errors.ts'
import { askKeeper } from '../api/control.ts'
import { isoTime } from '../base/time.ts'
import { attemptsOf, listJournal } from '../chain/journal/journal.ts'
import { findTx } from '../chain/journal/journal-queries.ts'
import type { TxAttempt, TxRecord, TxState } from '../chain/journal/journal-rows.ts'
import type { Db } from '../store/db.ts'
import { openStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'
import { COIN, GWEI, money, plural, shownTime, table } from './print.ts'

export interface JournalOptions {
  kind?: string
  state?: string
  limit: string
}

const STATES: readonly TxState[] = [
  'planned',
  'signed',
  'broadcast',
  'included',
  'final',
  'reverted',
  'cancelled',
  'unknown',
  'foreign',
]
// More is a query for the database itself.
const MAX_LIMIT = 100_000

/** From the running keeper of this home, which may hold the store; without one, from the store itself. */
export async function journalCommand(run: Run, options: JournalOptions): Promise<Report> {
  const { kind, state, limit } = options
  const asked = { name: 'journal', args: [], options: { kind, state, limit } }
  return (await askKeeper(run.config.home, asked, run.signal)) ?? withStore(run, options)
}

async function withStore(run: Run, options: JournalOptions): Promise<Report> {
  filterOf(options)
  const db = await openStore({ ...run.config, clock: run.clock })
  try {
    return await journalReport(db, options)
  } finally {
    await db.close()
  }
}

export async function journalReport(db: Db, options: JournalOptions): Promise<Report> {
  const records = await listJournal(db, filterOf(options))
  const rows = records.map((tx) => [
    String(tx.id),
    shownTime(tx.createdAt),
    tx.kind,
    tx.key.length > MAX_KEY ? `${tx.key.slice(0, MAX_KEY)}…` : tx.key,
    tx.state,
    tx.hash ?? '-',
  ])
  return {
    json: { transactions: records },
    lines: [
      records.length < Number(options.limit)
        ? `${plural(records.length, 'transaction')}, newest first`
        : `The newest ${plural(records.length, 'transaction')} (--limit shows more)`,
      ...(rows.length > 0 ? table(['id', 'when', 'kind', 'key', 'state', 'hash'], rows) : []),
    ],
  }
}

const MAX_KEY = 28

function filterOf({ kind, state, limit }: JournalOptions): Parameters<typeof listJournal>[1] {
  const known = STATES.find((name) => name === state)
  if (state !== undefined && known === undefined) {
    throw new KeeperError('USAGE', {
      what: `"${state}" is not one of ${STATES.join(', ')}`,
      command: 'journal',
    })
  }
  if (!/^[1-9]\d{0,5}$/.test(limit) || Number(limit) > MAX_LIMIT) {
    throw new KeeperError('USAGE', {
      what: `"${limit}" is not a number from 1 to ${MAX_LIMIT}`,
      command: 'journal',
    })
  }
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(known === undefined ? {} : { state: known }),
    limit: Number(limit),
  }
}

export async function showTransactionCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  const asked = { name: 'journal show', args: [name], options: {} }
  const answer = await askKeeper(run.config.home, asked, run.signal)
  if (answer) return answer
  const db = await openStore({ ...run.config, clock: run.clock })
  try {
    return await transactionReport(db, name)
  } finally {
    await db.close()
  }
}

export async function transactionReport(db: Db, name: string): Promise<Report> {
  const tx = await findTx(db, name)
  if (!tx) throw new KeeperError('TX_NOT_FOUND', { id: name })
  const attempts = await attemptsOf(db, tx.id)
  return {
    json: { transaction: tx, attempts },
    lines: [
      ...table(['field', 'value'], factsOf(tx)),
      plural(attempts.length, 'attempt'),
      ...(attempts.length > 0 ? table(ATTEMPT_HEAD, attempts.map(attemptRow)) : []),
    ],
  }
}

const ATTEMPT_HEAD = ['purpose', 'signed', 'sent', 'max fee', 'tip', 'hash']

function attemptRow(attempt: TxAttempt): string[] {
  const { purpose, signedAt, broadcastAt, maxFeePerGas, maxPriorityFeePerGas, hash } = attempt
  const sent = broadcastAt === undefined ? 'no' : isoTime(broadcastAt)
  const [fee, tip] = [money(maxFeePerGas, GWEI), money(maxPriorityFeePerGas, GWEI)]
  return [purpose, isoTime(signedAt), sent, fee, tip, hash]
}

function factsOf(tx: TxRecord): string[][] {
  return [
    ['kind', tx.kind],
    ['key', tx.key],
    ['state', tx.state],
    ['reason', tx.reason ?? '-'],
    ['sender', tx.sender],
    ['nonce', String(tx.nonce ?? '-')],
    ['contract', tx.contract],
    ['hash', tx.hash ?? '-'],
    ['block', String(tx.blockNumber ?? '-')],
    ['gas used', String(tx.gasUsed ?? '-')],
    ['fee paid', tx.gasUsed && tx.gasPrice ? money(tx.gasUsed * tx.gasPrice, COIN) : '-'],
    ['planned', isoTime(tx.createdAt)],
    ['last change', isoTime(tx.updatedAt)],
  ]
}
