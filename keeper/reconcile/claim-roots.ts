import { findIntent } from '../chain/journal/journal.ts'
import type { RootRow } from '../payouts/claims/claims-rows.ts'
import { ROOT_KIND } from '../payouts/claims/plan-claims.ts'
import { claimsEvents } from './claim-receipts.ts'
import type { ClaimsAt } from './claims.ts'
import type { ProgramsAsk } from './comparing.ts'
import type { FinalEvent } from './final-events.ts'

/** Every root that came in force is one of ours, as it was proposed; and none is accepted in the store alone. */
export async function checkRoots(
  ask: ProgramsAsk,
  at: ClaimsAt,
  roots: readonly RootRow[],
): Promise<void> {
  const accepted = new Set<string>()
  const proposed = new Map<string, FinalEvent>()
  for await (const event of claimsEvents(ask, at, ['RootSubmitted', 'RootAccepted'])) {
    const hash = String(event.args['root'])
    if (event.name === 'RootSubmitted') {
      proposed.set(hash, event)
      continue
    }
    const row = roots.findLast(({ root, state }) => root === hash && state !== 'undone')
    if (row === undefined) {
      ask.differences.add('ROOT_NOT_OURS', { program: at.program, root: hash, tx: event.tx })
      continue
    }
    accepted.add(row.id)
    await compareRoot(ask, at, { row, event, proposal: proposed.get(hash) })
  }
  for (const { id, root, state } of roots) {
    if (state !== 'accepted' || accepted.has(id)) continue
    ask.differences.add('ROOT_WITHOUT_RECEIPT', { program: at.program, root })
  }
}

interface Accepted {
  row: RootRow
  event: FinalEvent
  proposal: FinalEvent | undefined
}

async function compareRoot(
  { db, client, differences }: ProgramsAsk,
  { program, contract }: ClaimsAt,
  { row, event, proposal }: Accepted,
): Promise<void> {
  const { id, root, state } = row
  const { tx, block, args } = event
  if (state !== 'accepted') {
    const facts = { event: 'RootAccepted', tx, block, key: `root ${root}` }
    differences.add('RECEIPT_NOT_BOOKED', facts)
    return
  }
  const { contract: address } = contract.home
  const business = { chainId: client.chainId, contract: address, kind: ROOT_KIND, key: id }
  const journal = await findIntent(db, business)
  const found = {
    total: row.total,
    amount: row.amount,
    fileHash: row.fileHash,
    hash: journal?.hash,
  }
  const expected: Record<keyof typeof found, unknown> = {
    total: args['total'],
    amount: args['moved'],
    fileHash: proposal?.args['fileHash'],
    hash: proposal?.tx,
  }
  for (const field of Object.keys(found) as (keyof typeof found)[]) {
    if (found[field] === expected[field]) continue
    const facts = { program, contract: address, field: `the ${field} of ${root}` }
    const told = { found: found[field] ?? 'nothing', expected: expected[field] ?? 'nothing' }
    differences.add('CLAIMS_DIFFER', { ...facts, ...told })
  }
}
