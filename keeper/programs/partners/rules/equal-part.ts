import type { Wei } from '../../../base/amount.ts'
import { ensure } from '../../../base/errors.ts'

/** One part of a pool and how it was shared: what is needed to explain each member's amount. */
export interface EqualPart<Category extends string = string> {
  category: Category
  /** The first so many positions are meant; fewer where fewer voted. */
  members: number
  /** So many of them get a share. */
  sharers: number
  part: Wei
  /** floor(part / sharers). */
  share: Wei
  /** What flooring leaves, or all of the part when nobody shares it: stays in the pool. */
  remainder: Wei
}

export interface EqualPartOf<Category extends string> {
  category: Category
  part: Wei
  members: number
  sharers?: number
}

export function shareEqually<Category extends string>({
  category,
  part,
  members,
  sharers = members,
}: EqualPartOf<Category>): EqualPart<Category> {
  const isPossible = part >= 0n && sharers >= 0 && sharers <= members
  ensure(isPossible, 'INTERNAL', { what: 'shareEqually', category, part, members, sharers })
  const count = BigInt(sharers)
  const share = count === 0n ? 0n : part / count
  return { category, members, sharers, part, share, remainder: part - share * count }
}

/** Of a part that all its members share. */
export function equalShare({ members, share }: EqualPart, position: number): Wei {
  return position <= members ? share : 0n
}

/** House rule: the sum is checked where the parts are made. */
export function checkSum(what: string, pool: Wei, paid: Wei, carry: Wei): void {
  const isWhole = paid >= 0n && carry >= 0n && paid + carry === pool
  ensure(isWhole, 'INTERNAL', {
    what: `${what}: shares and carry are not the pool`,
    pool,
    paid,
    carry,
  })
}
