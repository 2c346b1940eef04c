import { hash } from 'node:crypto'

export interface TransferRow {
  id: bigint
  effectiveAt: bigint
  debit: number
  credit: number
  asset: number
  amount: string
  code: string
  key: string
  reverses: string | null
  reason: string | null
}

export const TRANSFER_COLUMNS = `t.id, t.effective_at as "effectiveAt", t.debit, t.credit, t.asset, t.amount, t.code,
  t.key, t.reverses, t.reason`

/** The line that ledger_post hashes of a transfer. No field has a tab or a line break in it. */
export function lineOf(row: TransferRow): string {
  const { id, effectiveAt, debit, credit, asset, amount, code, key, reverses, reason } = row
  const fields = [id, effectiveAt, debit, credit, asset, amount, code, key]
  return [...fields, reverses ?? '-', reason ?? '-'].join('\t')
}

/** The hash of a batch; the first one follows the empty text. */
export function linkOf(previous: string, batch: bigint, lines: readonly string[]): string {
  return hash('sha256', [previous, batch, ...lines].join('\n'), 'hex')
}
