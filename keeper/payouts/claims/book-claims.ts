import { KeeperError } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import { postIn } from '../../ledger/post.ts'
import { requirePosted } from '../../ledger/posting.ts'
import type { Posting } from '../../ledger/posting.ts'
import type { Db } from '../../store/db.ts'
import { bookedThrough, moveCursor } from '../event-booking.ts'
import { accounts, keys } from '../names.ts'
import type { Program } from '../program.ts'
import { lockProgram, moveSettled } from '../program-row.ts'
import type { PayoutsRoom } from '../room.ts'
import { readClaimEvents } from './claim-events.ts'
import type { ClaimEvent, RootEnd } from './claim-events.ts'
import { readClaimed } from './claims-contract.ts'
import { closeRoot, readLeaves, readLines, readWaitingRoot, storeTaken } from './claims-rows.ts'
import type { ClaimsDesk } from './desk.ts'
import { postingOf, returnRoot } from './follow-root.ts'

export interface BookedClaims {
  /** Roots. */
  accepted: Hex[]
  vetoed: Hex[]
  claims: number
  claimed: bigint
  /** Leaves of a range whose account would not take them: they stay claimable. */
  refusals: number
}

export function nothingBooked(): BookedClaims {
  return { accepted: [], vetoed: [], claims: 0, claimed: 0n, refusals: 0 }
}

export function addBooked(to: BookedClaims, more: BookedClaims): void {
  to.accepted.push(...more.accepted)
  to.vetoed.push(...more.vetoed)
  to.claims += more.claims
  to.claimed += more.claimed
  to.refusals += more.refusals
}

/** No key is needed to book what happened. */
export type ClaimsRoom = Pick<PayoutsRoom, 'db' | 'client' | 'clock' | 'log'>
type Desk = Pick<ClaimsDesk, 'contract' | 'place'>

interface Scene {
  room: ClaimsRoom
  program: Program
  desk: Desk
  booked: BookedClaims
}

// Blocks of one question: what the strictest of the public nodes allow.
const MAX_BLOCKS_A_STEP = 10_000
// Postings of one transaction: some 50 ms of the store.
const MAX_TAKINGS = 2_000

/**
 * Books what happened in the claims contract, whoever did it: roots that came in force or were thrown away, and what
 * was claimed. Up to a final block, once: the cursor moves in the transaction of the postings.
 */
export async function bookClaims(
  room: ClaimsRoom,
  program: Program,
  desk: Desk,
  through: number,
): Promise<BookedClaims> {
  const scene = { room, program, desk, booked: nothingBooked() }
  for (let from = await nextBlock(room.db, desk); from <= through;) {
    let toBlock = Math.min(through, from + MAX_BLOCKS_A_STEP - 1)
    const events = await readClaimEvents(desk.contract, { fromBlock: from, toBlock })
    if (events.every(isShown)) await bookByEvents(scene, events, { from, through: toBlock })
    else {
      // A node has the state of the last blocks only.
      toBlock = through
      await bookByState(scene, { from, through })
    }
    from = toBlock + 1
  }
  const { claims, claimed, refusals } = scene.booked
  if (claims > 0) room.log.info({ program: program.id, claims, claimed, refusals }, 'claims-booked')
  return scene.booked
}

/** A range that paid nobody shows all that there is; anybody can have one for its gas, as often as he likes. */
function isShown(event: ClaimEvent): boolean {
  return event.kind !== 'range' || event.amount === 0n || event.leaves !== undefined
}

async function nextBlock(db: Db, { contract, place }: Desk): Promise<number> {
  const booked = await bookedThrough(db, place.chainId, place.address)
  return booked === undefined ? contract.deployBlock : booked + 1
}

interface Blocks {
  from: number
  through: number
}

/** Whole blocks in one transaction, so that none is booked in part. */
async function bookByEvents(
  scene: Scene,
  events: readonly ClaimEvent[],
  { from, through }: Blocks,
): Promise<void> {
  let start = from
  let part: ClaimEvent[] = []
  for (const [index, event] of events.entries()) {
    part.push(event)
    const next = events[index + 1]
    const isWhole = next !== undefined && next.block !== event.block
    if (!isWhole || part.flatMap(takingsOf).length < MAX_TAKINGS) continue
    await bookPart(scene, { from: start, through: event.block }, (t) => apply(scene, t, part))
    start = event.block + 1
    part = []
  }
  await bookPart(scene, { from: start, through }, (t) => apply(scene, t, part))
}

async function bookPart(
  { room, program, desk }: Scene,
  { from, through }: Blocks,
  work: (t: Db) => Promise<void>,
): Promise<void> {
  await room.db.begin(async (t: Db) => {
    await lockProgram(t, program)
    // Another process was here since the events were read.
    if ((await nextBlock(t, desk)) !== from) {
      throw new KeeperError('PAYOUT_MOVED', { program: program.id })
    }
    await moveCursor(t, { client: room.client, contract: desk.contract.home.contract }, through)
    await work(t)
  })
}

