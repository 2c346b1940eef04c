// Gas of phase 1: a snapshot into slots that hold an older cycle's words, and extract over 24 of them.
import type { Figures } from './goals.ts'
import { openGasChain } from './chain.ts'
import { busyWords, fullWords, pushDay, reachSteadyState, STEADY_CYCLE } from './evidence.ts'
import { HOURS, openSystem } from './system.ts'

/** About 1,234 coins a day, so that shares have many nonzero bytes. */
export const POOL = 1_234_567_891_011_121_314_151n

/** Each validator another weight of about 1 coin. */
export function weightOf(index: number): bigint {
  return 10n ** 18n + BigInt(index)
}

export interface DayGas {
  /** The dearest of the 24 pushes. */
  push: bigint
  pushes: bigint
  extract: bigint
}

export async function measureDay(validators: number, weighted: boolean): Promise<DayGas> {
  const chain = await openGasChain()
  try {
    const system = await openSystem(chain, { asset: 'native', weighted, validators, weightOf })
    await reachSteadyState(system, POOL, undefined)
    const gas = (await pushDay(system, STEADY_CYCLE, busyOrFull)).map(({ gasUsed }) => gasUsed)
    const extract = (await system.extract(STEADY_CYCLE)).gasUsed
    return {
      push: gas.reduce((most, each) => (each > most ? each : most)),
      pushes: gas.reduce((sum, each) => sum + each),
      extract,
    }
  } finally {
    await chain.close()
  }
}

/** Every sixth hour all are up, else seven of eight: at 80 % most, but not all, are eligible. */
function busyOrFull(validators: number, hour: number): bigint[] {
  return hour % (HOURS / 4) === 0 ? fullWords(validators) : busyWords(validators, hour)
}

export type EvidenceMetric = Extract<
  keyof Figures,
  `push${string}` | `extract${string}` | `the${string}`
>

export async function measureEvidence(): Promise<Pick<Figures, EvidenceMetric>> {
  const word = await measureDay(256, false)
  const small = await measureDay(1_000, false)
  const large = await measureDay(10_000, false)
  const smallWeighted = await measureDay(1_000, true)
  const largeWeighted = await measureDay(10_000, true)
  return {
    'push a snapshot, 256 validators': Number(word.push),
    'push a snapshot, 1,000 validators': Number(small.push),
    'push a snapshot, 10,000 validators': Number(large.push),
    'extract, a validator of 1,000, equal': perUnit(small.extract, 1_000),
    'extract, a validator of 10,000, equal': perUnit(large.extract, 10_000),
    'extract, a validator of 1,000, weighted': perUnit(smallWeighted.extract, 1_000),
    'extract, a validator of 10,000, weighted': perUnit(largeWeighted.extract, 10_000),
    'the day of a validator of 10,000: 24 pushes and extract': perUnit(
      large.pushes + large.extract,
      10_000,
    ),
  }
}

/** Rounded up to a whole unit of gas, so that a figure never looks better than it is. */
export function perUnit(gas: bigint, units: number): number {
  return Number((gas + BigInt(units) - 1n) / BigInt(units))
}
