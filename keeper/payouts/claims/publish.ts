import { ZeroAddress } from 'ethers'
import { KeeperError, isKeeperError } from '../../base/errors.ts'
import type { Address } from '../../base/schema.ts'
import { postIn } from '../../ledger/post.ts'
import { requirePosted } from '../../ledger/posting.ts'
import type { Posting } from '../../ledger/posting.ts'
import type { Db } from '../../store/db.ts'
import type { Payable } from '../batch.ts'
import { readOwed } from '../batch-rows.ts'
import { FAILED_FOR_GOOD } from '../follow.ts'
import { accounts, keys } from '../names.ts'
import type { Program } from '../program.ts'
import { lockProgram } from '../program-row.ts'
import { payableOf, requireReached } from '../reached.ts'
import type { PayoutsRoom } from '../room.ts'
import { countRoots, insertRoot, readLastRoot, readLeaves } from './claims-rows.ts'
import type { LeafRow, NewRoot } from './claims-rows.ts'
import type { ClaimsDesk } from './desk.ts'
import { followRoot } from './follow-root.ts'
import type { Leaf } from './leaf.ts'
import { makeTree } from './make-tree.ts'
import type { MadeTree } from './make-tree.ts'
import { MAX_LINES, pickClaims } from './pick-claims.ts'
import type { ClaimLine, PickedClaims } from './pick-claims.ts'
import { numberedKey, planSubmit } from './plan-claims.ts'
import { writeTreeFile } from './tree-file.ts'

export interface PublishOptions {
  /** What the program has, and what its budget lets out. */
  money: bigint
  /** The guardian threw the last root away, and somebody has looked why. */
  afterVeto?: boolean
}

export interface Published extends Omit<PickedClaims, 'lines'> {
  /** Undefined: nobody can be paid now. */
  root: NewRoot | undefined
  /** Of the tree's file. */
  path?: string
}

/**
 * Proposes a root with all that is owed and can be paid, above what everybody had by the accepted one. The file is
 * there first; then books, rows and the journal's intent in one transaction; then it is sent and followed to its end.
 */
export async function publishClaims(
  room: PayoutsRoom,
  program: Program,
  desk: ClaimsDesk,
  { money, afterVeto = false }: PublishOptions,
): Promise<Published> {
  const { db, log } = room
  await refuseAfterVeto(db, desk, afterVeto)
  const before = await readLeaves(db, desk.place)
  const owed = await readPayable(room, program)
  const unpayable = unpayableBy(room, desk)
  const leaves = new Map(before.map((leaf) => [leaf.account.toLowerCase(), leaf.cumulative]))
  const picked = pickClaims(owed, { leaves, money, unpayable })
  const { lines, ...told } = picked
  if (lines.length === 0) return { ...told, root: undefined }
  const made = await makeTree(desk.contract.home, leavesWith(before, lines))
  const accepted = before.length > 0 ? (await makeTree(desk.contract.home, before)).tree : undefined
  await refuseBarred(desk, made)
  const { path } = await writeTreeFile(desk.dir, made.tree, made.file)
  const root = await rootOf(room, program, desk, { made, picked })
  await send(room, program, desk, { root, made, accepted })
  log.info({ program: program.id, root: root.root, lines: lines.length, path }, 'root-proposed')
  return { ...told, root, path }
}

/** A root that was vetoed had something wrong in it, which the next one would have again. */
async function refuseAfterVeto(db: Db, { place }: ClaimsDesk, afterVeto: boolean): Promise<void> {
  const last = await readLastRoot(db, place)
  if (last?.state !== 'vetoed' || afterVeto) return
  throw new KeeperError('CLAIMS_ROOT_VETOED', { program: last.program, root: last.root })
}

// Payouts of one question for wallets and holds.
const OWED_A_PAGE = 1_000

async function readPayable(room: PayoutsRoom, { id }: Program): Promise<Payable[]> {
  const payable: Payable[] = []
  for (let after = 0n; payable.length < MAX_LINES;) {
    const owed = await readOwed(room.db, id, { after, limit: OWED_A_PAGE })
    payable.push(...(await payableOf(room, room.db, id, owed)))
    if (owed.length < OWED_A_PAGE) break
    after = owed.at(-1)?.id ?? after
  }
  return payable
}

/** Whom ProgramClaims refuses to pay, whatever their leaf says: their money would lie there for ever. */
function unpayableBy({ contracts }: PayoutsRoom, desk: ClaimsDesk): Set<string> {
  const { address, asset } = contracts
  // The zero address is the coin's name, too.
  return new Set(
    [desk.contract.home.contract, address, asset, ZeroAddress].map((at) => at.toLowerCase()),
  )
}

function leavesWith(before: readonly LeafRow[], lines: readonly ClaimLine[]): Leaf[] {
  const leaves = new Map<string, Leaf>(
    before.map(({ account, cumulative }) => [account.toLowerCase(), { account, cumulative }]),
  )
  for (const { address, cumulative } of lines) {
    leaves.set(address, { account: address as Address, cumulative })
  }
  return [...leaves.values()]
}

async function refuseBarred({ contract }: ClaimsDesk, { tree }: MadeTree): Promise<void> {
  if (!(await contract.claims.barred(tree.root))) return
  throw new KeeperError('CLAIMS_ROOT_BARRED', { root: tree.root })
}

async function rootOf(
  { db }: PayoutsRoom,
  { id: program }: Program,
  { place }: ClaimsDesk,
  { made: { tree, file }, picked }: { made: MadeTree; picked: PickedClaims },
): Promise<NewRoot> {
  const { root, total } = tree
  const id = numberedKey(root, 1 + (await countRoots(db, place, root)))
  const { lines, amount } = picked
  return { id, program, contract: place, root, total, amount, fileHash: file.fileHash, lines }
}

interface Proposal {
  root: NewRoot
  made: MadeTree
  accepted: MadeTree['tree'] | undefined
}

async function send(
  room: PayoutsRoom,
  program: Program,
  desk: ClaimsDesk,
  { root, made, accepted }: Proposal,
): Promise<void> {
  const { contract } = desk
  const { fileHash } = made.file
  const intent = await planSubmit(contract, { tree: made.tree, accepted, fileHash })
  try {
    await room.payer.send(
      { ...intent, key: root.id },
      {
        until: 'included',
        errors: contract.errors,
        alongside: (t) => openRoot(room, t, program, root),
      },
    )
  } catch (error) {
    // What was planned and cannot happen any more is owed again, at once.
    if (isKeeperError(error, ...FAILED_FOR_GOOD)) await followRoot(room, program, desk)
    throw error
  }
  await room.onStep?.('root-sent')
  await followRoot(room, program, desk)
}

/** In the transaction of the intent, before anything is signed: owed ▸ inflight, or neither of the two. */
async function openRoot(
  { clock, reach }: PayoutsRoom,
  t: Db,
  program: Program,
  root: NewRoot,
): Promise<void> {
  const now = clock.now()
  await lockProgram(t, program)
  await requireReached(reach, t, { program: program.id, payments: root.lines }, now)
  await insertRoot(t, root, now)
  const postings = root.lines.map(({ payee, amount, key }, position): Posting => ({
    key: keys.inflight(root.id, position),
    debit: accounts.owed(program.id, payee),
    credit: accounts.proposed(program.id),
    asset: program.asset,
    amount,
    code: 'publish',
    effectiveAt: now,
    reason: { payout: key, root: root.root },
  }))
  requirePosted(await postIn(t, postings, now))
}
