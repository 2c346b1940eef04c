import { Interface, ZeroHash } from 'ethers'
import type { Address, Hex } from '../base/schema.ts'
import { balanceOf } from '../ledger/balances.ts'
import { sumBalances } from '../ledger/transfers.ts'
import type { Contract } from '../payouts/batch-rows.ts'
import type { ClaimsContract } from '../payouts/claims/claims-contract.ts'
import { listRoots, readLeaves, readLines, sumLeaves } from '../payouts/claims/claims-rows.ts'
import type { LineRow, RootRow } from '../payouts/claims/claims-rows.ts'
import { accounts, keys } from '../payouts/names.ts'
import type { Line } from '../payouts/program-check.ts'
import { checkClaimEvents } from './claim-receipts.ts'
import type { Claimed } from './claim-receipts.ts'
import { checkRoots } from './claim-roots.ts'
import type { ProgramsAsk } from './comparing.ts'
import { inParallel } from './in-parallel.ts'

/** A program's claims contract, as the chain has it. */
export interface ClaimsAt {
  program: string
  /** CAIP-19; the token's address, undefined for coin. */
  asset: string
  token: Address | undefined
  contract: ClaimsContract
}

/** What payees of a program may fetch, as books, records and contract agree on it. */
export interface ClaimsLine {
  program: string
  contract: Address
  claimed: bigint
  outstanding: bigint
  /** Proposed and not yet accepted. */
  proposed: bigint
  /** More than it owes: sent to it by somebody, and nobody's. */
  surplus: bigint
  /** A range went through a contract of others: who was paid is told by the contract's state alone. */
  isHidden: boolean
}

/** Roots, leaves and claims: each is in the books as the records and the contract say. */
export async function checkClaims(ask: ProgramsAsk, at: ClaimsAt): Promise<ClaimsLine> {
  const { db } = ask
  const place = placeOf(at)
  const roots = await listRoots(db, place)
  for (const root of roots) {
    for (const line of await readLines(db, root.id)) {
      for (const each of linesOf(at, root, line)) await ask.matching.expect(each)
    }
  }
  await checkRoots(ask, at, roots)
  const found = await checkClaimEvents(ask, at)
  await checkLeaves(ask, at, found)
  const { total, claimed } = await sumLeaves(db, place)
  await checkContract(ask, at, roots)
  const outstanding = total - claimed
  const held = await heldBy(ask, at)
  if (held < outstanding) differ(ask, at, 'outstanding', outstanding, held)
  const open = roots.filter(({ state }) => state === 'open' || state === 'submitted')
  return {
    program: at.program,
    contract: at.contract.home.contract,
    claimed,
    outstanding,
    proposed: open.reduce((sum, { amount }) => sum + amount, 0n),
    surplus: held - outstanding,
    isHidden: found === undefined,
  }
}

/** The books of a program against its records of all its claims contracts. */
export async function checkClaimSums(
  { db, differences }: ProgramsAsk,
  { program, asset, lines }: { program: string; asset: string; lines: readonly ClaimsLine[] },
): Promise<void> {
  const sumOf = (field: 'outstanding' | 'proposed'): bigint =>
    lines.reduce((sum, line) => sum + line[field], 0n)
  const claimable = accounts.claimable(program, '')
  const compared: [account: string, found: bigint, expected: bigint][] = [
    [claimable, await sumBalances(db, asset, claimable), sumOf('outstanding')],
    [
      accounts.proposed(program),
      await balanceOf(db, accounts.proposed(program), asset),
      sumOf('proposed'),
    ],
  ]
  for (const [account, found, expected] of compared) {
    if (found !== expected) differences.add('BALANCE_DIFFERS', { account, found, expected })
  }
}

function placeOf({ contract: { client, home } }: ClaimsAt): Contract {
  return { chainId: client.chainId, address: home.contract }
}

/** What a line of a root moved, and what became of it. */
function linesOf({ program, asset }: ClaimsAt, root: RootRow, line: LineRow): Line[] {
  const { position, payee, address, amount } = line
  const proposed = accounts.proposed(program)
  const owed = accounts.owed(program, payee)
  const record = `line ${position} of root ${root.root}`
  const missing = { code: 'RECORD_NOT_BOOKED', facts: { record } } as const
  const common = { asset, amount, source: record, missing }
  const key = keys.inflight(root.id, position)
  const sent = { ...common, key, debit: owed, credit: proposed, code: 'publish' }
  const end = { ...common, key: keys.outcome(root.id, position), debit: proposed }
  const claimable = accounts.claimable(program, address)
  if (root.state === 'accepted') return [sent, { ...end, credit: claimable, code: 'accept' }]
  if (root.state === 'open' || root.state === 'submitted') return [sent]
  return [sent, { ...end, credit: owed, code: 'return' }]
}

/** What each has claimed; asked of the contract where a range went through another one. */
async function checkLeaves(
  ask: ProgramsAsk,
  at: ClaimsAt,
  shown: Claimed | undefined,
): Promise<void> {
  const { claims } = at.contract
  await inParallel(await readLeaves(ask.db, placeOf(at)), async ({ account, claimed }) => {
    const found = shown
      ? (shown.get(account.toLowerCase()) ?? 0n)
      : await claims.claimedOf(account, { blockTag: ask.block })
    if (found !== claimed) differ(ask, at, `claimed by ${account}`, claimed, found)
  })
}

async function checkContract(
  ask: ProgramsAsk,
  at: ClaimsAt,
  roots: readonly RootRow[],
): Promise<void> {
  const { claims } = at.contract
  const blockTag = ask.block
  const { total } = await sumLeaves(ask.db, placeOf(at))
  const found = await claims.total({ blockTag })
  if (found !== total) differ(ask, at, 'the total', total, found)
  // None while the guardian has set it aside.
  const root = await claims.root({ blockTag })
  const accepted = roots.findLast(({ state }) => state === 'accepted')?.root ?? ZeroHash
  if (root !== ZeroHash && root !== accepted) differ(ask, at, 'the root', accepted, root)
}

function differ(
  { differences }: ProgramsAsk,
  { program, contract }: ClaimsAt,
  field: string,
  found: bigint | string,
  expected: bigint | string,
): void {
  const address = contract.home.contract
  differences.add('CLAIMS_DIFFER', { program, contract: address, field, found, expected })
}

const ERC20 = new Interface(['function balanceOf(address account) view returns (uint256)'])

async function heldBy({ client, block }: ProgramsAsk, at: ClaimsAt): Promise<bigint> {
  const { contract: address } = at.contract.home
  if (at.token === undefined) return client.provider.getBalance(address, block)
  const data = ERC20.encodeFunctionData('balanceOf', [address]) as Hex
  return BigInt(await client.call({ to: at.token, data }, block))
}
