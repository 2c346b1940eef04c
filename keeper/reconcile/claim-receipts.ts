import { readClaimEvents } from '../payouts/claims/claim-events.ts'
import type { ClaimEvent } from '../payouts/claims/claim-events.ts'
import { accounts, keys } from '../payouts/names.ts'
import type { ClaimsAt } from './claims.ts'
import { sourceOf } from './comparing.ts'
import type { ProgramsAsk } from './comparing.ts'

// One query of the node; what is in memory at a time are the events of so many blocks.
const BLOCKS_A_STEP = 10_000

/**
 * Every claim that the contract tells of has its line in the books, derived anew from the first block on. False when
 * a range went through another contract: then its events do not say who was paid.
 */
export async function checkClaimEvents(ask: ProgramsAsk, at: ClaimsAt): Promise<boolean> {
  const { contract } = at
  const claimed = new Map<string, bigint>()
  const takings: Taking[] = []
  for (let from = contract.deployBlock; from <= ask.block; from += BLOCKS_A_STEP) {
    const toBlock = Math.min(ask.block, from + BLOCKS_A_STEP - 1)
    for (const event of await readClaimEvents(contract, { fromBlock: from, toBlock })) {
      const found = takingsOf(event, claimed)
      if (found === undefined) return false
      takings.push(...found)
    }
    ask.onProgress(`claims of ${at.program}`, toBlock, ask.block)
  }
  for (const taking of takings) await expect(ask, at, taking)
  return true
}

interface Taking {
  address: string
  amount: bigint
  after: bigint
  event: ClaimEvent
}

function takingsOf(event: ClaimEvent, claimed: Map<string, bigint>): Taking[] | undefined {
  const take = (account: string, after: (before: bigint) => bigint): Taking => {
    const address = account.toLowerCase()
    const before = claimed.get(address) ?? 0n
    claimed.set(address, after(before))
    return { address, amount: after(before) - before, after: after(before), event }
  }
  if (event.kind === 'claim') return [take(event.account, (before) => before + event.amount)]
  if (event.kind !== 'range') return []
  return event.leaves?.map(({ account, cumulative }) => take(account, () => cumulative))
}

async function expect(
  { matching }: ProgramsAsk,
  { program, asset, contract: { client, home } }: ClaimsAt,
  { address, amount, after, event }: Taking,
): Promise<void> {
  const name = event.kind === 'claim' ? 'Claimed' : 'RangeClaimed'
  const { tx, block } = event
  await matching.expect({
    key: keys.claimed(client.chainId, home.contract, address, after),
    debit: accounts.claimable(program, address),
    credit: accounts.paid(program),
    asset,
    amount,
    code: 'claim',
    source: sourceOf(name, tx),
    missing: { code: 'RECEIPT_NOT_BOOKED', facts: { event: name, tx, block } },
  })
}
