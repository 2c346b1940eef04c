import type { ErrorCode } from '../base/error-catalogue.ts'
import type { Facts } from '../base/errors.ts'
import type { Transfer } from '../ledger/transfers.ts'
import type { Db } from '../store/db.ts'

/** A transfer that the books must have, because a record or a receipt says so. */
export interface Line {
  key: string
  debit: string
  credit: string
  asset: string
  amount: bigint
  code: string
  /** Who says so, in words. */
  source: string
  /** The finding when it is missing, and its facts. */
  missing: { code: ErrorCode; facts: Facts }
  /** Whether the transfer's own explanation is that of the record. */
  fits?: (transfer: Transfer) => boolean
}

/** What a program's check is given by reconcile. */
export interface CheckRoom {
  /** One state of the store. */
  db: Db
  /** CAIP-19; undefined: the program has booked nothing yet. */
  asset: string | undefined
  expect(line: Line): Promise<void>
  differ(code: ErrorCode, facts: Facts): void
  onProgress(phase: string, done: number, total: number): void
}

/** A program that keeps records of its own: what they say of the books is derived without the code that booked. */
export interface ProgramCheck {
  program: string
  /** Of transfers that its records alone explain: what check does not expect of them has no cause. */
  codes: readonly string[]
  /** Those of them that are brought in from outside, and that no record stands behind. */
  isOutside?(transfer: Transfer): boolean
  check(room: CheckRoom): Promise<void>
}
