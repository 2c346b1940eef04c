// Made-up votes of one hour, the last of its day, by as many partners as are asked for: always the same ones.
import { silentLogger } from '../../keeper/base/log.ts'
import { SECONDS_PER_HOUR, startOfHour, systemClock } from '../../keeper/base/time.ts'
import type { Hour } from '../../keeper/base/time.ts'
import { postIn } from '../../keeper/ledger/post.ts'
import { requirePosted } from '../../keeper/ledger/posting.ts'
import { landEcc, landRates, landVotes } from '../../keeper/programs/partners/intake/land.ts'
import type { EccRow, VoteRow } from '../../keeper/programs/partners/intake/vote-rows.ts'
import { accounts, codes, keys } from '../../keeper/programs/partners/names.ts'
import { readRuleset } from '../../keeper/programs/partners/ruleset.ts'
import { runPartners } from '../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../keeper/store/db.ts'

export const LOAD_DAY = '2024-10-15'
/** 23:00 of it, UTC. */
export const LOAD_HOUR: Hour = 480_287

const TYPES = ['post', 'reply', 'like']
const ECC_UNIT = 10n ** 15n

/** As a wallet is written. */
export function partnerAt(index: number): string {
  return `0x${(index + 1).toString(16).padStart(40, '0')}`
}

/** Everybody votes once; of the other votes the first tenth of the partners cast about a third. */
export function* loadVotes(partners: number, votes: number): Generator<VoteRow> {
  for (let index = 0; index < votes; index += 1) {
    const random = spread(index)
    const partner = index < partners ? index : Math.floor(random ** 2 * partners)
    yield {
      key: `vote-${index}`,
      partner: partnerAt(partner),
      cc: BigInt(1 + (index % 5)),
      type: TYPES[index % TYPES.length] ?? '',
      at: startOfHour(LOAD_HOUR) + Math.floor(random * SECONDS_PER_HOUR),
    }
  }
}

/** Most have a coefficient about one; one in a hundred has a thousand times as much. */
export function* loadEcc(partners: number): Generator<EccRow> {
  for (let index = 0; index < partners; index += 1) {
    const milli = BigInt(1 + Math.floor(spread(index) * 2_000))
    const ecc = milli * ECC_UNIT * (index % 100 === 0 ? 1_000n : 1n)
    yield { partner: partnerAt(index), day: LOAD_DAY, ecc }
  }
}

export function* inPages<T>(rows: Iterable<T>, size: number): Generator<T[]> {
  let page: T[] = []
  for (const row of rows) {
    page.push(row)
    if (page.length < size) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

// Knuth's multiplier: neighbours land far from each other.
const MULTIPLIER = 2_654_435_761
const RANGE = 2 ** 32

/** [0, 1), the same for the same index. */
function spread(index: number): number {
  return (((index + 1) * MULTIPLIER) % RANGE) / RANGE
}

export const LOAD_ASSET = 'eip155:31337/slip44:60'

const PAGE = 10_000
// Above the rate from which on there is a bonus, and too little of it for everybody.
const UNITS_PER_CC = 2n * 10n ** 18n
const BONUS_BUDGET = 10n ** 21n

/** All that was voted, with rates, coefficients, and a budget for the bonus. */
export async function landLoad(db: Db, partners: number, votes: number): Promise<void> {
  const room = { db, clock: systemClock, log: silentLogger, zone: 'UTC' }
  await landRates(room, [{ from: startOfHour(LOAD_HOUR), unitsPerCc: UNITS_PER_CC }])
  for (const page of inPages(loadEcc(partners), PAGE)) await landEcc(room, page)
  for (const page of inPages(loadVotes(partners, votes), PAGE)) await landVotes(room, 'load', page)
  const fund = {
    key: keys.bonusFund('load'),
    debit: accounts.issuer,
    credit: accounts.bonusPool,
    asset: LOAD_ASSET,
    amount: BONUS_BUDGET,
    code: codes.fund,
    effectiveAt: startOfHour(LOAD_HOUR),
  }
  const now = systemClock.now()
  await db.begin(async (t) => requirePosted(await postIn(t, [fund], now)))
}

/** The only hour of the day, or the day. */
export async function runLoad(db: Db, what: 'hour' | 'day'): Promise<void> {
  const room = {
    db,
    clock: systemClock,
    log: silentLogger,
    zone: 'UTC',
    ruleset: await readRuleset(),
    asset: LOAD_ASSET,
    special: new Set<string>(),
    shadow: false,
  }
  await runPartners(room, what === 'hour' ? { hour: LOAD_HOUR } : { day: LOAD_DAY })
}
