import { toJson } from '../base/json.ts'
import type { Db } from '../store/db.ts'
import type { Posting } from './posting.ts'

export interface AssetAccounts {
  id: number
  /** Ids by name. */
  accounts: Map<string, number>
}

/** By CAIP-19. */
export type Directory = Map<string, AssetAccounts>

// What nobody may have less than nothing of, at the end of any transaction: what is shared, owed, on its way or paid.
const NEVER_NEGATIVE = new Set([
  'pool',
  'accrued',
  'owed',
  'inflight',
  'claimable',
  'credit',
  'paid',
])

export function kindOf(name: string): string {
  return name.split(':', 1)[0] ?? ''
}

/** Adds to the directory what it lacks of the accounts of these postings; makes those that are new. */
export async function resolveAccounts(
  db: Db,
  postings: Iterable<Posting>,
  directory: Directory,
): Promise<void> {
  const missing = missingOf(postings, directory)
  if (missing.size === 0) return
  const assets = [...missing.keys()]
  const wanted = assets.flatMap((asset, of) =>
    [...(missing.get(asset) ?? [])].map((name) => ({ asset, of, name })),
  )
  const { found } = await db.one<{ found: string }>('select ledger_accounts($1) as found', [
    toJson({
      assets,
      of: wanted.map(({ of }) => of),
      names: wanted.map(({ name }) => name),
      floors: wanted.map(({ name }) => (NEVER_NEGATIVE.has(kindOf(name)) ? '0' : null)),
    }),
  ])
  const ids = JSON.parse(found) as [account: number, asset: number][]
  for (const [index, { asset, name }] of wanted.entries()) {
    const [account, id] = ids[index] as [number, number]
    const known = directory.get(asset) ?? { id, accounts: new Map() }
    directory.set(asset, known)
    known.accounts.set(name, account)
  }
}

export function knowsAccounts(directory: Directory, { debit, credit, asset }: Posting): boolean {
  const known = directory.get(asset)?.accounts
  return known !== undefined && known.has(debit) && known.has(credit)
}

function missingOf(postings: Iterable<Posting>, directory: Directory): Map<string, Set<string>> {
  const missing = new Map<string, Set<string>>()
  const need = (asset: string, name: string): void => {
    const names = missing.get(asset)
    if (names) names.add(name)
    else missing.set(asset, new Set([name]))
  }
  for (const { debit, credit, asset } of postings) {
    const known = directory.get(asset)?.accounts
    if (!known?.has(debit)) need(asset, debit)
    if (!known?.has(credit)) need(asset, credit)
  }
  return missing
}
