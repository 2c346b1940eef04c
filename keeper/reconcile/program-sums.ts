import { balanceOf } from '../ledger/balances.ts'
import { pageBalances, sumBalances } from '../ledger/transfers.ts'
import type { NamedBalance } from '../ledger/transfers.ts'
import { accounts } from '../payouts/names.ts'
import { sumOpen } from '../payouts/records.ts'
import type { ProgramRecord } from '../payouts/records.ts'
import type { Db } from '../store/db.ts'
import { inParallel } from './in-parallel.ts'
import type { PayoutsAt, ProgramsAsk } from './comparing.ts'

/** One program, as books and records agree on it. */
export interface ProgramLine {
  program: string
  asset: string
  accrued: bigint
  owed: bigint
  inflight: bigint
  paid: bigint
}

export async function checkProgramSums(
  { db, differences }: ProgramsAsk,
  { id, asset }: ProgramRecord,
): Promise<ProgramLine> {
  const records = await sumOpen(db, id)
  const books = {
    accrued: await sumBalances(db, asset, accounts.accrued(id, '')),
    owed: await sumBalances(db, asset, accounts.owed(id, '')),
    inflight: await balanceOf(db, accounts.inflight(id), asset),
  }
  for (const kind of ['accrued', 'owed', 'inflight'] as const) {
    if (books[kind] === records[kind]) continue
    const account = `${kind}:${id}`
    differences.add('BALANCE_DIFFERS', { account, found: books[kind], expected: records[kind] })
  }
  return { program: id, asset, ...books, paid: await balanceOf(db, accounts.paid(id), asset) }
}

/** One asset of the programs, as books and contracts agree on it. */
export interface HoldingLine {
  asset: string
  contracts: string[]
  /** What the contracts hold for programs and creditors, by the chain's own sums. */
  held: bigint
  credits: bigint
  /** More than they owe: sent to them by somebody, and nobody's. */
  surplus: bigint
}

/** All contracts of an asset together: the books know a payment's program, not which contract it went through. */
export async function checkHolding(
  ask: ProgramsAsk,
  asset: string,
  contracts: readonly PayoutsAt[],
): Promise<HoldingLine> {
  const { block, differences } = ask
  let [balances, credits, held] = [0n, 0n, 0n]
  for (const { payouts, address } of contracts) {
    const books = await payouts.books({ blockTag: block })
    balances += books.balances
    credits += books.credits
    held += books.balance
    const owed = books.balances + books.credits
    if (books.balance >= owed) continue
    const facts = { contract: address, what: 'what it owes', found: owed, expected: books.balance }
    differences.add('HOLDING_DIFFERS', facts)
  }
  const names = contracts.map(({ address }) => address)
  const booked = await bookedHolding(ask, asset, contracts)
  if (booked !== balances + credits) {
    const what = 'what was funded and not paid'
    const facts = { contract: names.join(' + '), what, found: booked, expected: balances + credits }
    differences.add('HOLDING_DIFFERS', facts)
  }
  await checkCredits(ask, asset, { contracts, credits, prefix: CREDIT })
  return { asset, contracts: names, held, credits, surplus: held - balances - credits }
}

/** Funded, and neither returned, paid, taken by a creditor nor waiting to be claimed. */
async function bookedHolding(
  { db, programs }: ProgramsAsk,
  asset: string,
  contracts: readonly PayoutsAt[],
): Promise<bigint> {
  let booked = -(await balanceOf(db, accounts.withdrawn, asset))
  for (const { address } of contracts) {
    booked += await sumBalances(db, asset, `treasury:${address.toLowerCase()}:`)
  }
  for (const { id } of programs) {
    booked -= await balanceOf(db, accounts.paid(id), asset)
    booked -= await sumBalances(db, asset, `claimable:${id}:`)
  }
  return booked
}

// Of a program's payee; the validators' begin with their contract.
const CREDIT = 'credit:0x'

/** Whatever pays and credits: ProgramPayouts, ValidatorRewards. */
export interface Crediting {
  prefix: string
  contracts: readonly { creditOf(account: string, block: number): Promise<bigint> }[]
  credits: bigint
}

async function checkCredits(
  ask: ProgramsAsk,
  asset: string,
  at: { prefix: string; contracts: readonly PayoutsAt[]; credits: bigint },
): Promise<void> {
  const contracts = at.contracts.map(({ payouts }) => ({
    creditOf: async (account: string, block: number) =>
      (await payouts.creditOf(account, { blockTag: block })).amount,
  }))
  await compareCredits(ask, asset, { ...at, contracts })
}

/** Each creditor, and the sum: a credit that the books do not know of shows there alone. */
export async function compareCredits(
  {
    db,
    block,
    differences,
    onProgress,
  }: Pick<ProgramsAsk, 'db' | 'block' | 'differences' | 'onProgress'>,
  asset: string,
  { prefix, contracts, credits }: Crediting,
): Promise<void> {
  let [total, done] = [0n, 0]
  // What stands before the address.
  const skip = prefix.length - (prefix.endsWith('0x') ? 2 : 0)
  for await (const page of creditPages(db, asset, prefix)) {
    await inParallel(page, async ({ name, balance }) => {
      const address = name.slice(skip)
      const amounts = await Promise.all(contracts.map((each) => each.creditOf(address, block)))
      const expected = amounts.reduce((sum, amount) => sum + amount, 0n)
      if (expected === balance) return
      differences.add('CREDIT_DIFFERS', { address, found: balance, expected })
    })
    total += page.reduce((sum, { balance }) => sum + balance, 0n)
    done += page.length
    onProgress('asking for credits', done, done)
  }
  if (total === credits) return
  differences.add('CREDIT_DIFFERS', { address: 'all together', found: total, expected: credits })
}

async function* creditPages(db: Db, asset: string, prefix: string): AsyncGenerator<NamedBalance[]> {
  let after = ''
  for (;;) {
    const page = await pageBalances(db, { asset, prefix, after })
    const last = page.at(-1)
    if (!last) return
    yield page
    after = last.name
  }
}
