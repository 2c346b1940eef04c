import { KeeperError } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'
import type { TxRecord } from '../../chain/journal/journal-rows.ts'
import { readLogs } from '../../chain/rpc/logs.ts'
import { postIn } from '../../ledger/post.ts'
import { requirePosted } from '../../ledger/posting.ts'
import type { Posting } from '../../ledger/posting.ts'
import type { Db } from '../../store/db.ts'
import { followToEnd } from '../follow.ts'
import { accounts, keys } from '../names.ts'
import type { Program } from '../program.ts'
import { lockProgram, moveSettled } from '../program-row.ts'
import type { PayoutsRoom } from '../room.ts'
import { readClaims } from './claims-contract.ts'
import { closeRoot, markSubmitted, readLines, readWaitingRoot } from './claims-rows.ts'
import type { LineRow, RootRow } from './claims-rows.ts'
import type { ClaimsDesk } from './desk.ts'
import { ROOT_KIND } from './plan-claims.ts'

/** A root that is on its way is surely proposed, or taken back: then all that was in it is owed again. */
export async function followRoot(
  room: PayoutsRoom,
  program: Program,
  desk: ClaimsDesk,
): Promise<RootRow | undefined> {
  const root = await readWaitingRoot(room.db, desk.place)
  if (root?.state !== 'open') return root
  const { home, errors } = desk.contract
  const tx = await followToEnd(room, { to: home.contract, kind: ROOT_KIND, key: root.id, errors })
  if (tx.state !== 'final') {
    await undo(room, program, desk, { root, tx })
    return undefined
  }
  const readyAt = await readReadyAt(desk, { root, tx })
  await markSubmitted(room.db, root.id, readyAt)
  room.log.info({ program: program.id, root: root.root, readyAt }, 'root-rests')
  return { ...root, state: 'submitted', readyAt }
}

interface Sent {
  root: RootRow
  tx: TxRecord
}

/** What the contract said of it, checked against what was sent. */
async function readReadyAt({ contract }: ClaimsDesk, { root, tx }: Sent): Promise<number> {
  const { client, claims, home } = contract
  const block = tx.blockNumber ?? 0
  const topic = claims.interface.getEvent('RootSubmitted').topicHash as Hex
  const query = { address: home.contract, topics: [topic, root.root], fromBlock: block }
  const logs = await readLogs(client, { ...query, toBlock: block })
  const [event] = logs
    .filter(({ transactionHash }) => transactionHash === tx.hash)
    .flatMap((log) => claims.interface.parseLog(log) ?? [])
  const isOurs = event?.args['total'] === root.total && event.args['fileHash'] === root.fileHash
  if (event && isOurs) return Number(event.args['readyAt'])
  const fault = event ? 'another total or file was proposed' : 'it has no event RootSubmitted'
  throw new KeeperError('CLAIMS_RECEIPT_WRONG', { hash: tx.hash, root: root.root, fault })
}

async function undo(
  room: PayoutsRoom,
  program: Program,
  desk: ClaimsDesk,
  { root, tx }: Sent,
): Promise<void> {
  const { pending, root: active } = await readClaims(desk.contract)
  // A row that a human closed, of a transaction that happened after all: its payouts are not free.
  if (pending?.root === root.root || active === root.root) {
    throw new KeeperError('CLAIMS_ROOT_PENDING', { root: root.root })
  }
  await room.db.begin(async (t: Db) => {
    await lockProgram(t, program)
    await returnRoot(room, t, { program, desk, root, state: 'undone', at: room.clock.now() })
  })
  const { state, reason } = tx
  room.log.warn({ program: program.id, root: root.root, state, reason }, 'root-undone')
}

export interface Returned {
  program: Program
  desk: Pick<ClaimsDesk, 'place'>
  root: RootRow
  state: 'vetoed' | 'undone'
  /** When it happened. */
  at: number
}

/** Nothing is lost: what was in it is owed again, and may be in the next. False: it was closed before. */
export async function returnRoot(
  { clock }: Pick<PayoutsRoom, 'clock'>,
  t: Db,
  { program, desk, root, state, at }: Returned,
): Promise<boolean> {
  const now = clock.now()
  if (!(await closeRoot(t, { id: root.id, contract: desk.place }, state, now))) return false
  const lines = await readLines(t, root.id)
  const postings = lines.map((line): Posting => ({
    ...postingOf(program, root, line),
    credit: accounts.owed(program.id, line.payee),
    code: 'return',
    effectiveAt: at,
    reverses: keys.inflight(root.id, line.position),
  }))
  requirePosted(await postIn(t, postings, now))
  await moveSettled(t, program.id)
  return true
}

/** What leaves the proposed ones of a program, once for each line. */
export function postingOf(
  { id, asset }: Program,
  root: RootRow,
  { position, key, amount }: LineRow,
): Pick<Posting, 'key' | 'debit' | 'asset' | 'amount' | 'reason'> {
  return {
    key: keys.outcome(root.id, position),
    debit: accounts.proposed(id),
    asset,
    amount,
    reason: { payout: key, root: root.root },
  }
}
