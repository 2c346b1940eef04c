import type { UnixSeconds } from '../../../base/time.ts'
import type { Award } from '../../../payouts/program.ts'

/** What a period gives a partner. */
export interface Owed {
  partner: string
  position: number
  total: bigint
}

/** All that is needed once the shares are on record: of a hundred thousand the rest need not stay. */
export function owedOf(shares: readonly Owed[]): Owed[] {
  return shares.map(({ partner, position, total }) => ({ partner, position, total }))
}

export interface AwardTerms {
  refOf(partner: string): string
  /** The pool that it comes out of. */
  from: string
  /** The same for everybody; the position is added. */
  reason: object
  effectiveAt: UnixSeconds
}

/** Made one by one while they are posted; whoever gets nothing has a share and no award. */
export function* awardsOf(
  owed: readonly Owed[],
  { refOf, from, reason, effectiveAt }: AwardTerms,
): Generator<Award> {
  for (const { partner, position, total: amount } of owed) {
    if (amount === 0n) continue
    const because = { ...reason, position }
    yield { ref: refOf(partner), payee: partner, amount, from, reason: because, effectiveAt }
  }
}
