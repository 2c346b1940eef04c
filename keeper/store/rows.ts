import { KeeperError } from '../base/errors.ts'

export function exactlyOne<T>(rows: readonly T[]): T {
  const [row] = rows
  if (row === undefined || rows.length !== 1) {
    throw new KeeperError('ROW_MISSING', { found: rows.length })
  }
  return row
}

export function atMostOne<T>(rows: readonly T[]): T | undefined {
  if (rows.length > 1) throw new KeeperError('ROW_MISSING', { found: rows.length })
  return rows[0]
}

/** OIDs of the types both drivers are told to read alike. */
export const INT8 = 20
export const NUMERIC = 1700
