// A room for distributions to partners, and votes in its store as a source would have brought them.
import { toJson } from '../../keeper/base/json.ts'
import { startOfHour } from '../../keeper/base/time.ts'
import { balanceOf } from '../../keeper/ledger/balances.ts'
import { accounts as payoutAccounts } from '../../keeper/payouts/names.ts'
import { PARTNERS } from '../../keeper/programs/partners/names.ts'
import type { PartnersRoom } from '../../keeper/programs/partners/room.ts'
import { DEFAULT_RULES, parseRuleset } from '../../keeper/programs/partners/ruleset.ts'
import type { Db } from '../../keeper/store/db.ts'
import { testClock } from './clock.ts'
import { COIN } from './ledger.ts'
import { testLog } from './logs.ts'

/** 2026-11-20T00:00Z: hour 0 of the day that most tests are about. */
export const FIRST = 1_795_132_800 / 3_600
export const DAY = '2026-11-20'

/** Days after all that is voted; a test sets what it is about. */
export function partnersRoom(db: Db, changes: Partial<PartnersRoom> = {}): PartnersRoom {
  return {
    db,
    clock: testClock(startOfHour(FIRST + 24 * 10)),
    log: testLog,
    zone: 'UTC',
    ruleset: rulesetOf(),
    asset: COIN,
    special: new Set(),
    shadow: false,
    ...changes,
  }
}

export function rulesetOf(changes: Partial<typeof DEFAULT_RULES> = {}) {
  return parseRuleset(toJson({ ...DEFAULT_RULES, ...changes }), 'the test')
}

export interface TestVote {
  partner: string
  at: number
  cc?: number
  type?: string
}

let counter = 0

/** Each under a key of its own. */
export async function landed(db: Db, votes: readonly TestVote[]): Promise<void> {
  const rows = votes.map((vote) => {
    counter += 1
    return { source: 'test', key: String(counter), cc: 1, type: 'item', ...vote }
  })
  await db.query(
    `insert into partner_vote (source, key, partner, cc, type, at, recorded_at)
     select source, key, partner, cc, type, at, at from jsonb_to_recordset($1::jsonb)
       as v(source text, key text, partner text, cc bigint, type text, at bigint)`,
    [toJson(rows)],
  )
}

/** p1 … pn in an hour of the day: p1 has most CC, each of them one vote. */
export function votesOf(partners: number, hour: number): TestVote[] {
  return Array.from({ length: partners }, (_, index) => ({
    partner: `p${index + 1}`,
    at: startOfHour(hour) + index,
    cc: partners - index,
  }))
}

export const accruedOf = (db: Db, partner: string): Promise<bigint> =>
  balanceOf(db, payoutAccounts.accrued(PARTNERS, partner), COIN)
