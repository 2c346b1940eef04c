import { KeeperError } from '../../base/errors.ts'
import type { Program } from '../../payouts/program.ts'
import { MANUAL, MANUAL_NUMBER, manualProgram } from '../../programs/manual/program.ts'
import { PARTNERS, PARTNERS_NUMBER } from '../../programs/partners/names.ts'
import { partnersProgram } from '../../programs/partners/program.ts'

/** A program as it is known before its contract is asked for the asset. */
export interface KnownProgram {
  id: string
  /** In the contract. */
  number: number
  /** With nothing new to award: to settle and pay what is on record. */
  open(asset: string): Program
}

/** Every program that may be paid. */
export const KNOWN_PROGRAMS: readonly KnownProgram[] = [
  {
    id: MANUAL,
    number: MANUAL_NUMBER,
    open: (asset) => manualProgram({ rows: [], asset, at: 0 }),
  },
  { id: PARTNERS, number: PARTNERS_NUMBER, open: partnersProgram },
]

export function knownProgram(name: string): KnownProgram {
  const found = KNOWN_PROGRAMS.find(({ id }) => id === name)
  if (found) return found
  const known = KNOWN_PROGRAMS.map(({ id }) => id)
  throw new KeeperError('PROGRAM_UNKNOWN', { program: name, known })
}
