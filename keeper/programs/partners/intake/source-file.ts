import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { KeeperError, isKeeperError, messageOf } from '../../../base/errors.ts'
import { sourceSchema } from './check-rows.ts'
import {
  TIME_UNITS,
  columnName,
  eccColumns,
  partnerColumns,
  rateColumns,
  voteColumns,
} from './columns.ts'
import { MAX_ROWS_A_STATEMENT } from './land.ts'

// One with all its keys has two thousand bytes; a larger file is another one.
const MAX_FILE_BYTES = 64 * 1024
/**
 * An hour is distributed half an hour after its end: a vote that is to count in it is then at most 90 minutes old.
 * Half an hour more is for a source that is behind; what comes even later waits for a correction anyway.
 */
export const DEFAULT_OVERLAP_SECONDS = 2 * 3_600
// A month is read again at every pull; more than that is what --since is for, once.
const MAX_OVERLAP_SECONDS = 31 * 86_400
/** Some 200 kB, that the source reads in milliseconds and we land in one short transaction. */
export const DEFAULT_ROWS_PER_PAGE = 1_000
// A token has 18 decimals, seldom more; numeric(78, 0) has room for no more than 77.
const MAX_DECIMALS = 36

/** As columns.ts has it, and columns of the database's own types of time. */
const timeOf = z
  .strictObject({
    column: columnName,
    unit: z.enum([...TIME_UNITS, 'datetime']),
    /** From UTC, of a type that has no zone; one that changes its clocks says nothing exact. */
    offset: z
      .string()
      .regex(/^[+-](0\d|1[0-4]):[0-5]\d$/, 'not an offset such as +02:00')
      .optional(),
  })
  .refine(({ unit, offset }) => unit === 'datetime' || offset === undefined, {
    message: 'an offset goes with the unit datetime alone',
  })

/** In the token's smallest unit, or in whole tokens of so many decimals. */
const rateOf = z.union([
  columnName,
  z.strictObject({ column: columnName, decimals: z.number().int().min(0).max(MAX_DECIMALS) }),
])

const tableName = z
  .string()
  .transform((text) => text.split('.'))
  .pipe(z.array(columnName).min(1).max(2, 'more than schema.table'))

const timed = { table: tableName, watermark: timeOf.optional() }
const votes = { ...timed, columns: voteColumns.extend({ at: timeOf }) }
const rates = { ...timed, columns: rateColumns.extend({ from: timeOf, unitsPerCc: rateOf }) }
const ecc = { ...timed, columns: eccColumns.extend({ day: z.union([columnName, timeOf]) }) }

/** Its keys stand in docs/partners-source.md, each one. */
export const sourceFile = z
  .strictObject({
    name: sourceSchema,
    kind: z.enum(['mysql', 'postgres']),
    overlapSeconds: z
      .number()
      .int()
      .min(0)
      .max(MAX_OVERLAP_SECONDS)
      .default(DEFAULT_OVERLAP_SECONDS),
    rowsPerPage: z.number().int().min(1).max(MAX_ROWS_A_STATEMENT).default(DEFAULT_ROWS_PER_PAGE),
    votes: z.strictObject(votes).optional(),
    rates: z.strictObject(rates).optional(),
    ecc: z.strictObject(ecc).optional(),
    partners: z.strictObject({ table: tableName, columns: partnerColumns }).optional(),
  })
  .refine((all) => all.votes ?? all.rates ?? all.ecc ?? all.partners, {
    message: 'it names no table: votes, rates, ecc or partners',
  })

/** Where and how a database has what partners voted (docs/partners-source.md). */
export type SourceDescription = z.output<typeof sourceFile>
export type SourceTime = z.output<typeof timeOf>
export type SourceRate = z.output<typeof rateOf>

export async function readSourceFile(file: string): Promise<SourceDescription> {
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) {
      throw sourceInvalid(file, [`it is longer than ${MAX_FILE_BYTES} bytes`])
    }
    return parseSource(await readFile(file, 'utf8'), file)
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
}

/** Strict: an unknown key is refused, and every fault is named by its path. */
export function parseSource(text: string, file: string): SourceDescription {
  const result = sourceFile.safeParse(parseJson(text, file))
  if (result.success) return result.data
  throw sourceInvalid(file, result.error.issues.flatMap(faultsOf))
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw sourceInvalid(file, [`it is not JSON (${messageOf(error)})`])
  }
}

function faultsOf(issue: z.ZodIssue): string[] {
  const at = (...keys: (string | number)[]): string => [...issue.path, ...keys].join('.')
  if (issue.code === z.ZodIssueCode.unrecognized_keys) {
    return issue.keys.map((key) => `${at(key)}: there is no such key`)
  }
  if (issue.code === z.ZodIssueCode.invalid_union) {
    return [`${at()}: neither the name of a column nor {"value": "…"}`]
  }
  return [issue.path.length > 0 ? `${at()}: ${issue.message}` : issue.message]
}

export function sourceInvalid(file: string, faults: string[]): KeeperError {
  return new KeeperError('PARTNERS_SOURCE_INVALID', { file, faults })
}
