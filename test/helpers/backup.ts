import type { Db, Row } from '../../keeper/store/db.ts'

const TABLES = ['tx', 'tx_attempt', 'journal_event', 'journal_head'] as const

/** Every row of the journal as it is now. */
export type Backup = Record<(typeof TABLES)[number], Row[]>

export async function backUp(db: Db): Promise<Backup> {
  const backup: Partial<Backup> = {}
  for (const table of TABLES) backup[table] = await db.query(`select * from ${table} order by 1`)
  return backup as Backup
}

/** The store as it was then: what a restored backup has, and a store that lost its un-synced writes. */
export async function restoreBackup(db: Db, backup: Backup): Promise<void> {
  await db.begin(async (t) => {
    await t.exec(`truncate ${TABLES.join(', ')}`)
    for (const table of TABLES) {
      for (const row of backup[table]) {
        const columns = Object.keys(row)
        const places = columns.map((_, index) => `$${index + 1}`).join(', ')
        const sql = `insert into ${table} (${columns.join(', ')}) overriding system value`
        await t.query(`${sql} values (${places})`, Object.values(row))
      }
    }
  })
}
