import type { Db as BossDb } from 'pg-boss'
import type { Db, Row } from '../../store/db.ts'

/**
 * pg-boss on our own connections, whatever the store is: what has parameters is one statement, what has none may
 * be several (its migrations, and what it does under a lock), of which it wants the rows of all.
 */
export function bossDb(db: Db): BossDb {
  return {
    executeSql: async (text, values) => {
      const hasValues = values !== undefined && values.length > 0
      const rows = hasValues ? await db.query(text, values) : await db.script(text)
      return { rows: rows.map(plainRow) }
    },
  }
}

/** Its counts and versions are small: it reckons with numbers. */
function plainRow(row: Row): Row {
  const entries = Object.entries(row)
  if (!entries.some(([, value]) => typeof value === 'bigint')) return row
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  )
}
