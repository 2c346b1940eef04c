import { KeeperError } from '../../base/errors.ts'
import type { ClaimsHome, Leaf } from './leaf.ts'

interface Leaves {
  home: ClaimsHome
  leaves: readonly Leaf[]
}

// Of a list of faults: enough to see what kind they are.
const MAX_FAULTS = 20

/**
 * What an account has earned it keeps: a tree in which a leaf is smaller or gone is refused before anybody is
 * asked to sign it. The contract knows totals only, and others' leaves could grow by what one loses.
 */
export function requireGrowth(accepted: Leaves | undefined, next: Leaves): void {
  if (accepted === undefined) return
  const faults = [...strangeHome(accepted.home, next.home), ...shrunk(accepted.leaves, next.leaves)]
  if (faults.length === 0) return
  const shown = faults.slice(0, MAX_FAULTS)
  throw new KeeperError('CLAIMS_LEAF_SHRINKS', { faults: shown, total: faults.length })
}

function strangeHome(a: ClaimsHome, b: ClaimsHome): string[] {
  const isSame = a.chainId === b.chainId && a.contract === b.contract && a.program === b.program
  return isSame ? [] : ['the two trees are of different contracts']
}

function shrunk(accepted: readonly Leaf[], next: readonly Leaf[]): string[] {
  const found = new Map(next.map((leaf) => [leaf.account.toLowerCase(), leaf.cumulative]))
  return accepted.flatMap(({ account, cumulative }) => {
    const now = found.get(account.toLowerCase())
    if (now === undefined) return [`${account}: ${cumulative} is gone`]
    return now < cumulative ? [`${account}: ${cumulative} becomes ${now}`] : []
  })
}
