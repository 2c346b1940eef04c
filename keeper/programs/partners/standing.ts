import { startOfHour } from '../../base/time.ts'
import type { Hour, UnixSeconds } from '../../base/time.ts'
import { balanceOf } from '../../ledger/balances.ts'
import type { Db } from '../../store/db.ts'
import { accounts } from './names.ts'
import { readState } from './distribution/state.ts'
import type { PartnersState } from './distribution/state.ts'

export interface Standing {
  state: PartnersState
  shadow: PartnersState
  votes: {
    /** Of the hours to come. */
    waiting: number
    /** Of before the first hour: they are counted nowhere. */
    before: number
    /** Without effect until their period is corrected. */
    late: number
    lastAt: UnixSeconds | undefined
  }
  /** In the books; each is what its next distribution begins with. */
  pools: { hour: bigint; day: bigint; bonus: bigint; late: bigint }
}

/** How far the partners' distributions are. */
export async function readStanding(db: Db, asset: string): Promise<Standing> {
  const state = await readState(db, false)
  const inPool = (pool: string): Promise<bigint> => balanceOf(db, pool, asset)
  return {
    state,
    shadow: await readState(db, true),
    votes: await countVotes(db, state),
    pools: {
      hour: await inPool(accounts.hourPool),
      day: await inPool(accounts.dayPool),
      bonus: await inPool(accounts.bonusPool),
      late: await inPool(accounts.latePool),
    },
  }
}

interface CountRow {
  waiting: bigint
  before: bigint
  late: bigint
  last: bigint | null
}

async function countVotes(
  db: Db,
  { firstHour = 0, lastHour = firstHour - 1 }: PartnersState,
): Promise<Standing['votes']> {
  const { waiting, before, late, last } = await db.one<CountRow & object>(
    `select (select count(*) from partner_vote where at >= $2) as waiting,
            (select count(*) from partner_vote where at < $1) as before,
            (select count(*) from partner_vote where late and correction is null) as late,
            (select max(at) from partner_vote) as last`,
    [startOfHour(firstHour), startOfHour(lastHour + 1)],
  )
  return {
    waiting: Number(waiting),
    before: Number(before),
    late: Number(late),
    lastAt: last === null ? undefined : Number(last),
  }
}

/** Votes of before the first hour, told when that is distributed: they are counted nowhere. */
export async function countBefore(db: Db, firstHour: Hour): Promise<number> {
  const { count } = await db.one<{ count: bigint }>(
    'select count(*) as count from partner_vote where at < $1',
    [startOfHour(firstHour)],
  )
  return Number(count)
}
