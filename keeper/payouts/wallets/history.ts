import type { Address } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'

/** One row of a payee's history. Those without a signature are no links. */
export interface WalletEvent {
  kind: 'linked' | 'cancelled' | 'unlinked'
  wallet: Address
  isPrimary: boolean
  effectiveAt: UnixSeconds
  recordedAt: UnixSeconds
}

/** A primary that is to be: the present one is paid until then. */
export interface PendingChange {
  wallet: Address
  effectiveAt: UnixSeconds
  /** It was linked for this: without the change it is no wallet of the payee's. */
  isNew: boolean
}

export interface Wallets {
  /** In the order of their linking; with the pending one. */
  linked: readonly Address[]
  primary: Address | undefined
  pending: PendingChange | undefined
  /** Whether anybody was ever paid here: then a primary comes with a delay, even after an unlinking. */
  hadPrimary: boolean
}

const NONE: Wallets = { linked: [], primary: undefined, pending: undefined, hadPrimary: false }

/** What holds at `now`, from the whole history in its order. */
export function foldWallets(events: readonly WalletEvent[], now: UnixSeconds): Wallets {
  let wallets = NONE
  for (const event of events) wallets = apply(ripened(wallets, event.recordedAt), event)
  return ripened(wallets, now)
}

/** A change takes effect by itself. */
function ripened(wallets: Wallets, now: UnixSeconds): Wallets {
  const { pending } = wallets
  if (!pending || pending.effectiveAt > now) return wallets
  return { ...wallets, primary: pending.wallet, pending: undefined, hadPrimary: true }
}

function apply(wallets: Wallets, event: WalletEvent): Wallets {
  const { kind, wallet } = event
  if (kind === 'linked') return linked(wallets, event)
  if (kind === 'unlinked') return without(wallets, wallet)
  const isNew = wallets.pending?.isNew === true
  return isNew ? without(wallets, wallet) : { ...wallets, pending: undefined }
}

function linked(wallets: Wallets, { wallet, isPrimary, ...event }: WalletEvent): Wallets {
  const isNew = !wallets.linked.includes(wallet)
  const all = isNew ? [...wallets.linked, wallet] : wallets.linked
  if (!isPrimary) return { ...wallets, linked: all }
  const pending = { wallet, effectiveAt: event.effectiveAt, isNew }
  return ripened({ ...wallets, linked: all, pending }, event.recordedAt)
}

function without(wallets: Wallets, wallet: Address): Wallets {
  const { linked: all, primary, pending, hadPrimary } = wallets
  return {
    linked: all.filter((other) => other !== wallet),
    primary: primary === wallet ? undefined : primary,
    pending: pending?.wallet === wallet ? undefined : pending,
    hadPrimary,
  }
}
