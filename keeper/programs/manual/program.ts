import type { UnixSeconds } from '../../base/time.ts'
import type { Award, Program } from '../../payouts/program.ts'
import type { PayRow } from './intake.ts'
import { MANUAL_RULES } from './rules.ts'

/** Its number in the contract. */
export const MANUAL_NUMBER = 1
export const MANUAL = 'manual'

export interface ManualOptions {
  rows: readonly PayRow[]
  /** CAIP-19. */
  asset: string
  /** When the file was read: what is new in it is awarded then. */
  at: UnixSeconds
}

/** Payments that a person wrote down; the payee is the address itself. */
export function manualProgram({ rows, asset, at }: ManualOptions): Program {
  return {
    id: MANUAL,
    number: MANUAL_NUMBER,
    asset,
    offer: () => rows.map((row) => awardOf(row, at)),
    rules: () => MANUAL_RULES,
    method: () => 'push',
  }
}

function awardOf({ line, reference, address, amount, reason }: PayRow, at: UnixSeconds): Award {
  return { ref: reference, payee: address, amount, reason: { reason }, effectiveAt: at, line }
}
