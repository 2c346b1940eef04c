import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { SettlementRules } from './rules.ts'

export type { SettlementRules }

/** [from, to), half open. */
export interface Period {
  from: UnixSeconds
  to: UnixSeconds
}

/** What a program says that somebody earned. */
export interface Award {
  /** Of the program: under it nothing else is ever awarded. */
  ref: string
  payee: string
  /** In the smallest unit of the asset; below zero it is taken back from what is accrued, as far as that reaches. */
  amount: bigint
  /** The account that it comes out of, or goes back to; without it the program's expense. */
  from?: string
  reason: object
  effectiveAt: UnixSeconds
  /** Of the file it came from, for messages. */
  line?: number
}

export type Method = 'push' | 'claim'

/** What a program has to offer, so that its awards are booked, settled and paid. */
export interface Program {
  readonly id: string
  /** Of the program in the contract. */
  readonly number: number
  /** CAIP-19. */
  readonly asset: string
  /** May be asked again for the same period: every award counts once. */
  offer(period: Period): AsyncIterable<Award> | Iterable<Award>
  rules(): SettlementRules
  /** Sent to them, or theirs to claim: by how many they are. */
  method(payees: number): Method
  /** Awards of later than that wait for a settlement to come; without it all are settled. */
  settlesThrough?(t: Db): Promise<UnixSeconds>
  /** What is claimable is paid by us, by ranges of leaves; otherwise everybody fetches his own. */
  readonly keeperPays?: boolean
}
