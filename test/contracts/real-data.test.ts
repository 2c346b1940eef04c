// The six whole cycles of the real data set, driven through the contracts at the block times of the real hours and
// held against an implementation that shares no code with them: it reads the file line by line and counts slowly.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect } from 'chai'
import { isoTime, startOfHour } from '../../keeper/base/time.ts'
import { openGasChain } from '../../scripts/gas/chain.ts'
import type { GasChain } from '../../scripts/gas/chain.ts'
import { openSystem } from '../../scripts/gas/system.ts'
import type { System } from '../../scripts/gas/system.ts'

const FILE = join(import.meta.dirname, '..', '..', 'data', 'validators_beats_a.csv.gz')
const VALIDATORS = 900
/** 2024-11-22 18:00 UTC, the first cut in the file. */
const FIRST_HOUR = 481_194
const HOURS = 24
const CYCLES = [
  { cycle: 1, eligible: 859, hours: 20_312 },
  { cycle: 2, eligible: 860, hours: 20_316 },
  { cycle: 3, eligible: 859, hours: 20_338 },
  { cycle: 4, eligible: 854, hours: 20_096 },
  { cycle: 5, eligible: 806, hours: 19_165 },
  { cycle: 6, eligible: 808, hours: 19_151 },
]
const POOL = 900_000n

describe('the real data set in the contracts', () => {
  let chain: GasChain
  let system: System
  const rows = readRows()
  const validators = [...new Set(rows.map(({ validator }) => validator))]

  before(async () => {
    // The day before, so that the validators count from the first cycle on.
    chain = await openGasChain(isoTime(startOfHour(FIRST_HOUR - HOURS)))
    system = await openSystem(chain, {
      asset: 'native',
      weighted: false,
      validators: VALIDATORS,
      firstCut: startOfHour(FIRST_HOUR),
      nodeOf: (index) => validators[index] ?? '',
      fundOf: (index) => validators[index] ?? '',
    })
    await system.fund(POOL)
  })

  after(async () => chain.close())

  it('has 900 validators', () => {
    expect(validators).to.have.length(VALIDATORS)
  })

  for (const { cycle, eligible, hours } of CYCLES) {
    it(`Z-05 cycle ${cycle}: ${eligible} eligible, ${hours.toLocaleString('en-US')} hours online`, async function () {
      this.timeout(60_000)
      const online = onlineHours(cycle)

      for (let hour = 0; hour < HOURS; ++hour) await system.push(cycle, hour, wordsAt(cycle, hour))

      const appearances = await appearancesIn(cycle)
      expect(appearances).to.deep.equal(validators.map((each) => online.get(each)))
      expect(appearances.reduce((sum, each) => sum + each, 0)).to.equal(hours)
      const expected = validators.filter(
        (each) => (online.get(each) ?? 0) * 10_000 >= 8_000 * HOURS,
      )
      const listed = await system.read('getNodeList(uint256,uint32)', [8_000, cycle])
      expect(lowerCase(listed[0])).to.deep.equal(expected)
      expect(expected).to.have.length(eligible)
      await extractAndCompare(cycle, expected)
    })
  }

  /** Extract fixes exactly the expected validators, and all get the same. */
  async function extractAndCompare(cycle: number, expected: string[]): Promise<void> {
    const share = (await poolOf(cycle)) / BigInt(expected.length)

    await system.extract(cycle)

    const masks: bigint[] = []
    for (let word = 0; word < system.words; ++word) {
      masks.push((await system.read('unpaidMask', [cycle, word]))[0] as bigint)
    }
    const due = validators.filter((_, i) => ((masks[i >> 8] ?? 0n) >> BigInt(i & 255)) & 1n)
    expect(due).to.deep.equal(expected)
    const first = validators.indexOf(expected[0] ?? '')
    expect((await system.read('rewardOf', [cycle, first]))[0]).to.equal(share)
    // The next cycle's pool is what flooring carried: fund it anew.
    await system.fund(POOL)
  }

  async function poolOf(cycle: number): Promise<bigint> {
    return (await system.read('poolOf', [cycle]))[0] as bigint
  }

  async function appearancesIn(cycle: number): Promise<number[]> {
    const counts: number[] = []
    for (let i = 0; i < VALIDATORS; ++i) {
      const [count] = await system.read('appearances(uint32,uint32)', [i, cycle])
      counts.push(Number(count))
    }
    return counts
  }

  /** Counted the slow way: a row at a time. */
  function onlineHours(cycle: number): Map<string, number> {
    const counts = new Map(validators.map((validator) => [validator, 0]))
    const first = FIRST_HOUR + (cycle - 1) * HOURS
    for (const { validator, hour, isOnline } of rows) {
      if (hour < first || hour >= first + HOURS || !isOnline) continue
      counts.set(validator, (counts.get(validator) ?? 0) + 1)
    }
    return counts
  }

  function wordsAt(cycle: number, hourOfCycle: number): bigint[] {
    const hour = FIRST_HOUR + (cycle - 1) * HOURS + hourOfCycle
    const words = Array.from({ length: system.words }, () => 0n)
    for (const row of rows) {
      if (row.hour !== hour || !row.isOnline) continue
      const index = validators.indexOf(row.validator)
      words[index >> 8] = (words[index >> 8] ?? 0n) | (1n << BigInt(index & 255))
    }
    return words
  }
})

interface Row {
  validator: string
  hour: number
  isOnline: boolean
}

function readRows(): Row[] {
  const lines = gunzipSync(readFileSync(FILE)).toString('utf8').trim().split('\n')
  return lines.slice(1).map((line) => {
    const [validator = '', hour, expected, seen] = line.split(',')
    // The origin's rule: 47 of 80 beats an hour.
    const isOnline = Number(seen) * 80 >= Number(expected) * 47
    return { validator: validator.toLowerCase(), hour: Number(hour), isOnline }
  })
}

function lowerCase(addresses: unknown): string[] {
  return [...(addresses as string[])].map((address) => address.toLowerCase())
}
