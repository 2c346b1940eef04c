import { expect } from 'chai'
import { openGasChain } from '../../scripts/gas/chain.ts'
import type { GasChain } from '../../scripts/gas/chain.ts'
import { busyWords, pushDay } from '../../scripts/gas/evidence.ts'
import { POOL, weightOf } from '../../scripts/gas/measure-evidence.ts'
import { MAX_TX_GAS, runLargeCycle } from '../../scripts/gas/measure-large.ts'
import { openSystem } from '../../scripts/gas/system.ts'
import type { System } from '../../scripts/gas/system.ts'

const VALIDATORS = 100_000
/** The contract's MIN_PAGE_WORDS: the smallest page that is not the last. */
const PAGE_WORDS = 16

describe('100,000 validators', () => {
  it('R-22 a whole cycle by pages takes no transaction above 15 M gas and pays everybody', async function () {
    this.timeout(300_000)

    const cycle = await runLargeCycle(VALIDATORS)

    for (const [kind, gas] of Object.entries(cycle.dearest)) {
      expect(gas <= MAX_TX_GAS, `${kind}: ${gas}`).to.equal(true)
    }
    expect(cycle.eligible).to.equal(BigInt(VALIDATORS))
    expect(cycle.unpaid).to.equal(0n)
    // What is left is what flooring carried into the next pool.
    expect(cycle.contractBalance).to.equal(cycle.pool - cycle.share * cycle.eligible)
  })
})

describe('extract by pages', () => {
  // 20 words in pages of 16. The weighted split goes over them twice, and its phases share a page.
  const validators = 5_000
  let chain: GasChain

  before(async () => {
    chain = await openGasChain()
  })

  after(async () => chain.close())

  for (const weighted of [false, true]) {
    it(`R-22 decides the same as one transaction, ${weighted ? 'weighted' : 'equal'} split`, async function () {
      this.timeout(60_000)
      await chain.aside(async () => {
        const system = await openSystem(chain, { asset: 'native', weighted, validators, weightOf })
        await system.fund(POOL)
        await pushDay(system, 1, busyWords)

        const whole = await chain.aside(async () => {
          await system.extract(1)
          return decisionOf(system)
        })
        const calls = await extractByPages(system)

        expect(await decisionOf(system)).to.deep.equal(whole)
        expect(calls).to.equal(weighted ? 3 : 2)
      })
    })
  }
})

async function extractByPages(system: System): Promise<number> {
  const settled = 2n
  let calls = 0
  for (let state = 0n; state !== settled; ++calls) {
    await system.extractPage(1, PAGE_WORDS)
    const [cycle] = await system.read('cycle', [1])
    state = (cycle as { state: bigint }).state
  }
  return calls
}

/** All that extract fixes: the terms, the sums, and who is due. Block times differ, so they are left out. */
async function decisionOf(system: System): Promise<unknown> {
  const [cycle] = await system.read('cycle', [1])
  const { state, weighted, snapshots, words, eligible, pool, allocated, weightSum } =
    cycle as unknown as Record<string, unknown>
  const masks: unknown[] = []
  for (let word = 0; word < system.words; ++word) {
    masks.push((await system.read('unpaidMask', [1, word]))[0])
  }
  const [books] = await system.read('books', [])
  const { pool: left, unpaid } = books as { pool: bigint; unpaid: bigint }
  return {
    state,
    weighted,
    snapshots,
    words,
    eligible,
    pool,
    allocated,
    weightSum,
    masks,
    left,
    unpaid,
  }
}
