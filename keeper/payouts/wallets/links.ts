import { ZeroAddress } from 'ethers'
import { KeeperError, ensure } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import { SECONDS_PER_HOUR, isoTime } from '../../base/time.ts'
import type { Clock, UnixSeconds } from '../../base/time.ts'
import type { ChainClient } from '../../chain/rpc/client.ts'
import type { Db } from '../../store/db.ts'
import { isSignedBy } from './check-signature.ts'
import type { PendingChange, Wallets } from './history.ts'
import { mayPay } from './holds.ts'
import { typedLink } from './link-message.ts'
import type { WalletLink } from './link-message.ts'
import { paysAddresses, readWallets } from './wallet-of.ts'

export interface WalletRoom {
  db: Db
  client: Pick<ChainClient, 'chainId' | 'call' | 'codeAt'>
  clock: Clock
  /** How long a payee has to notice that somebody changes where it is paid. */
  primaryDelay: UnixSeconds
  /** Our contracts and the token: what is paid there is lost. */
  ours: readonly Address[]
}

/** Who brings it. That this is the payee, the caller has made sure of: a wallet proves only itself. */
export interface SignedLink {
  link: WalletLink
  signature: Hex
  actor: string
  /** Within the transaction of the link: neither is there without the other. */
  alongside?: (t: Db, wallets: Wallets) => Promise<void>
}

/** A message may lie about: the owners of a shared wallet sign one after the other, over days. */
export const MAX_LINK_LIFE = 7 * 24 * SECONDS_PER_HOUR
// A person's wallets: a phone's, a hardware one, a shared one, and each a second time.
const MAX_WALLETS = 8
// Read whole at each payment: four changes a week for five years.
const MAX_EVENTS = 1_000
// Thirty owners of a shared wallet at 65 bytes fit three times.
const MAX_SIGNATURE_LENGTH = 2 + 2 * 6_144

/** Links it, or makes a linked wallet the primary one: at once if nobody was ever paid, else after the delay. */
export async function linkWallet(room: WalletRoom, signed: SignedLink): Promise<Wallets> {
  const { db, clock } = room
  const { link } = signed
  refuseForm(room, signed)
  // Asked before the transaction begins: a node may take its time.
  const typed = typedLink(room.client.chainId, link)
  const { wallet } = link
  const isSigned = await isSignedBy(room.client, { wallet, typed, signature: signed.signature })
  ensure(isSigned, 'WALLET_SIGNATURE_WRONG', { wallet })
  return db.begin(async (t) => {
    const now = clock.now()
    await refuseUsed(t, link)
    const stop = await mayPay(t, { address: wallet, program: link.program }, now)
    if (!stop.may && stop.list === 'deny') throw denied(wallet, stop)
    const before = await readWallets(t, link.program, link.payee, now)
    refuseState(link, before)
    const waits = link.primary && before.hadPrimary
    const effectiveAt = waits ? now + room.primaryDelay : now
    await record(t, before.events, {
      ...link,
      kind: 'linked',
      isPrimary: link.primary,
      effectiveAt,
      signature: signed.signature,
      actor: signed.actor,
      recordedAt: now,
    })
    const wallets = await readWallets(t, link.program, link.payee, now)
    await signed.alongside?.(t, wallets)
    return wallets
  })
}

function refuseForm(room: WalletRoom, { link, signature }: SignedLink): void {
  const now = room.clock.now()
  const { wallet, deadline, program } = link
  const rules: [isBad: boolean, fault: string][] = [
    [paysAddresses(program), 'payees of this program are addresses, and paid there'],
    [wallet === ZeroAddress, 'it is the zero address'],
    [room.ours.includes(wallet), 'it is a contract of ours or the token'],
    [deadline <= now, `the message was good until ${isoTime(deadline)}`],
    [deadline > now + MAX_LINK_LIFE, `the message is good for more than ${MAX_LINK_LIFE} s`],
    [signature.length > MAX_SIGNATURE_LENGTH, 'the signature is too long'],
  ]
  const fault = rules.find(([isBad]) => isBad)?.[1]
  if (fault !== undefined) throw invalid(link, fault)
}

async function refuseUsed(t: Db, { wallet, nonce }: WalletLink): Promise<void> {
  const used = await t.query('select 1 from wallet_event where wallet = $1 and nonce = $2', [
    wallet.toLowerCase(),
    nonce.toString(),
  ])
  ensure(used.length === 0, 'WALLET_NONCE_USED', { wallet, nonce })
}

