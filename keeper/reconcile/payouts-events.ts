import type { Address } from '../base/schema.ts'
import { accounts, keys } from '../payouts/names.ts'
import { fundingOf, treasuryOf } from '../payouts/withdrawals.ts'
import type { Line } from '../payouts/program-check.ts'
import { checkBatch } from './batches.ts'
import { sourceOf } from './comparing.ts'
import type { PayoutsAt, ProgramsAsk } from './comparing.ts'
import { finalEvents } from './final-events.ts'
import type { FinalEvent } from './final-events.ts'

const EVENTS = [
  'Funded',
  'Skimmed',
  'FundsReturned',
  'Withdrawn',
  'CreditMoved',
  'PaymentRefused',
  'BatchPaid',
] as const

/** Every event of the contract has its line in the books; the batches that it paid, by their ids. */
export async function checkPayoutsEvents(ask: ProgramsAsk, at: PayoutsAt): Promise<Set<string>> {
  const { client, block: to, onProgress } = ask
  const range = { client, contract: at.address, face: at.payouts.interface, names: EVENTS }
  const paid = new Set<string>()
  let refused: FinalEvent[] = []
  for await (const event of finalEvents({ ...range, from: at.deployBlock, to, onProgress })) {
    if (event.name === 'PaymentRefused') refused.push(event)
    else if (event.name === 'BatchPaid') {
      const own = refused.filter(({ tx }) => tx === event.tx)
      const id = await checkBatch(ask, at, event, own)
      if (id !== undefined) paid.add(id)
      refused = []
    } else if (!isToItself(event)) await ask.matching.expect(lineOf(at, event))
  }
  await ask.matching.flush()
  return paid
}

/** A credit that was moved to its own account: no transfer. */
function isToItself({ name, args: { account, to } }: FinalEvent): boolean {
  return name === 'CreditMoved' && account === to
}

/** What the books must have of an event that is no batch. */
function lineOf({ address, asset }: PayoutsAt, event: FinalEvent): Line {
  const { name, args, tx, index, block } = event
  const amount = args['amount'] as bigint
  const key = keys.event(tx, index)
  const missing = { code: 'RECEIPT_NOT_BOOKED', facts: { event: name, tx, block, amount } } as const
  return { key, asset, amount, source: sourceOf(name, tx), missing, ...movedBy(address, event) }
}

function movedBy(
  contract: Address,
  { name, args }: FinalEvent,
): Pick<Line, 'debit' | 'credit' | 'code'> {
  const { program, account, to } = args as { program: bigint; account: string; to: string }
  if (name === 'Withdrawn') {
    return { debit: accounts.credit(account), credit: accounts.withdrawn, code: 'withdraw' }
  }
  if (name === 'CreditMoved') {
    return { debit: accounts.credit(account), credit: accounts.credit(to), code: 'move' }
  }
  const [funding, treasury] = [fundingOf(contract, program), treasuryOf(contract, program)]
  return name === 'FundsReturned'
    ? { debit: treasury, credit: funding, code: 'refund' }
    : { debit: funding, credit: treasury, code: 'fund' }
}
