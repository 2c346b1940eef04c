import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { resolveAccounts } from './accounts.ts'
import type { AssetAccounts, Directory } from './accounts.ts'
import { preparePosting } from './posting.ts'
import type { Outcome, Posting, Prepared, Refusal } from './posting.ts'

// One call of the store's function: some 50 ms of work, a megabyte of JSON, and by then no dearer a row.
export const MAX_POSTINGS_A_CALL = 2_000

const WHY: Record<string, Refusal> = { ledger_reversal_within: 'reversal' }

type Answer =
  | { posted: number; others: [index: number, outcome: 'duplicate' | 'conflict'][] }
  | { refused: string }

/**
 * Posts within the caller's transaction, each posting at most once, and says what became of each. The books have
 * one writer at a time: whoever comes next waits for the end of that transaction. Post first, then open the intent
 * in the journal: whoever takes the two in the other order may wait for each other.
 */
export async function postIn(
  t: Db,
  postings: readonly Posting[],
  at: UnixSeconds,
): Promise<Outcome[]> {
  return postAllIn(t, postings.map(preparePosting), at)
}

/** The same of what was made ready before, while the store was busy with something else. */
export async function postAllIn(
  t: Db,
  prepared: readonly Prepared[],
  at: UnixSeconds,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let from = 0; from < prepared.length; from += MAX_POSTINGS_A_CALL) {
    const part = prepared.slice(from, from + MAX_POSTINGS_A_CALL)
    // Not kept: an account that is made here is gone when the caller's transaction is undone.
    const directory: Directory = new Map()
    await resolveAccounts(
      t,
      part.map(({ posting }) => posting),
      directory,
    )
    outcomes.push(...(await postPrepared(t, part, directory, at)))
  }
  return outcomes
}

/**
 * The accounts are in the directory; the columns may have been made before. Halves what is refused until only the
 * offender is.
 */
export async function postPrepared(
  db: Db,
  prepared: readonly Prepared[],
  directory: Directory,
  at: UnixSeconds,
  columns: string = columnsOf(prepared, directory),
): Promise<Outcome[]> {
  const { answer } = await db.one<{ answer: string }>('select ledger_post($1) as answer', [
    `${at}${COLUMN}${columns}`,
  ])
  const result = JSON.parse(answer) as Answer
  if (!('refused' in result)) return outcomesOf(prepared, result.others)
  const [only] = prepared
  if (only && prepared.length === 1) {
    const why = WHY[result.refused] ?? 'limit'
    return [{ key: only.posting.key, outcome: 'refused', why }]
  }
  const half = prepared.length >> 1
  const first = await postPrepared(db, prepared.slice(0, half), directory, at)
  return [...first, ...(await postPrepared(db, prepared.slice(half), directory, at))]
}

function outcomesOf(
  prepared: readonly Prepared[],
  others: readonly [number, 'duplicate' | 'conflict'][],
): Outcome[] {
  const outcomes = prepared.map(({ posting }): Outcome => ({ key: posting.key, outcome: 'posted' }))
  for (const [index, outcome] of others) {
    const { key } = outcomes[index] as Outcome
    outcomes[index] = { key, outcome }
  }
  return outcomes
}

// No field has a control character in it (posting.ts).
const COLUMN = '\u001E'
const FIELD = '\u001F'

/** As ledger_post reads them, after the time: those of numbers are array literals. */
export function columnsOf(prepared: readonly Prepared[], directory: Directory): string {
  const debits: unknown[] = []
  const credits: unknown[] = []
  const assets: unknown[] = []
  for (const { posting } of prepared) {
    const { id, accounts } = directory.get(posting.asset) as AssetAccounts
    debits.push(accounts.get(posting.debit))
    credits.push(accounts.get(posting.credit))
    assets.push(id)
  }
  const numbers = (values: unknown[]): string => `{${values.join()}}`
  const of = <T>(pick: (row: Prepared) => T): T[] => prepared.map(pick)
  const hasReversal = prepared.some(({ reversedId }) => reversedId !== undefined)
  return [
    numbers(of(({ keyId }) => keyId)),
    numbers(of(({ payloadId }) => payloadId)),
    numbers(debits),
    numbers(credits),
    numbers(assets),
    numbers(of(({ amount }) => amount)),
    numbers(of(({ posting }) => posting.effectiveAt)),
    hasReversal ? numbers(of(({ reversedId }) => reversedId ?? 'null')) : '',
    of(({ posting }) => posting.code).join(FIELD),
    of(({ posting }) => posting.key).join(FIELD),
    of(({ reason }) => reason).join(FIELD),
  ].join(COLUMN)
}
