import { ProgramClaims__factory } from '../../types/ethers-contracts/factories/contracts/ProgramClaims__factory.ts'
import { accounts, keys } from '../payouts/names.ts'
import { readRange } from './claim-events.ts'
import type { ClaimsAt } from './claims.ts'
import { sourceOf } from './comparing.ts'
import type { ProgramsAsk } from './comparing.ts'
import { finalEvents } from './final-events.ts'
import type { FinalEvent } from './final-events.ts'

/** What each address has taken by now, as the events add up. */
export type Claimed = ReadonlyMap<string, bigint>

/**
 * Every claim that the contract tells of has its line in the books, derived anew from the first block on. Undefined
 * when a range went through another contract: then its events do not say who was paid.
 */
export async function checkClaimEvents(
  ask: ProgramsAsk,
  at: ClaimsAt,
): Promise<Claimed | undefined> {
  for await (const event of claimsEvents(ask, at, ['RangeClaimed'])) {
    if ((await rangeOf(at, event)) === undefined) return undefined
  }
  const claimed = new Map<string, bigint>()
  for await (const event of claimsEvents(ask, at, ['Claimed', 'RangeClaimed'])) {
    for (const { address, after } of await takingsOf(at, event, claimed)) {
      const amount = after - (claimed.get(address) ?? 0n)
      claimed.set(address, after)
      await expect(ask, at, { address, amount, after, event })
    }
  }
  return claimed
}

export function claimsEvents(
  { block, onProgress }: ProgramsAsk,
  { contract: { client, home, deployBlock } }: ClaimsAt,
  names: readonly string[],
): AsyncGenerator<FinalEvent> {
  const face = ProgramClaims__factory.createInterface()
  const blocks = { from: deployBlock, to: block, onProgress }
  return finalEvents({ client, contract: home.contract, face, names, ...blocks })
}

function rangeOf(
  { contract: { client, home } }: ClaimsAt,
  event: FinalEvent,
): ReturnType<typeof readRange> {
  return readRange(client, home.contract, event)
}

async function takingsOf(
  at: ClaimsAt,
  event: FinalEvent,
  claimed: Claimed,
): Promise<{ address: string; after: bigint }[]> {
  const { name, args } = event
  if (name === 'Claimed') {
    const address = String(args['account']).toLowerCase()
    return [{ address, after: (claimed.get(address) ?? 0n) + (args['amount'] as bigint) }]
  }
  const leaves = (await rangeOf(at, event)) ?? []
  return leaves.map(({ address, cumulative }) => ({ address, after: cumulative }))
}

interface Taking {
  address: string
  amount: bigint
  after: bigint
  event: FinalEvent
}

async function expect(
  { matching }: ProgramsAsk,
  { program, asset, contract: { client, home } }: ClaimsAt,
  { address, amount, after, event }: Taking,
): Promise<void> {
  const { name, tx, block } = event
  await matching.expect({
    key: keys.claimed(client.chainId, home.contract, address, after),
    debit: accounts.claimable(program, address),
    credit: accounts.paid(program),
    asset,
    amount,
    code: 'claim',
    source: sourceOf(name, tx),
    missing: { code: 'RECEIPT_NOT_BOOKED', facts: { event: name, tx, block, address, amount } },
  })
}
