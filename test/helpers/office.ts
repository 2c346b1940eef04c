import type { Actor } from '../../keeper/office/actor.ts'
import type { Db } from '../../keeper/store/db.ts'

export const NOW = 1_764_000_000
export const ROOT: Actor = { name: 'cli:root', role: 'admin' }

/** As somebody who owns the server can. */
export async function tamper(db: Db, sql: string): Promise<void> {
  await db.begin(async (t) => {
    await t.exec('set local session_replication_role = replica')
    await t.exec(sql)
  })
}
