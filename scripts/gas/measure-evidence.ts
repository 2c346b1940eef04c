// Gas of phase 1: a snapshot into slots that hold an older cycle's words, and extract over 24 of them.
import type { Figures } from './goals.ts'
import { openGasChain } from './chain.ts'
import { busyWords, fullWords, pushDay, reachSteadyState, STEADY_CYCLE } from './evidence.ts'
import { HOURS, openSystem } from './system.ts'

/** 1,234.567891 coins a day: shares that have many nonzero bytes. */
export const POOL = 1_234_567_891_011_121_314_151n

export interface DayGas {
  /** The dearest of the 24 pushes. */
  push: bigint
  pushes: bigint
  extract: bigint
}

export async function measureDay(validators: number, weighted: boolean): Promise<DayGas> {
  const chain = await openGasChain()
  try {
    const weightOf = (index: number): bigint => 10n ** 18n + BigInt(index)
    const system = await openSystem(chain, { asset: 'native', weighted, validators, weightOf })
    await reachSteadyState(system, POOL, undefined)
    const receipts = await pushDay(system, STEADY_CYCLE, busyOrFull)
    const gas = receipts.map((receipt) => receipt.gasUsed)
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

/** Every sixth hour all are up; else seven of eight: at 80 % most, but not all, are eligible. */
function busyOrFull(validators: number, hour: number): bigint[] {
  return hour % (HOURS / 4) === 0 ? fullWords(validators) : busyWords(validators, hour)
}

export async function measureEvidence(): Promise<Figures> {
  const word = await measureDay(256, false)
  const small = await measureDay(1_000, false)
  const large = await measureDay(10_000, false)
  const smallWeighted = await measureDay(1_000, true)
  const largeWeighted = await measureDay(10_000, true)
  return {
    'push a snapshot, 256 validators': Number(word.push),
    'push a snapshot, 1,000 validators': Number(small.push),
    'push a snapshot, 10,000 validators': Number(large.push),
    'extract a validator, equal, 1,000': perUnit(small.extract, 1_000),
    'extract a validator, equal, 10,000': perUnit(large.extract, 10_000),
    'extract a validator, weighted, 1,000': perUnit(smallWeighted.extract, 1_000),
    'extract a validator, weighted, 10,000': perUnit(largeWeighted.extract, 10_000),
    'evidence and extract of a day, a validator, 10,000': perUnit(
      large.pushes + large.extract,
      10_000,
    ),
  }
}

/** Rounded up to a whole unit of gas, so that a figure never looks better than it is. */
export function perUnit(gas: bigint, units: number): number {
  return Number((gas + BigInt(units) - 1n) / BigInt(units))
}