async function apply(scene: Scene, t: Db, events: readonly ClaimEvent[]): Promise<void> {
  let takings: Taking[] = []
  for (const event of events) {
    if (event.kind === 'refusal') scene.booked.refusals += 1
    if (event.kind !== 'accepted' && event.kind !== 'vetoed') {
      takings.push(...takingsOf(event))
      continue
    }
    await bookTakings(scene, t, takings)
    takings = []
    await bookEnd(scene, t, event)
  }
  await bookTakings(scene, t, takings)
}

/** Of one address: what it took now, or all that it has taken by then. */
interface Taking {
  account: string
  amount?: bigint
  claimed?: bigint
  at: UnixSeconds
  reason: object
}

function takingsOf(event: ClaimEvent): Taking[] {
  if (event.kind === 'claim') {
    const { account, to, amount, at, tx } = event
    return [{ account, amount, at, reason: { tx, to } }]
  }
  if (event.kind !== 'range') return []
  const { at, tx, leaves = [] } = event
  return leaves.map(({ account, cumulative }) => {
    return { account, claimed: cumulative, at, reason: { tx, range: true } }
  })
}

async function bookEnd({ room, program, desk, booked }: Scene, t: Db, end: RootEnd): Promise<void> {
  const root = await readWaitingRoot(t, desk.place)
  if (root?.root !== end.root) {
    room.log.warn({ program: program.id, root: end.root, end: end.kind }, 'root-not-ours')
    return
  }
  const { at } = end
  if (end.kind === 'vetoed') {
    await returnRoot(room, t, { program, desk, root, state: 'vetoed', at })
    booked.vetoed.push(root.root)
    return
  }
  const now = room.clock.now()
  await closeRoot(t, { id: root.id, contract: desk.place }, 'accepted', now)
  const lines = await readLines(t, root.id)
  const postings = lines.map((line): Posting => ({
    ...postingOf(program, root, line),
    credit: accounts.claimable(program.id, line.address),
    code: 'accept',
    effectiveAt: at,
  }))
  requirePosted(await postIn(t, postings, now))
  await moveSettled(t, program.id)
  booked.accepted.push(root.root)
}

async function bookTakings(
  { room, program, desk, booked }: Scene,
  t: Db,
  takings: readonly Taking[],
): Promise<void> {
  if (takings.length === 0) return
  const addresses = [...new Set(takings.map(({ account }) => account.toLowerCase()))]
  const rows = await readLeaves(t, desk.place, addresses)
  const leaves = new Map(rows.map((leaf) => [leaf.account.toLowerCase(), leaf]))
  const postings = takings.flatMap((taking): Posting[] => {
    const address = taking.account.toLowerCase()
    const leaf = leaves.get(address)
    const after = taking.claimed ?? (leaf?.claimed ?? 0n) + (taking.amount ?? 0n)
    if (leaf === undefined || after > leaf.cumulative) {
      // Of another store's root: not in these books, and no reason to keep others from theirs.
      room.log.warn({ program: program.id, address, claimed: after }, 'claim-not-booked')
      return []
    }
    const amount = after - leaf.claimed
    if (amount <= 0n) return []
    leaf.claimed = after
    booked.claims += 1
    booked.claimed += amount
    return [claimPosting(program, desk, { address, amount, after, taking })]
  })
  await storeTaken(
    t,
    desk.place,
    rows.map(({ account, claimed }) => ({ address: account.toLowerCase(), claimed })),
  )
  requirePosted(await postIn(t, postings, room.clock.now()))
}

interface TakenNow {
  address: string
  amount: bigint
  after: bigint
  taking: Taking
}

function claimPosting(
  { id, asset }: Program,
  { place }: Desk,
  { address, amount, after, taking }: TakenNow,
): Posting {
  return {
    key: keys.claimed(place.chainId, place.address, address, after),
    debit: accounts.claimable(id, address),
    credit: accounts.paid(id),
    asset,
    amount,
    code: 'claim',
    effectiveAt: taking.at,
    reason: taking.reason,
  }
}

/**
 * Somebody had a range paid through a contract of his own, so that no call shows its leaves: then the contract is asked
 * what each address has taken by the last of these blocks.
 */
async function bookByState(scene: Scene, { from, through }: Blocks): Promise<void> {
  const { room, desk } = scene
  const events = await readClaimEvents(desk.contract, { fromBlock: from, toBlock: through })
  const leaves = await readLeaves(room.db, desk.place)
  const waiting = await readWaitingRoot(room.db, desk.place)
  const lines = waiting ? await readLines(room.db, waiting.id) : []
  const accounts = [
    ...new Set([
      ...leaves.map(({ account }) => account.toLowerCase()),
      ...lines.map(({ address }) => address),
    ]),
  ]
  const claimed = await readClaimed(desk.contract, accounts as Hex[], through)
  const at = events.at(-1)?.at ?? room.clock.now()
  await bookPart(scene, { from, through }, async (t) => {
    await apply(
      scene,
      t,
      events.filter(({ kind }) => kind !== 'claim' && kind !== 'range'),
    )
    const takings = accounts
      .map((account) => ({ account, claimed: claimed(account as Hex), at, reason: { through } }))
      .filter((taking) => taking.claimed > 0n)
    await bookTakings(scene, t, takings)
  })
}
