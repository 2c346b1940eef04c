import { z } from 'zod'

// A key is put together of a few columns; a name of a column is at most that long in any database (MySQL 64, PostgreSQL 63).
const MAX_KEY_COLUMNS = 8
const MAX_COLUMN_LENGTH = 64
const MAX_VALUE_LENGTH = 64

/** Of a header or a table; it goes into SQL only in quotes of its own. */
export const columnName = z
  .string()
  .min(1)
  .max(MAX_COLUMN_LENGTH)
  .regex(/^[^\p{Cc}\p{Cs}`"]+$/u, 'has quotes or control characters')

/** A column, or the same value in every row. */
const valueOf = z.union([
  columnName,
  z.object({ value: z.string().max(MAX_VALUE_LENGTH) }).strict(),
])

/** When: unix seconds, unix milliseconds, an ISO time with its zone, or a day (its 12:00 UTC). */
export const TIME_UNITS = ['s', 'ms', 'iso', 'day'] as const
const timeOf = z.object({ column: columnName, unit: z.enum(TIME_UNITS) }).strict()

export const voteColumns = z
  .object({
    /** Joined with '/': what tells a vote apart from every other one of its source. */
    key: z.array(columnName).min(1).max(MAX_KEY_COLUMNS),
    partner: columnName,
    cc: valueOf,
    type: valueOf,
    at: timeOf,
  })
  .strict()

export const eccColumns = z
  .object({
    partner: columnName,
    /** A column that has the day as YYYY-MM-DD, or the day of an instant in the zone of the program. */
    day: z.union([columnName, timeOf]),
    ecc: columnName,
  })
  .strict()

export const rateColumns = z.object({ from: timeOf, unitsPerCc: columnName }).strict()

export const partnerColumns = z.object({ partner: columnName, special: valueOf }).strict()

export type ValueOf = z.output<typeof valueOf>
export type TimeOf = z.output<typeof timeOf>
export type VoteColumns = z.output<typeof voteColumns>
export type EccColumns = z.output<typeof eccColumns>
export type RateColumns = z.output<typeof rateColumns>
export type PartnerColumns = z.output<typeof partnerColumns>

/** The columns that an expression of any kind reads, each once. */
export function namesIn(columns: object): string[] {
  const names = Object.values(columns).flatMap((value: unknown): string[] => {
    if (typeof value === 'string') return [value]
    if (Array.isArray(value)) return value as string[]
    const { column } = value as { column?: string }
    return column === undefined ? [] : [column]
  })
  return [...new Set(names)]
}
