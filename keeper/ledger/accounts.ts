import { toJson } from '../base/json.ts'
import type { Db } from '../store/db.ts'
import type { Posting } from './posting.ts'

export interface AccountKey {
  name: string
  /** CAIP-19. */
  asset: string
}

export interface AccountIds {
  account: number
  asset: number
}

/** Of one account; a name has no blank, an asset neither. */
export type Directory = Map<string, AccountIds>

// What nobody may have less than nothing of, at the end of any transaction: what is owed, on its way or paid.
const NEVER_NEGATIVE = new Set(['accrued', 'owed', 'inflight', 'credit', 'paid'])

export function kindOf(name: string): string {
  return name.split(':', 1)[0] ?? ''
}

export function directoryKey({ name, asset }: AccountKey): string {
  return `${name} ${asset}`
}

/** Adds to the directory what it lacks of the accounts of these postings; makes those that are new. */
export async function resolveAccounts(
  db: Db,
  postings: readonly Posting[],
  directory: Directory,
): Promise<void> {
  const missing = new Map<string, AccountKey>()
  for (const { debit, credit, asset } of postings) {
    for (const name of [debit, credit]) {
      const key = directoryKey({ name, asset })
      if (!directory.has(key)) missing.set(key, { name, asset })
    }
  }
  if (missing.size === 0) return
  const wanted = [...missing.values()]
  const assets = [...new Set(wanted.map(({ asset }) => asset))]
  const { found } = await db.one<{ found: string }>('select ledger_accounts($1) as found', [
    toJson({
      assets,
      of: wanted.map(({ asset }) => assets.indexOf(asset)),
      names: wanted.map(({ name }) => name),
      floors: wanted.map(({ name }) => (NEVER_NEGATIVE.has(kindOf(name)) ? '0' : null)),
    }),
  ])
  const ids = JSON.parse(found) as [account: number, asset: number][]
  for (const [index, key] of [...missing.keys()].entries()) {
    const [account, asset] = ids[index] as [number, number]
    directory.set(key, { account, asset })
  }
}