function denied(address: Address, { id, reason }: { id: bigint; reason: string }): KeeperError {
  return new KeeperError('PAYEE_DENIED', { address, id, reason })
}

function refuseState(link: WalletLink, before: Wallets & { events: number }): void {
  const { wallet, primary } = link
  const isLinked = before.linked.includes(wallet)
  const { pending } = before
  if (primary && pending) throw changePending(link, pending)
  const rules: [isBad: boolean, fault: string][] = [
    [isLinked && !primary, 'it is linked already'],
    [primary && before.primary === wallet, 'it is the primary one already'],
    [!isLinked && before.linked.length >= MAX_WALLETS, `a payee has at most ${MAX_WALLETS}`],
    [before.events >= MAX_EVENTS, `its wallets were changed ${MAX_EVENTS} times`],
  ]
  const fault = rules.find(([isBad]) => isBad)?.[1]
  if (fault !== undefined) throw invalid(link, fault)
}

function invalid({ wallet, payee, program }: WalletLink, fault: string): KeeperError {
  return new KeeperError('WALLET_LINK_INVALID', { wallet, payee, program, fault })
}

function changePending({ payee, program }: Payee, change: PendingChange): KeeperError {
  const { wallet, effectiveAt } = change
  const at = isoTime(effectiveAt)
  return new KeeperError('WALLET_CHANGE_PENDING', { payee, program, wallet, effectiveAt: at })
}

interface Payee {
  program: string
  payee: string
}

interface Correction extends Payee {
  actor: string
  reason: string
}

type UnsignedRoom = Pick<WalletRoom, 'db' | 'clock'>

/** Takes the change of the primary back while it is not in effect; a wallet linked by it goes with it. */
export async function cancelChange(room: UnsignedRoom, correction: Correction): Promise<Wallets> {
  return correct(room, correction, ({ pending }) => {
    if (pending) return { kind: 'cancelled', wallet: pending.wallet }
    throw notLinked(correction, 'change of its primary wallet under way')
  })
}

/** The primary, too: then nothing is paid until another one is, which takes the delay as ever. */
export async function unlinkWallet(
  room: UnsignedRoom,
  { wallet, ...correction }: Correction & { wallet: Address },
): Promise<Wallets> {
  return correct(room, correction, ({ linked }) => {
    if (linked.includes(wallet)) return { kind: 'unlinked', wallet }
    throw notLinked(correction, `wallet ${wallet}`)
  })
}

function notLinked({ payee, program }: Payee, what: string): KeeperError {
  return new KeeperError('WALLET_NOT_LINKED', { payee, program, what })
}

async function correct(
  { db, clock }: UnsignedRoom,
  correction: Correction,
  choose: (before: Wallets) => { kind: 'cancelled' | 'unlinked'; wallet: Address },
): Promise<Wallets> {
  const { program, payee } = correction
  return db.begin(async (t) => {
    const now = clock.now()
    const before = await readWallets(t, program, payee, now)
    await record(t, before.events, {
      ...correction,
      ...choose(before),
      isPrimary: false,
      effectiveAt: now,
      recordedAt: now,
    })
    return readWallets(t, program, payee, now)
  })
}

interface NewEvent extends Payee {
  kind: string
  wallet: Address
  isPrimary: boolean
  effectiveAt: UnixSeconds
  nonce?: bigint
  deadline?: UnixSeconds
  signature?: Hex
  actor: string
  reason?: string
  recordedAt: UnixSeconds
}

/** Of two that saw the same history one finds its place taken. */
async function record(t: Db, events: number, event: NewEvent): Promise<void> {
  const { program, payee } = event
  const rows = await t.query(
    `insert into wallet_event (program, payee, seq, kind, wallet, is_primary, effective_at,
       nonce, deadline, signature, actor, reason, recorded_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     on conflict do nothing returning seq`,
    [
      program,
      payee,
      events + 1,
      event.kind,
      event.wallet.toLowerCase(),
      event.isPrimary,
      event.effectiveAt,
      event.nonce?.toString() ?? null,
      event.deadline ?? null,
      event.signature ?? null,
      event.actor,
      event.reason ?? null,
      event.recordedAt,
    ],
  )
  ensure(rows.length === 1, 'WALLET_RACE', { program, payee })
}
