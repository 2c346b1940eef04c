/** The keeper with one safeguard taken out: a simulation that does not notice proves nothing. */
export interface Mutant {
  name: string
  /** What could happen without it. */
  because: string
  file: string
  find: string
  replace: string
}

export const MUTANTS: readonly Mutant[] = []
