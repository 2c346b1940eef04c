import type { SpecialTable } from '../../../base/settings-partners.ts'
import { KeeperError } from '../../../base/errors.ts'
import { isoTime, startOfHour } from '../../../base/time.ts'
import { openMysql } from '../intake/mysql.ts'
import type { Mysql } from '../intake/mysql.ts'
import type { SpecialRow, SpecialSession, SpecialTarget } from './send.ts'

const WHAT = 'special partners'
// Another sender's transaction takes less; who waits in vain comes again with the next run.
const LOCK_SECONDS = 5
// A sender that is gone without a word (a network that broke) holds the lock no longer than that, instead of 8 hours.
// Between two statements a living one does no more than mark a hundred rows in our store.
const IDLE_SECONDS = 120
/** What a DECIMAL(65, 0) holds, the widest that MySQL and MariaDB have. */
const MAX_REWARD = 10n ** 65n - 1n

/** The table of the second database, by a connection that lasts for one run. */
export function openSpecial(url: string, table: SpecialTable): SpecialTarget {
  return {
    open: async (): Promise<SpecialSession> => {
      const mysql = await openMysql(url, { readOnly: false, what: WHAT })
      try {
        await lock(mysql, table)
      } catch (error) {
        await mysql.close()
        throw error
      }
      const sql = statements(table)
      return { put: (rows) => put(mysql, sql, rows), close: () => mysql.close() }
    },
  }
}

/**
 * Of the server, and of this session until it ends: the table need not have a unique key, and where it has none nothing
 * else keeps two senders from inserting the same row.
 */
async function lock(mysql: Mysql, { table }: SpecialTable): Promise<void> {
  const name = `concat('muster/', left(sha2(concat(coalesce(database(), ''), '.', ?), 256), 40))`
  await mysql.run(`set session wait_timeout = ${IDLE_SECONDS}`)
  const [row] = await mysql.query(`select get_lock(${name}, ${LOCK_SECONDS}) as got`, [table])
  if (row?.['got'] !== '1') throw new KeeperError('PARTNERS_SPECIAL_BUSY', { table })
}

interface Statements {
  table: string
  find(rows: number): string
  insert(rows: number): string
  update: string
  timeOf(row: SpecialRow): string
}

// In the order of the settings' names. A partner's id counts by its bytes, whatever the column's collation says.
function statements({ table, partner, reward, time, timeAs }: SpecialTable): Statements {
  const quoted = (name: string): string => `\`${name}\``
  const [at, id, amount] = [quoted(time), quoted(partner), quoted(reward)]
  const into = table.split('.').map(quoted).join('.')
  const shownTime =
    timeAs === 'datetime' ? `date_format(${at}, '%Y-%m-%d %H:%i:%s')` : `cast(${at} as char)`
  // A text that is compared with a number would make doubles of both, and no use of an index.
  const given = timeAs === 'datetime' ? 'cast(? as datetime)' : 'cast(? as signed)'
  const bytes = (value: string): string => `cast(convert(${value} using utf8mb4) as binary)`
  const times = (part: string, count: number, by: string): string =>
    Array(count).fill(part).join(by)
  return {
    table,
    find: (rows) =>
      `select ${id} as partner, ${shownTime} as time, cast(${amount} as char) as reward
         from ${into} where ${times(`(${id} = ? and ${at} = ${given})`, rows, ' or ')} for update`,
    insert: (rows) =>
      `insert into ${into} (${id}, ${at}, ${amount}) values ${times('(?, ?, ?)', rows, ', ')}`,
    update: `update ${into} set ${amount} = ?
              where ${id} = ? and ${at} = ${given} and ${bytes(id)} = ${bytes('?')}`,
    timeOf: ({ hour }) => {
      const start = startOfHour(hour)
      if (timeAs === 'unix') return String(start)
      return isoTime(start).replace('T', ' ').replace('Z', '')
    },
  }
}

/** Absent: inserted. Different: updated. Equal: left. Then it is read again: a column that rounds is found out here. */
async function put(mysql: Mysql, sql: Statements, rows: readonly SpecialRow[]): Promise<void> {
  for (const row of rows) {
    if (row.ccReward > MAX_REWARD) throw refused(sql, row, 'it has more than 65 digits')
  }
  await mysql.begin(async () => {
    const found = await find(mysql, sql, rows)
    const absent = rows.filter((row) => !found.has(keyOf(sql, row)))
    const other = rows.filter((row) => {
      const there = found.get(keyOf(sql, row))
      return there !== undefined && !isEqual(there, row)
    })
    if (absent.length === 0 && other.length === 0) return
    if (absent.length > 0) {
      const values = absent.flatMap((row) => [row.partner, sql.timeOf(row), String(row.ccReward)])
      await mysql.run(sql.insert(absent.length), values)
    }
    for (const row of other) {
      const at = sql.timeOf(row)
      await mysql.run(sql.update, [String(row.ccReward), row.partner, at, row.partner])
    }
    await check(mysql, sql, [...absent, ...other])
  })
}

/** By partner and time, the amount as the server writes it. */
type Found = Map<string, string>

async function find(mysql: Mysql, sql: Statements, rows: readonly SpecialRow[]): Promise<Found> {
  const byKey = new Map(rows.map((row) => [keyOf(sql, row), row]))
  const values = rows.flatMap((row) => [row.partner, sql.timeOf(row)])
  const found: Found = new Map()
  for (const { partner, time, reward } of await mysql.query(sql.find(rows.length), values)) {
    const key = `${partner} ${time}`
    const row = byKey.get(key)
    // Another partner to us, if the same one to the collation there.
    if (!row) continue
    if (found.has(key)) throw refused(sql, row, 'there are two rows of it already')
    found.set(key, String(reward))
  }
  return found
}

async function check(mysql: Mysql, sql: Statements, rows: readonly SpecialRow[]): Promise<void> {
  const found = await find(mysql, sql, rows)
  for (const row of rows) {
    const there = found.get(keyOf(sql, row))
    if (there !== undefined && isEqual(there, row)) continue
    throw refused(sql, row, `${row.ccReward} was written and ${there ?? 'nothing'} is read again`)
  }
}

function keyOf(sql: Statements, row: SpecialRow): string {
  return `${row.partner} ${sql.timeOf(row)}`
}

/** A column with digits after the point writes them, too. */
function isEqual(there: string, { ccReward }: SpecialRow): boolean {
  return there.replace(/\.0+$/, '') === String(ccReward)
}

function refused({ table }: Statements, { partner, hour }: SpecialRow, fault: string): KeeperError {
  const time = isoTime(startOfHour(hour))
  return new KeeperError('PARTNERS_SPECIAL_REFUSED', { partner, time, table, fault })
}
