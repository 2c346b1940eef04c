import { getAddress } from 'ethers'
import { KeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { attemptsOf, findIntent } from '../chain/journal/journal.ts'
import { findTx } from '../chain/journal/journal-queries.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { findTransfers, proofOf, transfersOf } from '../ledger/transfers.ts'
import type { Proof, Transfer } from '../ledger/transfers.ts'
import type { Db } from '../store/db.ts'
import { ROOT_KIND } from './claims/plan-claims.ts'
import { rootsOfPayout } from './claims/roots-of-payout.ts'
import type { PayoutRoot } from './claims/roots-of-payout.ts'
import { PAYOUT_KIND, accounts, keys } from './names.ts'
import { paymentsOf, readBatch, sentPaymentsOf } from './batch-records.ts'
import type { BatchRecord, PaymentRecord } from './batch-records.ts'
import { accrualsOf, findAccruals, findPayouts } from './payout-records.ts'
import type { AccrualRecord, PayoutRecord } from './payout-records.ts'
import { nearestRefs, readPrograms, sumOpenOf } from './records.ts'
import { readSettings } from './settings.ts'
import type { SettingsRow } from './settings.ts'

/** A transfer and where it stands in the hash chain. */
export interface Booked {
  transfer: Transfer
  proof: Proof | undefined
}

export interface WhyAward extends AccrualRecord {
  booked: Booked | 'archived' | undefined
}

/** One batch that a payout was in: all but the last were undone or stopped before it. */
export interface WhySent {
  batch: BatchRecord
  payment: PaymentRecord
  booked: { sent: Booked | 'archived' | undefined; outcome: Booked | 'archived' | undefined }
  journal: TxRecord | undefined
  /** Every signed form of it, by hash. */
  attempts: { hash: string; purpose: string }[]
  /** Of the address, after a refusal: what took the credit or moved it. */
  creditMoves: Transfer[]
}

/** One root that a payout was in. */
export interface WhyClaim {
  root: PayoutRoot
  booked: { proposed: Booked | 'archived' | undefined; outcome: Booked | 'archived' | undefined }
  journal: TxRecord | undefined
  attempts: { hash: string; purpose: string }[]
  /** What the address has claimed, of this payout and others. */
  taken: Transfer[]
}

export interface WhyPayout extends PayoutRecord {
  asset: string
  booked: Booked | 'archived' | undefined
  /** The payout that binds what this one left; null: it waits. */
  carriedInto: string | null
  sent: WhySent[]
  claims: WhyClaim[]
}

/** From fact to transaction. */
export interface Why {
  program: string
  payee: string
  asset: string
  /** Newest last; of a payout with very many, the first ones. */
  awards: WhyAward[]
  awardsFound: number
  /** Undefined: nothing has settled it yet. */
  payout: WhyPayout | undefined
  /** What of the payee no payout binds yet. */
  open: bigint
  /** What the next settlement goes by; undefined: the program's own rules. */
  rules: SettingsRow | undefined
}

type Story = Omit<Why, 'open' | 'rules'>

// A screenful; the rest are the same, and --json of each is one question.
const MAX_AWARDS = 50
const MAX_NEAR = 5
// Of a key; shorter beginnings fit too many.
const MIN_KEY_DIGITS = 8

/** PAYMENT_UNKNOWN, with what is near, when nothing has that name. */
export async function explain(db: Db, ref: string): Promise<Why> {
  const found = await findByAward(db, ref)
  const payout = found ? undefined : await findKey(db, ref)
  const story = payout ? await ofPayout(db, payout) : found
  if (story) {
    const { program, payee } = story
    const open = await sumOpenOf(db, program, payee)
    return { ...story, open, rules: await readSettings(db, program) }
  }
  throw new KeeperError('PAYMENT_UNKNOWN', { ref, near: await nearTo(db, ref) })
}

async function findByAward(db: Db, ref: string): Promise<Story | undefined> {
  const colon = ref.indexOf(':')
  const programs = await readPrograms(db)
  const isNamed = colon > 0 && programs.some(({ id }) => id === ref.slice(0, colon))
  const asked = isNamed ? { program: ref.slice(0, colon), ref: ref.slice(colon + 1) } : { ref }
  const [award, ...others] = await findAccruals(db, asked)
  if (!award) return undefined
  if (others.length > 0) {
    const names = [award, ...others].map(({ program }) => `${program}:${ref}`)
    throw new KeeperError('PAYMENT_UNKNOWN', { ref, near: ` (it may be ${names.join(' or ')})` })
  }
  if (award.payout !== null) {
    const [payout] = await findPayouts(db, award.payout, 1)
    if (payout) return { ...(await ofPayout(db, payout)), awards: [await bookedAward(db, award)] }
  }
  const asset = programs.find(({ id }) => id === award.program)?.asset ?? ''
  const { program, payee } = award
  const awards = [await bookedAward(db, award)]
  return { program, payee, asset, awards, awardsFound: 1, payout: undefined }
}

/** By a payout's key or its beginning; by a batch or a transaction that has one payment alone. */
async function findKey(db: Db, ref: string): Promise<PayoutRecord | undefined> {
  const digits = ref.toLowerCase()
  if (/^[0-9a-f]{8,64}$/.test(digits) && digits.length >= MIN_KEY_DIGITS) {
    const found = await findPayouts(db, digits, 2)
    if (found.length === 1) return found[0]
  }
  const batch = await findBatchNamed(db, digits)
  if (!batch) return undefined
  const payments = await paymentsOf(db, batch.id)
  const [only] = payments
  if (only && payments.length === 1) return (await findPayouts(db, only.payout, 1))[0]
  const some = payments.slice(0, MAX_NEAR).map(({ payout }) => payout)
  const near = ` alone (batch ${batch.seq} of ${batch.program} has ${payments.length} payments: ${some.join(', ')} …)`
  throw new KeeperError('PAYMENT_UNKNOWN', { ref, near })
}

async function findBatchNamed(db: Db, name: string): Promise<BatchRecord | undefined> {
  const byId = await readBatch(db, name)
  if (byId || !/^0x[0-9a-f]{64}$/.test(name)) return byId
  const tx = await findTx(db, name)
  return tx?.kind === PAYOUT_KIND ? readBatch(db, tx.key) : undefined
}

async function nearTo(db: Db, ref: string): Promise<string> {
  const near = await nearestRefs(db, ref, MAX_NEAR)
  return near.length > 0 ? ` (near it: ${near.join(', ')})` : ''
}

async function ofPayout(db: Db, payout: PayoutRecord): Promise<Story> {
  const { program, payee, key } = payout
  const programs = await readPrograms(db)
  const asset = programs.find(({ id }) => id === program)?.asset ?? ''
  const bound = await accrualsOf(db, key)
  const awards: WhyAward[] = []
  for (const award of bound.slice(0, MAX_AWARDS)) awards.push(await bookedAward(db, award))
  const sent: WhySent[] = []
  for (const { batch, ...payment } of await sentPaymentsOf(db, key)) {
    const found = await readBatch(db, batch)
    if (found) sent.push(await ofBatch(db, asset, found, payment))
  }
  const claims: WhyClaim[] = []
  for (const root of await rootsOfPayout(db, key)) {
    claims.push(await ofRoot(db, { program, asset }, root))
  }
  const [carry] = await findAccruals(db, { program, ref: `carry/${key}` })
  const carriedInto = carry?.payout ?? null
  const booked = await bookedAs(db, keys.settled(key))
  const story: WhyPayout = { ...payout, asset, booked, carriedInto, sent, claims }
  return { program, payee, asset, awards, awardsFound: bound.length, payout: story }
}

/** A carry was booked with the awards whose rest it is. */
async function bookedAward(db: Db, award: AccrualRecord): Promise<WhyAward> {
  const { program, ref, carriedFrom } = award
  const booked = carriedFrom === null ? await bookedAs(db, keys.award(program, ref)) : undefined
  return { ...award, booked }
}

async function bookedAs(db: Db, key: string): Promise<Booked | 'archived' | undefined> {
  const found = (await findTransfers(db, [key])).get(key)
  if (found === undefined || found === 'archived') return found
  return { transfer: found, proof: await proofOf(db, found.id) }
}

async function ofBatch(
  db: Db,
  asset: string,
  batch: BatchRecord,
  payment: PaymentRecord,
): Promise<WhySent> {
  const { id, chainId, contract } = batch
  const journal = await findIntent(db, { chainId, contract, kind: PAYOUT_KIND, key: id })
  const attempts = journal ? await attemptsOf(db, journal.id) : []
  return {
    batch,
    payment,
    booked: {
      sent: await bookedAs(db, keys.inflight(id, payment.position)),
      outcome: await bookedAs(db, keys.outcome(id, payment.position)),
    },
    journal,
    attempts: attempts.map(({ hash, purpose }) => ({ hash, purpose })),
    creditMoves: payment.outcome === 'refused' ? await movesOf(db, asset, payment.address) : [],
  }
}

async function ofRoot(
  db: Db,
  { program, asset }: { program: string; asset: string },
  root: PayoutRoot,
): Promise<WhyClaim> {
  const { id, chainId, contract, position, address } = root
  const to = getAddress(contract) as Address
  const journal = await findIntent(db, { chainId, contract: to, kind: ROOT_KIND, key: id })
  const attempts = journal ? await attemptsOf(db, journal.id) : []
  const claimable = accounts.claimable(program, address)
  const found = await transfersOf(db, claimable, { asset, limit: MAX_MOVES })
  return {
    root,
    booked: {
      proposed: await bookedAs(db, keys.inflight(id, position)),
      outcome: await bookedAs(db, keys.outcome(id, position)),
    },
    journal,
    attempts: attempts.map(({ hash, purpose }) => ({ hash, purpose })),
    taken: found.filter(({ debit }) => debit === claimable).toReversed(),
  }
}

// What became of one creditor: a handful.
const MAX_MOVES = 20

async function movesOf(db: Db, asset: string, address: string): Promise<Transfer[]> {
  const found = await transfersOf(db, accounts.credit(address), { asset, limit: MAX_MOVES })
  return found.filter(({ debit }) => debit === accounts.credit(address)).toReversed()
}
