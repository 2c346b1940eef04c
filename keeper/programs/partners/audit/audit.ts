import { balanceOf } from '../../../ledger/balances.ts'
import { pageBalances, pageTransfers } from '../../../ledger/transfers.ts'
import { awardsOf } from '../../../payouts/payout-records.ts'
import type { CheckRoom, ProgramCheck } from '../../../payouts/program-check.ts'
import type { Db } from '../../../store/db.ts'
import { checkShareAwards } from './awards.ts'
import { CODES, POOLS, PROGRAM, expectDay, expectHour, isFund } from './books.ts'
import { checkCorrection } from './correction-lines.ts'
import { checkDay } from './days.ts'
import { checkHour } from './hours.ts'
import { checkOutbox } from './outbox.ts'
import { correctionsOf, daysOf, hoursOf } from './period-rows.ts'
import type { DayRow, HourRow, Period } from './period-rows.ts'
import { Replay } from './replay.ts'
import { readKeptRules } from './rules-rows.ts'
import { findStrays } from './stray-awards.ts'

/**
 * What the partners got, derived from their votes, rates, coefficients and rules once more, without anything that
 * distributed. The shadow's results promise nothing to anybody: they are not looked at.
 */
export const partnersCheck: ProgramCheck = {
  program: PROGRAM,
  codes: CODES,
  isOutside: isFund,
  check: checkPartners,
}

async function checkPartners(given: CheckRoom): Promise<void> {
  const { db } = given
  const room = { ...given, asset: given.asset ?? '' }
  const began = { firstHour: await firstHourOf(db), corrections: correctionsOf(db) }
  const replay = await Replay.over(room, began, (correction, isDayOver) =>
    checkCorrection(room, correction, isDayOver),
  )
  const rules = await readKeptRules(room)
  const hours = await countHours(db)
  let done = 0
  for await (const step of stepsOf(db)) {
    const { row, original } = step
    if ('hour' in row && 'hour' in original) {
      await checkHour(room, rules, row)
      await replay.hour(original)
      await expectHour(room, original)
      done += 1
      room.onProgress("partners' hours", done, hours)
    } else {
      const day = { row: row as DayRow, original: original as DayRow }
      await checkDay(room, rules, day.row)
      await replay.day(day.original)
      await expectDay(room, day.original)
    }
  }
  await replay.end()
  await checkShareAwards(room, 'hour')
  await checkShareAwards(room, 'day')
  const withheld = await findStrays(room, awardsOf(db, PROGRAM))
  await checkBalances(room, replay)
  await checkDues(room, withheld)
  await checkOutbox(room)
}

async function firstHourOf(db: Db): Promise<number | undefined> {
  const row = await db.one<{ first: bigint | null }>(
    'select first_hour as first from partner_state where id = 1',
  )
  return row.first === null ? undefined : Number(row.first)
}

async function countHours(db: Db): Promise<number> {
  const { hours } = await db.one<{ hours: bigint }>(
    'select count(*) as hours from partner_hour where not shadow',
  )
  return Number(hours)
}

/** A day after its last hour. */
async function* stepsOf(db: Db): AsyncGenerator<Period<HourRow> | Period<DayRow>> {
  const days = daysOf(db)
  let day = await days.next()
  for await (const hour of hoursOf(db)) {
    while (day.done !== true && day.value.row.lastHour < hour.row.hour) {
      yield day.value
      day = await days.next()
    }
    yield hour
  }
  while (day.done !== true) {
    yield day.value
    day = await days.next()
  }
}

async function checkBalances(
  { db, differ, asset }: CheckRoom & { asset: string },
  replay: Replay,
): Promise<void> {
  const bonus = (await sumFunds(db, asset)) - replay.bonusPaid
  const { hourPool: hour, dayPool: day, latePool: late } = replay
  for (const [name, expected] of Object.entries({ hour, day, late, bonus })) {
    const account = POOLS[name as keyof typeof POOLS]
    const found = await balanceOf(db, account, asset)
    if (found !== expected) differ('BALANCE_DIFFERS', { account, found, expected })
  }
}

async function sumFunds(db: Db, asset: string): Promise<bigint> {
  let [total, after] = [0n, 0n]
  for (;;) {
    const page = await pageTransfers(db, { codes: ['partners.fund'], after })
    const last = page.at(-1)
    if (!last) return total
    for (const transfer of page) {
      if (isFund(transfer) && transfer.asset === asset) total += transfer.amount
    }
    after = last.id
  }
}

/** Below zero by what corrections took too much, and back by what was withheld since. */
async function checkDues(
  { db, differ, asset }: CheckRoom & { asset: string },
  withheld: ReadonlyMap<string, bigint>,
): Promise<void> {
  const rows = await db.query<{ partner: string; due: string }>(
    'select partner, sum(due)::text as due from partner_correction_line where due > 0 group by partner',
  )
  const expected = new Map(withheld)
  for (const { partner, due } of rows) {
    expected.set(partner, (expected.get(partner) ?? 0n) - BigInt(due))
  }
  const prefix = `due:${PROGRAM}:`
  for (let after = ''; ;) {
    const page = await pageBalances(db, { asset, prefix, after })
    for (const { name, balance } of page) {
      const partner = name.slice(prefix.length)
      const should = expected.get(partner) ?? 0n
      expected.delete(partner)
      if (balance === should && should <= 0n) continue
      differ('BALANCE_DIFFERS', { account: name, found: balance, expected: should })
    }
    const last = page.at(-1)
    if (!last) break
    after = last.name
  }
  for (const [partner, should] of expected) {
    if (should === 0n) continue
    differ('BALANCE_DIFFERS', { account: prefix + partner, found: 0n, expected: should })
  }
}
