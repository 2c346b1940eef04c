import { KeeperError } from '../base/errors.ts'
import { attemptsOf, listJournal } from '../chain/journal.ts'
import type { TxRecord, TxState } from '../chain/journal-rows.ts'
import { openStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'
import { plural, shownTime, table } from './print.ts'

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

export async function journalCommand(run: Run, options: JournalOptions): Promise<Report> {
  const filter = filterOf(options)
  const db = await openStore({ ...run.config, clock: run.clock })
  try {
    const records = await listJournal(db, filter)
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
  } finally {
    await db.close()
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
  const db = await openStore({ ...run.config, clock: run.clock })
  try {
    const records = await listJournal(db, { limit: MAX_LIMIT })
    const tx = records.find(({ id, hash }) => String(id) === name || hash === name)
    if (!tx) throw new KeeperError('TX_NOT_FOUND', { id: name })
    const attempts = await attemptsOf(db, tx.id)
    const facts = factsOf(tx)
    return {
      json: { transaction: tx, attempts },
      lines: [
        ...table(['field', 'value'], facts),
        plural(attempts.length, 'attempt'),
        ...attempts.map(({ hash }) => `  ${hash}`),
      ],
    }
  } finally {
    await db.close()
  }
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
  ]
}
