import { readFile, stat } from 'node:fs/promises'
import { isAddress } from 'ethers'
import { z } from 'zod'
import { parseAmount } from '../../base/amount.ts'
import { parseCsv } from '../../base/csv.ts'
import type { CsvFault, CsvRow } from '../../base/csv.ts'
import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'

/** A line of the file: who is to get what, and why. */
export interface PayRow {
  line: number
  reference: string
  /** Lower case. */
  address: string
  amount: bigint
  reason: string
}

// 100,000 payments are some 12 MB.
const MAX_FILE_BYTES = 32 * 1024 * 1024
// A sentence, not a document: it stands with each transfer in the books.
const MAX_REASON_LENGTH = 500
// Room for a program's name beside it in the key of the books.
const MAX_REFERENCE_LENGTH = 120
const COLUMNS = ['reference', 'address', 'amount']

/** A CSV with the header reference,address,amount,reason. All faults with their lines, or all rows. */
export async function readPayFile(file: string, decimals: number): Promise<PayRow[]> {
  let text: string
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) throw invalid(file, `longer than ${MAX_FILE_BYTES} bytes`)
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
  return parsePayFile(text, file, decimals)
}

export function parsePayFile(text: string, file: string, decimals: number): PayRow[] {
  const rowSchema = schemaOf(decimals)
  const rows = parseCsv(text, { file, rowSchema, columns: COLUMNS, check: repeated })
  if (rows.length === 0) throw invalid(file, 'it names no payments')
  return rows.map(({ line, value }) => ({ line, ...value }))
}

function invalid(file: string, fault: string): KeeperError {
  return new KeeperError('CSV_INVALID', { file, faults: [{ line: 1, fault }], total: 1 })
}

function schemaOf(decimals: number) {
  return z.object({
    reference: z
      .string()
      .min(1, 'is missing')
      .max(MAX_REFERENCE_LENGTH)
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'has control characters'),
    address: z.string().superRefine(checkAddress).transform(lowerCase),
    amount: z.string().transform((amount, context) => {
      const parsed = amountOf(amount, decimals)
      if (parsed !== undefined) return parsed
      const message = `not an amount above zero with at most ${decimals} decimals`
      context.addIssue({ code: z.ZodIssueCode.custom, message })
      return z.NEVER
    }),
    reason: z.string().max(MAX_REASON_LENGTH).default(''),
  })
}

function lowerCase(text: string): string {
  return text.toLowerCase()
}

function checkAddress(text: string, context: z.RefinementCtx): void {
  const message = addressFault(text)
  if (message !== undefined) context.addIssue({ code: z.ZodIssueCode.custom, message })
}

function addressFault(text: string): string | undefined {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return 'not an address (0x and 40 hex digits)'
  if (!isAddress(text)) return 'its checksum is wrong (write it in lower case, or correct it)'
  return /^0x0{40}$/.test(text) ? 'the zero address' : undefined
}

function amountOf(text: string, decimals: number): bigint | undefined {
  try {
    return parseAmount(text, decimals) || undefined
  } catch (error) {
    if (isKeeperError(error, 'AMOUNT_INVALID')) return undefined
    throw error
  }
}

/** The reference is the key: twice in one file is a mistake, also with the same content. */
function repeated(rows: CsvRow<{ reference: string }>[]): CsvFault[] {
  const first = new Map<string, number>()
  return rows.flatMap(({ line, value: { reference } }) => {
    const before = first.get(reference)
    if (before === undefined) first.set(reference, line)
    return before === undefined
      ? []
      : [{ line, fault: `reference ${reference} is in line ${before}` }]
  })
}
