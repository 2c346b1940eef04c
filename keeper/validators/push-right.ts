import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Cycle } from '../base/time.ts'
import { readReporters } from './reporters.ts'
import type { ReporterTerm } from './reporters.ts'
import type { ValidatorsRoom } from './room.ts'
import { FOREVER } from './roster.ts'

/**
 * What the contract means when it refuses a push of our key: NOT_REPORTER with the reason, else the error as
 * it is. `from` is in the facts of a monitor whose first cycle is still to come: it only has to wait.
 */
export async function explainRefusal(
  room: Pick<ValidatorsRoom, 'client' | 'contracts' | 'reporter'>,
  cycle: Cycle,
  error: unknown,
): Promise<unknown> {
  if (!isKeeperError(error, 'TX_WOULD_REVERT') || error.facts['error'] !== 'NotReporter') {
    return error
  }
  const { address: reporter } = room.reporter
  const terms = await readReporters(room)
  const term = terms.findLast((each) => each.reporter === reporter)
  const from = isToCome(term, cycle) ? term?.from : undefined
  return new KeeperError('NOT_REPORTER', { reporter, cycle, reason: reasonOf(term, cycle), from })
}

/** A key whose cycles have not come yet is no fault. */
export function isEarly(error: unknown): error is KeeperError {
  return isKeeperError(error, 'NOT_REPORTER') && error.facts['from'] !== undefined
}

function isToCome(term: ReporterTerm | undefined, cycle: Cycle): boolean {
  return term !== undefined && !term.expelled && term.from > cycle && term.to >= term.from
}

function reasonOf(term: ReporterTerm | undefined, cycle: Cycle): string {
  if (!term) return 'it has never been a reporter'
  if (term.expelled) return 'the guardian has expelled it'
  if (isToCome(term, cycle)) return `it is a reporter from cycle ${term.from} on`
  return term.to === FOREVER ? 'the registry refuses it' : `it was removed, after cycle ${term.to}`
}
