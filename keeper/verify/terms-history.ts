import { KeeperError } from '../base/errors.ts'
import type { Wei } from '../base/amount.ts'
import type { Cycle } from '../base/time.ts'
import type { ChainEvent, Terms } from './chain-events.ts'

/** The parameters of every cycle: those in force at its opening, but a cap that the guardian lowered. */
export class TermsHistory {
  readonly #steps: { from: Cycle; terms: Terms }[] = []

  apply(event: ChainEvent): void {
    if (event.name === 'ParamsSet') {
      const { fromCycle: from, params: terms } = event.args
      this.#steps.push({ from, terms: { ...terms } })
    }
    if (event.name === 'CapLowered') this.#lower(event.args.cap)
  }

  at(cycle: Cycle): Terms {
    const step = this.#steps.findLast(({ from }) => from <= cycle)
    if (step) return step.terms
    throw new KeeperError('VERIFY_INCOMPLETE', { what: 'no ParamsSet event of the deployment' })
  }

  /** At once, for every cycle not yet decided; those that are decided do not ask any more. */
  #lower(cap: Wei): void {
    for (const { terms } of this.#steps) if (terms.cap > cap) terms.cap = cap
  }
}
