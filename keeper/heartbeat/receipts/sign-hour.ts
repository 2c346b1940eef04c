import { setImmediate as nextTurn } from 'node:timers/promises'
import { KeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { Clock } from '../../base/time.ts'
import type { TxSigner } from '../../chain/keys/signer.ts'
import type { Db } from '../../store/db.ts'
import type { HeartbeatHome } from '../intake/login.ts'
import type { ClosedHour } from '../tally/closed-hours.ts'
import { hourStatement, leafOf } from './receipt.ts'
import type { HourRoot, Receipt } from './receipt.ts'
import { LEAVES_PER_PAGE, buildTree } from './tree.ts'
import type { HourTree } from './tree.ts'

export interface Signing extends HeartbeatHome {
  /** The reporter's. */
  signer: Pick<TxSigner, 'address' | 'signTypedData'>
  clock: Clock
}

export interface SignedHour extends HourRoot {
  reporter: Address
  signature: Hex
  /** One a validator, in the order of the rows; everybody else has a turn between pages. */
  receipts(): AsyncGenerator<Receipt, void>
}

/**
 * Signs what was counted in a closed hour: once, and the same again when it is called again. Two roots of one
 * hour would be a lie that anybody can prove, so another root than the stored one is never signed.
 */
export async function signHour(db: Db, closed: ClosedHour, signing: Signing): Promise<SignedHour> {
  const { hour, expected, rows } = closed
  const tree = await buildTree(rows.length, (at) => leafOf(rowAt(closed, at), hour, expected))
  const about = { hour, root: tree.root, validators: rows.length }
  const known = (await findSignature(db, about)) ?? (await sign(db, closed, signing, tree))
  const { chainId, registry } = signing
  const signed = { ...about, ...known }
  return { ...signed, receipts: () => receiptsOf({ chainId, registry, ...signed }, closed, tree) }
}

export interface StoredSignature {
  reporter: Address
  signature: Hex
}

/** Undefined: not signed yet. */
async function findSignature(
  db: Db,
  { hour, root }: HourRoot,
): Promise<StoredSignature | undefined> {
  const found = await db.maybeOne<StoredSignature & { root: Hex }>(
    'select root, reporter, signature from tally_hour where hour = $1 and signature is not null',
    [hour],
  )
  if (!found) return undefined
  const { reporter, signature } = found
  if (found.root === root) return { reporter, signature }
  throw new KeeperError('HOUR_SIGNED_OTHERWISE', { hour, signed: found.root, counted: root })
}

async function sign(
  db: Db,
  closed: ClosedHour,
  { signer, clock, ...home }: Signing,
  tree: HourTree,
): Promise<StoredSignature> {
  const about = { hour: closed.hour, root: tree.root, validators: closed.rows.length }
  const signature = await signer.signTypedData(hourStatement(home, about))
  await db.begin(async (t) => {
    const stored = await t.query(
      `update tally_hour set root = $2, signature = $3, reporter = $4, signed_at = $5
       where hour = $1 and signature is null returning hour`,
      [about.hour, about.root, signature, signer.address, clock.now()],
    )
    if (stored.length > 0) await storePages(t, closed, tree)
  })
  // Another process may have been first: what is stored is what was told.
  const found = await findSignature(db, about)
  if (found) return found
  throw new KeeperError('HOUR_NOT_CLOSED', { hour: closed.hour })
}

async function storePages(t: Db, closed: ClosedHour, { pages }: HourTree): Promise<void> {
  const firsts = pages.map((_, page) => rowAt(closed, page * LEAVES_PER_PAGE).node.toLowerCase())
  await t.query(
    `insert into receipt_page (hour, page, first_node, root)
     select $1::int, p.page - 1, p.first_node, p.root
     from unnest(string_to_array($2, ','), string_to_array($3, ','))
       with ordinality as p (first_node, root, page)`,
    [closed.hour, firsts.join(','), pages.join(',')],
  )
  // Without the counters of an hour its pages prove nothing.
  await t.query('delete from receipt_page where hour < (select min(hour) from tally)')
}

async function* receiptsOf(
  signed: Omit<Receipt, 'node' | 'seen' | 'online' | 'expected' | 'proof'>,
  closed: ClosedHour,
  tree: HourTree,
): AsyncGenerator<Receipt, void> {
  const { expected } = closed
  for (const [at, { node, seen, online }] of closed.rows.entries()) {
    if (at % LEAVES_PER_PAGE === 0) await nextTurn()
    yield { ...signed, node, seen, expected, online, proof: tree.proofOf(at) }
  }
}

function rowAt({ hour, rows }: ClosedHour, at: number): ClosedHour['rows'][number] {
  const row = rows[at]
  if (row) return row
  throw new KeeperError('INTERNAL', { what: `row ${at} of hour ${hour} is beyond its rows` })
}
