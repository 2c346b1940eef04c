import { KeeperError, ensure } from '../../../base/errors.ts'
import { parseWith } from '../../../base/schema.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { lockStateShared } from '../distribution/state.ts'
import { eccFaults, partnerFaults, rateFaults, sourceSchema, voteFaults } from './check-rows.ts'
import { NOTHING_LANDED, addLanded, tellLanded } from './conflicts.ts'
import type { IntakeRoom, Landed, RowKind } from './conflicts.ts'
import { insertEcc, insertPartners, insertRates } from './land-terms.ts'
import { insertVotes } from './land-votes.ts'
import type { EccRow, PartnerRow, RateRow, VoteRow } from './vote-rows.ts'

/** Some 200 bytes a row: 2 MB of JSON for one statement, a tenth of a second of it. */
export const MAX_ROWS_A_STATEMENT = 10_000
/** One transaction of some ten seconds, that holds off the distributions as long. */
export const MAX_ROWS_A_CALL = 1_000_000
// A call of other rows than it should be has a fault in each; a hundred tell enough.
const MAX_FAULTS_LISTED = 100

/** Rows of one kind, as their source has them. */
export interface Rows {
  vote: VoteRow
  ecc: EccRow
  rate: RateRow
  partner: PartnerRow
}

// ECC, rates and partners are the same from wherever they come; the name is for what is set aside.
const ANY_SOURCE = 'any'

/** What partners voted; each function: all rows or none, and a second time changes nothing. */
export function landVotes(
  room: IntakeRoom,
  source: string,
  votes: readonly VoteRow[],
): Promise<Landed> {
  return land(room, 'vote', source, votes)
}

export function landEcc(
  room: IntakeRoom,
  rows: readonly EccRow[],
  source = ANY_SOURCE,
): Promise<Landed> {
  return land(room, 'ecc', source, rows)
}

export function landRates(
  room: IntakeRoom,
  rows: readonly RateRow[],
  source = ANY_SOURCE,
): Promise<Landed> {
  return land(room, 'rate', source, rows)
}

export function landPartners(
  room: IntakeRoom,
  rows: readonly PartnerRow[],
  source = ANY_SOURCE,
): Promise<Landed> {
  return land(room, 'partner', source, rows)
}

async function land<Kind extends RowKind>(
  room: IntakeRoom,
  kind: Kind,
  source: string,
  rows: readonly Rows[Kind][],
): Promise<Landed> {
  const now = room.clock.now()
  const landed = await room.db.begin((t) => takeRows(t, kind, source, rows, now))
  tellLanded(room, kind, source, landed)
  return landed
}

/** In the caller's transaction; who calls it tells what landed after the commit (tellLanded). */
export async function takeRows<Kind extends RowKind>(
  t: Db,
  kind: Kind,
  source: string,
  rows: readonly Rows[Kind][],
  now: UnixSeconds,
): Promise<Landed> {
  parseWith(sourceSchema, source, 'source')
  ensure(rows.length <= MAX_ROWS_A_CALL, 'PARTNERS_TOO_MANY_ROWS', {
    rows: rows.length,
    most: MAX_ROWS_A_CALL,
  })
  refuseFaults(kind, rows, now)
  await lockIntake(t, kind, source)
  let landed = NOTHING_LANDED
  for (let from = 0; from < rows.length; from += MAX_ROWS_A_STATEMENT) {
    const part = rows.slice(from, from + MAX_ROWS_A_STATEMENT)
    landed = addLanded(landed, await INSERTS[kind](t, source, part, now))
  }
  return landed
}

const INSERTS: {
  [Kind in RowKind]: (
    t: Db,
    source: string,
    rows: readonly Rows[Kind][],
    now: UnixSeconds,
  ) => Promise<Landed>
} = {
  vote: insertVotes,
  ecc: (t, _source, rows, now) => insertEcc(t, rows, now),
  rate: insertRates,
  partner: insertPartners,
}

/** All that is wrong with a row; none: it may be taken in. */
export function faultsOfRow<Kind extends RowKind>(
  kind: Kind,
  row: Rows[Kind],
  now: UnixSeconds,
): string[] {
  return FAULTS[kind](row, now)
}

const FAULTS: { [Kind in RowKind]: (row: Rows[Kind], now: UnixSeconds) => string[] } = {
  vote: voteFaults,
  ecc: eccFaults,
  rate: rateFaults,
  partner: partnerFaults,
}

function refuseFaults<Kind extends RowKind>(
  kind: Kind,
  rows: readonly Rows[Kind][],
  now: UnixSeconds,
): void {
  const faults = rows.flatMap((row, at) =>
    faultsOfRow(kind, row, now).map((fault) => `row ${at + 1}: ${fault}`),
  )
  if (faults.length === 0) return
  const listed = faults.slice(0, MAX_FAULTS_LISTED)
  throw new KeeperError('PARTNERS_ROWS_INVALID', { kind, faults: listed, total: faults.length })
}

/**
 * No distribution meanwhile, and one call of a source at a time: two that bring the same keys in another order would
 * wait for each other for ever.
 */
async function lockIntake(t: Db, kind: RowKind, source: string): Promise<void> {
  await lockStateShared(t)
  const scope = kind === 'vote' ? source : ''
  await t.query('select pg_advisory_xact_lock($1::int, hashtext(current_schema() || $2))', [
    INTAKE_LOCK,
    ` ${kind} ${scope}`,
  ])
}

// The first of two numbers: other advisory locks of ours are of one.
const INTAKE_LOCK = 30
