import { KeeperError, isKeeperError } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import type { UnixSeconds } from '../base/time.ts'
import { postAllIn } from '../ledger/post.ts'
import { MAX_NAME_LENGTH, preparePosting, requirePosted } from '../ledger/posting.ts'
import type { Posting, Prepared } from '../ledger/posting.ts'
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
  await oneAhead(inParts(program, offer), async (part) => {
    const fresh = await keep(t, program, part, now)
    const known = part.filter((each) => !fresh.has(each))
    if (known.length > 0) faults.push(...(await compare(t, program, known)))
    total.known += known.length
    total.awards += fresh.size
    for (const { award } of fresh) total.amount += award.amount
    // Undone in the end: what the others would do to the books need not be asked.
    if (faults.length > 0) return
    const prepared = Array.from(fresh, ({ prepared }) => prepared)
    requirePosted(await postAllIn(t, prepared, now))
  })
  if (faults.length > 0) throw conflict(program, faults)
  await moveAccrued(t, program.id, through)
  return total
}

/**
 * While the store is busy with one part, the next is made ready. Ends, also with an error, when the store is done:
 * nothing may go on in a transaction that its owner undoes.
 */
async function oneAhead<T>(
  parts: AsyncIterable<T>,
  act: (part: T) => Promise<void>,
): Promise<void> {
  let acting: Promise<void> = Promise.resolve()
  try {
    for await (const part of parts) {
      await acting
      acting = act(part)
      // Told below, but not before the next part is there.
      acting.catch(() => {})
    }
  } finally {
    await acting
  }
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

/** An award with what its records need. */
interface Recordable {
  award: Award
  content: string
  prepared: Prepared
}

async function* inParts(
  program: Program,
  offer: ReturnType<Program['offer']>,
): AsyncGenerator<Recordable[]> {
  let part: Recordable[] = []
  for await (const award of offer) {
    checkAward(program, award)
    const prepared = preparePosting(postingOf(program, award))
    part.push({ award, content: contentOf(award), prepared })
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

/** Those that were not on record. Of one reference the first counts, also when both come at once. */
async function keep(
  t: Db,
  { id }: Program,
  part: readonly Recordable[],
  at: UnixSeconds,
): Promise<Set<Recordable>> {
  const { refs } = await t.one<{ refs: string[] }>(
    `with fresh as (
       insert into payout_accrual
         (program, ref, payee, amount, source, content, effective_at, recorded_at)
       select $1, a.ref, a.payee, a.amount, a.source, a.content, a.effective_at, $3
         from jsonb_to_recordset($2::jsonb)
           as a(ref text, payee text, amount numeric, source text, content text, effective_at bigint)
       on conflict (program, ref) do nothing
       returning ref
     )
     select coalesce(json_agg(ref), '[]') as refs from fresh`,
    [id, toJson(part.map(rowOf)), at],
  )
  const fresh = new Set(refs)
  return new Set(part.filter(({ award }) => fresh.delete(award.ref)))
}

function rowOf({ award, content }: Recordable): object {
  const { ref, payee, amount, from, effectiveAt } = award
  return { ref, payee, amount, source: from ?? null, content, effective_at: effectiveAt }
}

/** With what is on record under their references. */
async function compare(t: Db, { id }: Program, known: readonly Recordable[]): Promise<Fault[]> {
  const records = await readKnown(t, id, known)
  return known.flatMap(({ award, content }) => {
    const before = records.get(award.ref)
    return before && before.content !== content ? [{ award, fault: faultOf(award, before) }] : []
  })
}

interface Known {
  amount: bigint
  payee: string
  content: string
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
  known: readonly Recordable[],
): Promise<Map<string, Known>> {
  const rows = await t.query<{ ref: string; payee: string; amount: string; content: string }>(
    `select ref, payee, amount, content from payout_accrual
      where program = $1 and ref in (select jsonb_array_elements_text($2::jsonb))`,
    [program, toJson(known.map(({ award }) => award.ref))],
  )
  return new Map(rows.map(({ ref, amount, ...row }) => [ref, { ...row, amount: BigInt(amount) }]))
}

function postingOf({ id, asset }: Program, award: Award): Posting {
  const { ref, reason, effectiveAt } = award
  return { key: keys.award(id, ref), ...awardSides(id, award), asset, effectiveAt, reason }
}
