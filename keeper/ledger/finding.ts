/** What is wrong with the books, in words; a sound ledger has none. */
export interface Finding {
  what: FindingKind
  /** The asset, batch, transfer or account it is about. */
  where: string
  says: string
}

export type FindingKind =
  'unbalanced' | 'chain' | 'key' | 'transfer' | 'reversal' | 'entry' | 'sequence' | 'account'

// The first ones show what happened; a ledger that lost a month would have millions.
const MAX_FINDINGS = 100

export class Findings {
  readonly list: Finding[] = []

  add(what: FindingKind, where: string | bigint | number, says: string): void {
    if (this.list.length < MAX_FINDINGS) this.list.push({ what, where: where.toString(), says })
  }
}
