import { KeeperError } from '../base/errors.ts'
import { findIntent } from '../chain/journal/journal.ts'
import { PAYOUT_KIND, accounts, awardSides, contentOf, keys, payoutKey } from '../payouts/names.ts'
import { allBatches, paymentsOf } from '../payouts/batch-records.ts'
import type { BatchRecord, PaymentRecord } from '../payouts/batch-records.ts'
import { allPayouts, awardsOf } from '../payouts/payout-records.ts'
import type { AccrualRecord, PayoutRecord } from '../payouts/payout-records.ts'
import { findMisfits } from '../payouts/records.ts'
import type { ProgramRecord } from '../payouts/records.ts'
import type { Line } from '../payouts/program-check.ts'
import type { ProgramsAsk } from './comparing.ts'

/** Every award, payout and sent payment that is on record has its line in the books, and says the same. */
export async function checkRecords(ask: ProgramsAsk, paid: ReadonlySet<string>): Promise<void> {
  for (const program of ask.programs) await checkAwards(ask, program)
  await checkPayouts(ask)
  for (const misfit of await findMisfits(ask.db)) {
    ask.differences.add('PAYOUT_DIFFERS', { ...misfit })
  }
  await checkBatches(ask, paid)
  await ask.matching.flush()
}

async function checkAwards(
  { db, matching, onProgress }: ProgramsAsk,
  program: ProgramRecord,
): Promise<void> {
  let done = 0
  for await (const awards of awardsOf(db, program.id)) {
    for (const award of awards) await matching.expect(accrualLine(program, award))
    done += awards.length
    onProgress(`awards of ${program.id}`, done, done)
  }
}

function accrualLine({ id, asset }: ProgramRecord, award: AccrualRecord): Line {
  const { ref, payee, amount, source, content, effectiveAt } = award
  const from = source === null ? {} : { from: source }
  const record = `award ${ref} of ${id}`
  return {
    key: keys.award(id, ref),
    ...awardSides(id, { payee, amount, ...from }),
    asset,
    source: record,
    missing: { code: 'RECORD_NOT_BOOKED', facts: { record } },
    // The record keeps a hash of the reason, the books the reason itself.
    fits: ({ reason }) =>
      contentOf({ ref, payee, amount, effectiveAt, reason: reason ?? {}, ...from }) === content,
  }
}

async function checkPayouts(ask: ProgramsAsk): Promise<void> {
  const assets = new Map(ask.programs.map(({ id, asset }) => [id, asset]))
  let done = 0
  for await (const payouts of allPayouts(ask.db)) {
    for (const payout of payouts) {
      const asset = assets.get(payout.program) ?? ''
      const fault = faultOf(payout, asset)
      const { key, program } = payout
      if (fault) ask.differences.add('PAYOUT_DIFFERS', { payout: key, program, fault })
      await ask.matching.expect(settlementLine(payout, asset))
    }
    done += payouts.length
    ask.onProgress('payouts', done, done)
  }
}

/** A payout is the accruals that it binds, less what it left of them; its key is made of nothing else. */
function faultOf(payout: PayoutRecord, asset: string): string | undefined {
  const { key, program, amount, bound, carried, refs } = payout
  if (bound - carried !== amount) {
    return `it is for ${amount}, its awards for ${bound}, and it left ${carried}`
  }
  if (payoutKey(program, asset, refs) !== key) return 'it binds other awards than its key says'
  return undefined
}

function settlementLine({ key, program, payee, amount }: PayoutRecord, asset: string): Line {
  const record = `payout ${key}`
  return {
    key: keys.settled(key),
    debit: accounts.accrued(program, payee),
    credit: accounts.owed(program, payee),
    asset,
    amount,
    code: 'settle',
    source: record,
    missing: { code: 'RECORD_NOT_BOOKED', facts: { record } },
  }
}

async function checkBatches(ask: ProgramsAsk, paid: ReadonlySet<string>): Promise<void> {
  const programs = new Map(ask.programs.map((program) => [program.id, program]))
  let done = 0
  for await (const batch of allBatches(ask.db)) {
    const program = programs.get(batch.program)
    if (!program) continue
    if (!paid.has(batch.id)) await checkUnpaid(ask, batch)
    for (const payment of await paymentsOf(ask.db, batch.id)) {
      await ask.matching.expect(sendLine(program, batch, payment))
      const { outcome } = payment
      // What the chain has paid was expected by its receipt.
      if (outcome === null || paid.has(batch.id)) continue
      await ask.matching.expect(outcomeLine(program, batch, { ...payment, outcome }))
    }
    done += 1
    ask.onProgress('batches', done, done)
  }
}

/** Of this chain, done in the store, and not paid by the contract as of the block: too new, or wrong. */
async function checkUnpaid(
  { db, client, block, differences }: ProgramsAsk,
  batch: BatchRecord,
): Promise<void> {
  const { id, chainId, contract, program, seq, state } = batch
  if (state !== 'done' || chainId !== client.chainId) return
  const tx = await findIntent(db, { chainId, contract, kind: PAYOUT_KIND, key: id })
  if ((tx?.blockNumber ?? 0) > block) throw new KeeperError('RECONCILE_MOVED', { times: 1 })
  differences.add('BATCH_WITHOUT_RECEIPT', { program, seq, batch: id, hash: tx?.hash })
}

function sendLine(
  { id, asset }: ProgramRecord,
  batch: BatchRecord,
  { position, payee, amount }: PaymentRecord,
): Line {
  const record = `payment ${position} of batch ${batch.seq} of ${id}`
  return {
    key: keys.inflight(batch.id, position),
    debit: accounts.owed(id, payee),
    credit: accounts.inflight(id),
    asset,
    amount,
    code: 'send',
    source: record,
    missing: { code: 'RECORD_NOT_BOOKED', facts: { record } },
  }
}

/** Of a batch without a receipt here: undone, or of another chain. */
function outcomeLine(
  { id, asset }: ProgramRecord,
  batch: BatchRecord,
  payment: PaymentRecord & { outcome: NonNullable<PaymentRecord['outcome']> },
): Line {
  const { position, payee, address, amount, outcome } = payment
  const record = `payment ${position} of batch ${batch.seq} of ${id}, ${outcome}`
  const to = {
    paid: { credit: accounts.paid(id), code: 'pay' },
    refused: { credit: accounts.credit(address), code: 'credit' },
    untouched: { credit: accounts.owed(id, payee), code: 'return' },
  }
  return {
    key: keys.outcome(batch.id, position),
    debit: accounts.inflight(id),
    ...to[outcome],
    asset,
    amount,
    source: record,
    missing: { code: 'RECORD_NOT_BOOKED', facts: { record } },
  }
}
