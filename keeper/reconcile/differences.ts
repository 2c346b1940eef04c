import type { ErrorCode } from '../base/error-catalogue.ts'
import { KeeperError, describe } from '../base/errors.ts'
import type { ErrorDescription, Facts } from '../base/errors.ts'

export type Difference = Omit<ErrorDescription, 'exitCode'>

// The first ones show what happened; books that lost a month would have millions.
const MAX_LISTED = 200

/** What does not agree, in the order in which it was found. */
export class Differences {
  readonly list: Difference[] = []
  total = 0

  add(code: ErrorCode, facts: Facts): void {
    this.total += 1
    if (this.list.length >= MAX_LISTED) return
    const { exitCode: _, ...told } = describe(new KeeperError(code, facts))
    this.list.push(told)
  }
}
