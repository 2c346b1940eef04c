import { MAX_TRANSFERS_A_PAGE, findTransfers, pageTransfers } from '../ledger/transfers.ts'
import type { Transfer } from '../ledger/transfers.ts'
import type { Line } from '../payouts/program-check.ts'
import type { Db } from '../store/db.ts'
import type { Differences } from './differences.ts'
import { SeenIds } from './seen-ids.ts'

const FIELDS = ['debit', 'credit', 'asset', 'amount', 'code'] as const

/** Looks up what must be there, and remembers it: the rest has no cause. */
export class Matching {
  readonly #db: Db
  readonly #differences: Differences
  readonly #seen = new SeenIds()
  #waiting: Line[] = []
  /** In months that lie in files: there, and not compared. */
  archived = 0

  constructor(db: Db, differences: Differences) {
    this.#db = db
    this.#differences = differences
  }

  get matched(): number {
    return this.#seen.size
  }

  async expect(line: Line): Promise<void> {
    this.#waiting.push(line)
    if (this.#waiting.length >= MAX_TRANSFERS_A_PAGE) await this.flush()
  }

  async flush(): Promise<void> {
    const lines = this.#waiting
    this.#waiting = []
    const found = await findTransfers(
      this.#db,
      lines.map(({ key }) => key),
    )
    for (const line of lines) {
      const posted = found.get(line.key)
      if (posted === undefined) {
        this.#differences.add(line.missing.code, { ...line.missing.facts, key: line.key })
      } else if (posted === 'archived') this.archived += 1
      else this.#compare(line, posted)
    }
  }

  #compare(line: Line, transfer: Transfer): void {
    this.#seen.add(transfer.id)
    const { key, source } = line
    for (const field of FIELDS) {
      if (transfer[field] === line[field]) continue
      const facts = { key, field, found: transfer[field], expected: line[field], source }
      this.#differences.add('BOOKING_DIFFERS', facts)
    }
    if (line.fits?.(transfer) === false) {
      const facts = { key, field: 'reason', found: transfer.reason, expected: 'another', source }
      this.#differences.add('BOOKING_DIFFERS', facts)
    }
  }

  /** Transfers of these codes that nothing explains. */
  async findCauseless(
    codes: readonly string[],
    isOurs: (transfer: Transfer) => boolean = () => true,
  ): Promise<void> {
    await this.flush()
    let after = 0n
    for (;;) {
      const page = await pageTransfers(this.#db, { codes, after })
      const last = page.at(-1)
      if (!last) return
      for (const transfer of page) {
        if (this.#seen.has(transfer.id) || !isOurs(transfer)) continue
        const { key, code, amount, debit, credit } = transfer
        this.#differences.add('BOOKED_WITHOUT_CAUSE', { key, code, amount, debit, credit })
      }
      after = last.id
    }
  }
}
