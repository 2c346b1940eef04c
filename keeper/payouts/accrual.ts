import { KeeperError, isKeeperError } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import type { UnixSeconds } from '../base/time.ts'
import { postIn } from '../ledger/post.ts'
import { MAX_NAME_LENGTH, requirePosted } from '../ledger/posting.ts'
import type { Posting } from '../ledger/posting.ts'
import { quarantine } from '../ledger/quarantine.ts'
import type { Db } from '../store/db.ts'
import { accounts, awardSides, contentOf, keys } from './names.ts'
import type { Award, Period, Program } from './program.ts'
import { lockProgram, moveAccrued } from './program-row.ts'
import type { BooksRoom } from './room.ts'

export interface Accrued {
  /** New ones, and what they are worth. */
  awards: number
  amount: bigint
  /** On record before, with the same content. */
  known: number
}

// As many postings as the books take at once.
const MAX_AWARDS_A_STATEMENT = 2_000
// A reference is part of the key in the books, which has room for 200 characters.
const MAX_REF_LENGTH = 120
// A file of another kind would conflict in every row; the first hundred tell enough.
const MAX_FAULTS_LISTED = 100
/** References of our own: the rest of a payout. */
export const CARRY = 'carry/'

/**
 * Books what the program offers: all of it or nothing, each reference once and for ever. The same award again changes
 * nothing; another content under a known reference refuses the whole period.
 */
export async function accrue(
  room: Omit<BooksRoom, 'reach'>,
  program: Program,
  period: Period,
): Promise<Accrued> {
  const { db, clock, log } = room
  const faults: Fault[] = []
  const total = await db
    .begin(async (t) => {
      const asked = { offer: program.offer(period), through: period.to, now: clock.now() }
      return accrueIn(t, program, asked, faults)
    })
    .catch(async (error: unknown) => {
      if (isKeeperError(error, 'AWARD_CONFLICT')) await keepConflicts(room, program, faults)
      throw error
    })
  log.info({ program: program.id, ...total }, 'awards-accrued')
  return total
}

export interface Accruing {
  offer: ReturnType<Program['offer']>
  /** As far as the program has now awarded. */
  through: UnixSeconds
  now: UnixSeconds
}

/**
 * The same within the caller's transaction, which is undone with it: for a program that keeps records of its own.
 * What is taken back must be there: LEDGER_REFUSED. `faults` is told what conflicts.
 */
export async function accrueIn(
  t: Db,
  program: Program,
  { offer, through, now }: Accruing,
  faults: Fault[] = [],
): Promise<Accrued> {
  const total: Accrued = { awards: 0, amount: 0n, known: 0 }
  await lockProgram(t, program)
  for await (const awards of inParts(offer)) {
    for (const award of awards) checkAward(program, award)
    const part = await compare(t, program, awards)
    faults.push(...part.faults)
    total.known += part.known
    if (faults.length > 0) continue
    await book(t, program, part.fresh, now)
    total.awards += part.fresh.length
    total.amount += part.fresh.reduce((sum, { amount }) => sum + amount, 0n)
  }
  if (faults.length > 0) throw conflict(program, faults)
  await moveAccrued(t, program.id, through)
  return total
}

/** An award, and what was on record under its reference. */
export interface Fault {
  award: Award
  fault: string
}

function conflict({ id }: Program, all: readonly Fault[]): KeeperError {
  const faults = all.slice(0, MAX_FAULTS_LISTED).map(({ award: { ref, line }, fault }) => {
    return { ref, ...(line === undefined ? {} : { line }), fault }
  })
  return new KeeperError('AWARD_CONFLICT', { program: id, faults, total: all.length })
}

/** What was asked under a known key is kept for a person to look at; the transaction that found it is undone. */
async function keepConflicts(
  { db, clock, alerts }: Omit<BooksRoom, 'reach'>,
  program: Program,
  faults: readonly Fault[],
): Promise<void> {
  const asked = faults.slice(0, MAX_FAULTS_LISTED)
  const postings = asked.map(({ award }) => postingOf(program, award))
  await quarantine(db, postings, clock.now())
  for (const { key } of postings) alerts?.raise('ledger-conflict', { key })
}

