// Votes that come late, and corrections of what they should have been in.
import { expect } from 'chai'
import { balanceOf } from '../../keeper/ledger/balances.ts'
import { correct } from '../../keeper/programs/partners/correction/correct.ts'
import type { Correction, Wanted } from '../../keeper/programs/partners/correction/correct.ts'
import type { Corrected } from '../../keeper/programs/partners/correction/correction.ts'
import { landVotes } from '../../keeper/programs/partners/intake/land.ts'
import { accounts } from '../../keeper/programs/partners/names.ts'
import type { PartnersRoom } from '../../keeper/programs/partners/room.ts'
import type { Db } from '../../keeper/store/db.ts'
import { COIN, assertBooksBalance } from './ledger.ts'
import type { OracleResult } from './partners-oracle.ts'
import { partnersRoom } from './partners-room.ts'
import type { TestVote } from './partners-room.ts'
import { reconcilePartners } from './partners-audit.ts'
import { freshDb } from './store.ts'

let counter = 0

/** As a source brings them: those of hours that are distributed are late. */
export async function landLate(room: PartnersRoom, votes: readonly TestVote[]): Promise<number> {
  const rows = votes.map(({ partner, at, cc = 1, type = 'item' }) => {
    counter += 1
    return { key: `late-${counter}`, partner, at, type, cc: BigInt(cc) }
  })
  return (await landVotes(room, 'late', rows)).late
}

/** By a person at the machine. */
export function corrected(
  db: Db,
  wanted: Wanted,
  { dryRun = false, ...changes }: Partial<PartnersRoom> & { dryRun?: boolean } = {},
): Promise<Correction> {
  return correct({ ...partnersRoom(db, changes), by: 'cli:test' }, wanted, { dryRun })
}

/** What the only period of it came to. */
export async function correctedOne(db: Db, wanted: Wanted): Promise<Corrected> {
  const { periods } = await corrected(db, wanted)
  expect(periods).to.have.length(1)
  return periods[0] as Corrected
}

export type Shares = Record<string, Record<string, bigint>>

/** As they are on record: amounts by partner, or what the oracle says. */
export async function storedShares(
  db: Db,
  table: 'hour' | 'day',
  period: number | string,
): Promise<Shares> {
  const rows = await db.query<Record<string, string>>(
    `select * from partner_${table}_share where not shadow and ${table} = $1`,
    [period],
  )
  return Object.fromEntries(rows.map((row) => [row['partner'], amountsIn(row)]))
}

const NO_AMOUNTS = new Set(['shadow', 'hour', 'day', 'partner', 'position', 'votes', 'cc', 'ecc'])

function amountsIn(row: Record<string, string>): Record<string, bigint> {
  const amounts = Object.entries(row).filter(([name]) => !NO_AMOUNTS.has(name))
  return Object.fromEntries(amounts.map(([name, amount]) => [name, BigInt(amount)]))
}

export function sharesOf({ amounts }: OracleResult): Shares {
  return Object.fromEntries(amounts)
}

/** Every vote once for each of its CC, as the oracle counts them. */
export function oracleVotes(votes: readonly TestVote[]): { voter: string; power: string }[] {
  return votes.map(({ partner }) => ({ voter: partner, power: '0.000000000000000001' }))
}

export async function poolsOf(db: Db): Promise<Record<'hour' | 'day' | 'late' | 'bonus', bigint>> {
  const [hour, day, late, bonus] = await Promise.all(
    [accounts.hourPool, accounts.dayPool, accounts.latePool, accounts.bonusPool].map((pool) =>
      balanceOf(db, pool, COIN),
    ),
  )
  return { hour: hour ?? 0n, day: day ?? 0n, late: late ?? 0n, bonus: bonus ?? 0n }
}

/** Everything that a correction could have changed: two equal ones, and nothing happened between. */
export async function footprint(db: Db): Promise<unknown> {
  const tables = ['partner_vote', 'partner_hour', 'partner_hour_share', 'partner_day']
  const more = ['partner_day_share', 'partner_correction', 'partner_correction_line']
  const found: Record<string, unknown> = {}
  for (const table of [...tables, ...more, 'partner_outbox', 'payout_accrual', 'ledger_account']) {
    found[table] = await db.query(`select * from ${table} order by ${table}::text`)
  }
  return found
}

/** A store for each test; at its end books, rows and votes agree, whatever was corrected. */
export function useReconciledDb(): () => Db {
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
  })

  afterEach(async () => {
    await assertBooksBalance(db)
    expect((await reconcilePartners(db)).differences).to.deep.equal([])
    await db.close()
  })

  return () => db
}
