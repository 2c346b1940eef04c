import type { Wei } from '../../../base/amount.ts'
import { ensure } from '../../../base/errors.ts'
import type { Ranked } from './position.ts'

/** Of an hour or of a day: what is on record of a partner, or would be. */
export interface Share extends Ranked {
  /** Of a day: × 10^ECC_DECIMALS. */
  ecc?: bigint
  /** By category. */
  amounts: Readonly<Record<string, Wei>>
  total: Wei
}

/** A share that is another one than before. */
export interface Difference<S extends Share = Share> {
  partner: string
  /** undefined: had none. */
  before: Share | undefined
  after: S
  /** Of the totals; zero where the position alone is another one. */
  amount: Wei
}

/** In the order of the computed ones; who is as before is left out. Late votes only ever add partners. */
export function differencesOf<S extends Share>(
  stored: readonly Share[],
  computed: readonly S[],
): Difference<S>[] {
  const before = new Map(stored.map((share) => [share.partner, share]))
  const differences = computed.flatMap((after): Difference<S>[] => {
    const { partner, total } = after
    const known = before.get(partner)
    before.delete(partner)
    if (known !== undefined && isSame(known, after)) return []
    return [{ partner, before: known, after, amount: total - (known?.total ?? 0n) }]
  })
  const [lost] = before.keys()
  ensure(lost === undefined, 'INTERNAL', { what: 'differencesOf: a share is gone', partner: lost })
  return differences
}

/** The partners whose shares are not the same in both, or in one of them alone. */
export function otherPartners(stored: readonly Share[], computed: readonly Share[]): string[] {
  const left = new Map(stored.map((share) => [share.partner, share]))
  const others = computed.filter((share) => {
    const known = left.get(share.partner)
    left.delete(share.partner)
    return known === undefined || !isSame(known, share)
  })
  return [...others.map(({ partner }) => partner), ...left.keys()]
}

function isSame(a: Share, b: Share): boolean {
  const names = Object.keys(a.amounts)
  return (
    a.position === b.position &&
    a.votes === b.votes &&
    a.cc === b.cc &&
    a.ecc === b.ecc &&
    a.total === b.total &&
    names.length === Object.keys(b.amounts).length &&
    names.every((name) => a.amounts[name] === b.amounts[name])
  )
}

/** What a period gave and what it left. */
export interface Shared {
  paid: Wei
  carry: Wei
}

/**
 * The pool of a period that is shared again: what it gave, what is still there of what it left (later periods may have
 * shared it), and what late votes brought. More than that is nowhere, so that no unit is given twice.
 */
export function poolAgain({ paid, carry }: Shared, { free, late }: { free: Wei; late: Wei }): Wei {
  const isPossible = paid >= 0n && carry >= 0n && free >= 0n && late >= 0n
  ensure(isPossible, 'INTERNAL', { what: 'poolAgain', paid, carry, free, late })
  return paid + lesser(carry, free) + late
}

/** How a share that became less is taken back: out of what is not settled yet; the rest is withheld later. */
export function takeBack(amount: Wei, accrued: Wei): { taken: Wei; due: Wei } {
  if (amount >= 0n) return { taken: 0n, due: 0n }
  ensure(accrued >= 0n, 'INTERNAL', { what: 'takeBack', amount, accrued })
  const taken = lesser(-amount, accrued)
  return { taken, due: -amount - taken }
}

function lesser(a: Wei, b: Wei): Wei {
  return a < b ? a : b
}
