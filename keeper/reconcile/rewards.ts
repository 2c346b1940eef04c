import type { HeartbeatRegistry, ValidatorRewards } from '../chain/contracts.ts'
import type { Address } from '../base/schema.ts'
import { balanceOf } from '../ledger/balances.ts'
import { sumBalances } from '../ledger/transfers.ts'
import type { Line } from '../payouts/program-check.ts'
import { sourceOf } from './comparing.ts'
import type { Comparing } from './comparing.ts'
import { finalEvents } from './final-events.ts'
import type { FinalEvent } from './final-events.ts'
import { compareCredits } from './program-sums.ts'
import { sumShares } from './reward-shares.ts'
import type { Split } from './reward-shares.ts'

/** The validators' contract, as the chain has it. */
export interface RewardsAt {
  rewards: ValidatorRewards
  registry: HeartbeatRegistry
  address: Address
  /** CAIP-19. */
  asset: string
  deployBlock: number
}

/** What books and contract agree on. */
export interface RewardsLine {
  asset: string
  contract: string
  funded: bigint
  pool: bigint
  unpaid: bigint
  paid: bigint
  credits: bigint
  surplus: bigint
}

// Written a second time on purpose, as the accounts below: the books' own words would prove nothing about themselves.
const CODES = {
  Funded: 'validators.fund',
  Skimmed: 'validators.fund',
  ReturnedToSponsor: 'validators.return',
  Extracted: 'validators.extract',
  CycleVoided: 'validators.void',
  Paid: 'validators.pay',
  Claimed: 'validators.claim',
  PaymentRefused: 'validators.credit',
  Swept: 'validators.sweep',
  Withdrawn: 'validators.withdraw',
  CreditMoved: 'validators.move',
} as const

/** Each once. */
export const REWARD_CODES: readonly string[] = [...new Set(Object.values(CODES))]

type Name = keyof typeof CODES

/** Every event of the rewards contract has its line in the books, and no line is without one. */
export async function checkRewards(ask: Comparing, at: RewardsAt): Promise<RewardsLine> {
  const { client, block: to, onProgress, matching } = ask
  const names = Object.keys(CODES)
  const range = { client, contract: at.address, face: at.rewards.interface, names }
  const splits = new Map<number, Split>()
  for await (const event of finalEvents({ ...range, from: at.deployBlock, to, onProgress })) {
    const line = await lineOf(ask, at, event, splits)
    // No share, or a credit that was moved to its own account: no transfer.
    const isTransfer = line && line.amount > 0n && line.debit !== line.credit
    if (isTransfer) await matching.expect(line)
  }
  const own = at.address.toLowerCase()
  await matching.findCauseless(REWARD_CODES, ({ debit, credit }) =>
    [debit, credit].some((account) => account.includes(`validators:${own}`)),
  )
  return checkSums(ask, at)
}

interface Args {
  cycle: bigint
  account: string
  to: string
  amount: bigint
  credited: boolean
  allocated: bigint
  returned: bigint
  words: { word: bigint; mask: bigint }[]
}

/** What an event moved, written from the contract's rules. */
async function lineOf(
  { client }: Comparing,
  { address, registry, asset }: RewardsAt,
  event: FinalEvent,
  splits: Map<number, Split>,
): Promise<Line | undefined> {
  const name = event.name as Name
  const args = event.args as unknown as Args
  const cycle = Number(args.cycle ?? 0)
  if (name === 'PaymentRefused' && !args.credited) return undefined
  if (name === 'Extracted') splits.set(cycle, event.args as unknown as Split)
  const split = splits.get(cycle)
  const paid =
    name === 'Paid' && split ? await sumShares({ client, registry }, split, args.words) : 0n
  const amounts: Partial<Record<Name, bigint>> = {
    Extracted: args.allocated,
    CycleVoided: args.returned,
    Paid: paid,
  }
  const { tx, index, block } = event
  const amount = amounts[name] ?? args.amount
  const [debit, credit] = sidesOf(name, accountsOf(address, args))
  const facts = { event: name, tx, block, cycle, amount }
  return {
    key: `event:${tx}:${index}`,
    debit,
    credit,
    asset,
    amount,
    code: CODES[name],
    source: sourceOf(name, tx),
    missing: { code: 'RECEIPT_NOT_BOOKED', facts },
  }
}

function accountsOf(contract: string, { cycle, account, to }: Args) {
  const own = `validators:${contract.toLowerCase()}`
  const credit = (of: string | undefined): string => `credit:${own}:${(of ?? '').toLowerCase()}`
  return {
    funding: `funding:${own}`,
    pool: `pool:${own}`,
    owed: `owed:${own}:${cycle}`,
    paid: `paid:${own}`,
    from: credit(account),
    to: credit(to),
  }
}

function sidesOf(
  name: Name,
  { funding, pool, owed, paid, from, to }: ReturnType<typeof accountsOf>,
): [debit: string, credit: string] {
  const sides: Record<Name, [string, string]> = {
    Funded: [funding, pool],
    Skimmed: [funding, pool],
    ReturnedToSponsor: [pool, funding],
    Extracted: [pool, owed],
    CycleVoided: [owed, pool],
    Paid: [owed, paid],
    Claimed: [owed, paid],
    PaymentRefused: [owed, to],
    Swept: [owed, to],
    Withdrawn: [from, paid],
    CreditMoved: [from, to],
  }
  return sides[name]
}

// Of IValidatorRewards.State: while a cycle is counted its pool stands with what is unpaid.
const COUNTING = 1n

async function checkSums(ask: Comparing, at: RewardsAt): Promise<RewardsLine> {
  const { db, block, differences } = ask
  const { rewards, asset, address } = at
  const blockTag = block
  const chain = await rewards.books({ blockTag })
  const next = await rewards.cycle(await rewards.nextCycle({ blockTag }), { blockTag })
  const counted = next.state === COUNTING ? next.pool : 0n
  const own = `validators:${address.toLowerCase()}`
  const booked = {
    pool: (await balanceOf(db, `pool:${own}`, asset)) - counted,
    unpaid: (await sumBalances(db, asset, `owed:${own}:`)) + counted,
  }
  const compare = (what: string, found: bigint, expected: bigint): void => {
    if (found === expected) return
    differences.add('HOLDING_DIFFERS', { contract: address, what, found, expected })
  }
  compare('the pool', booked.pool, chain.pool)
  compare('what is unpaid', booked.unpaid, chain.unpaid)
  const paid = await balanceOf(db, `paid:${own}`, asset)
  const owed = chain.pool + chain.unpaid + chain.credits
  if (chain.balance < owed) compare('what it owes', owed, chain.balance)
  const contract = {
    creditOf: async (account: string, at: number): Promise<bigint> =>
      (await rewards.creditOf(account, { blockTag: at })).amount,
  }
  const credits = { prefix: `credit:${own}:`, contracts: [contract], credits: chain.credits }
  await compareCredits(ask, asset, credits)
  const { funded, pool, unpaid } = chain
  const line = { asset, contract: address, funded, pool, unpaid, paid, credits: chain.credits }
  return { ...line, surplus: chain.balance - owed }
}