async function* inParts(offer: ReturnType<Program['offer']>): AsyncGenerator<Award[]> {
  let part: Award[] = []
  for await (const award of offer) {
    part.push(award)
    if (part.length < MAX_AWARDS_A_STATEMENT) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}

/** What the store could not take, or would take for something of its own. */
function checkAward({ id }: Program, { ref, payee, amount, effectiveAt }: Award): void {
  const refuse = (fault: string): never => {
    throw new KeeperError('AWARD_INVALID', { program: id, ref, fault })
  }
  if (ref === '' || ref.length > MAX_REF_LENGTH || /[\p{Cc}\p{Cs}]/u.test(ref)) {
    refuse(`a reference has 1 to ${MAX_REF_LENGTH} characters, none of them a control character`)
  }
  if (ref.startsWith(CARRY)) refuse(`references that begin with ${CARRY} are ours`)
  const isName = /^[^\s:\p{Cc}\p{Cs}]+$/u.test(payee)
  if (!isName || accounts.accrued(id, payee).length > MAX_NAME_LENGTH) {
    refuse(`"${payee}" is no payee: it has spaces, colons, or too many characters`)
  }
  if (amount === 0n) refuse('its amount is zero')
  if (!Number.isSafeInteger(effectiveAt)) refuse('it has no time')
}

interface Known {
  amount: bigint
  payee: string
  content: string
}

interface Compared {
  fresh: Award[]
  known: number
  faults: Fault[]
}

async function compare(t: Db, { id }: Program, awards: readonly Award[]): Promise<Compared> {
  const known = await readKnown(t, id, awards)
  const result: Compared = { fresh: [], known: 0, faults: [] }
  for (const award of awards) {
    const content = contentOf(award)
    const before = known.get(award.ref)
    if (before === undefined) {
      known.set(award.ref, { ...award, content })
      result.fresh.push(award)
    } else if (before.content === content) result.known += 1
    else result.faults.push({ award, fault: faultOf(award, before) })
  }
  return result
}

function faultOf({ ref, payee, amount }: Award, before: Known): string {
  const told = [
    ...(before.payee === payee ? [] : [`payee ${before.payee}, now ${payee}`]),
    ...(before.amount === amount ? [] : [`amount ${before.amount}, now ${amount}`]),
  ]
  return `${ref}: ${told.length > 0 ? told.join('; ') : 'the reason is another one'}`
}

async function readKnown(
  t: Db,
  program: string,
  awards: readonly Award[],
): Promise<Map<string, Known>> {
  const rows = await t.query<{ ref: string; payee: string; amount: string; content: string }>(
    `select ref, payee, amount, content from payout_accrual
      where program = $1 and ref in (select jsonb_array_elements_text($2::jsonb))`,
    [program, toJson(awards.map(({ ref }) => ref))],
  )
  return new Map(rows.map(({ ref, amount, ...row }) => [ref, { ...row, amount: BigInt(amount) }]))
}

async function book(
  t: Db,
  program: Program,
  awards: readonly Award[],
  at: UnixSeconds,
): Promise<void> {
  if (awards.length === 0) return
  await t.query(
    `insert into payout_accrual
       (program, ref, payee, amount, source, content, effective_at, recorded_at)
     select $1, a.ref, a.payee, a.amount, a.source, a.content, a.effective_at, $3
       from jsonb_to_recordset($2::jsonb)
         as a(ref text, payee text, amount numeric, source text, content text, effective_at bigint)`,
    [program.id, toJson(awards.map(rowOf)), at],
  )
  const postings = awards.map((award) => postingOf(program, award))
  requirePosted(await postIn(t, postings, at))
}

function rowOf(award: Award): object {
  const { ref, payee, amount, from, effectiveAt } = award
  const content = contentOf(award)
  return { ref, payee, amount, source: from ?? null, content, effective_at: effectiveAt }
}

function postingOf({ id, asset }: Program, award: Award): Posting {
  const { ref, reason, effectiveAt } = award
  return { key: keys.award(id, ref), ...awardSides(id, award), asset, effectiveAt, reason }
}
