// A whole cycle of many validators by pages: registered, 24 snapshots, counted page by page, all paid.
import { openGasChain } from './chain.ts'
import type { Receipt } from './chain.ts'
import { fullWords, pushDay } from './evidence.ts'
import { POOL } from './measure-evidence.ts'
import { openSystem, WORD } from './system.ts'
import type { System } from './system.ts'

/** What we let a transaction use: 10 % below EIP-7825's 2^24. */
export const MAX_TX_GAS = 15_000_000n

// A count of 128 words takes about 10.6 M gas.
const WORDS_A_PAGE = 128
// A roster word of fresh native payees takes about 8.9 M gas, so one word is a transaction's worth.
const WORDS_A_BATCH = 1

export interface LargeCycle {
  validators: number
  transactions: number
  /** The dearest transaction of each kind. */
  dearest: Record<'register' | 'push' | 'extract' | 'transfer', bigint>
  eligible: bigint
  pool: bigint
  share: bigint
  /** What is left to pay, over all words. */
  unpaid: bigint
  contractBalance: bigint
}

export async function runLargeCycle(validators: number): Promise<LargeCycle> {
  const chain = await openGasChain()
  try {
    const system = await openSystem(chain, { asset: 'native', weighted: false, validators })
    await system.fund(POOL)
    const pushes = await pushDay(system, 1, fullWords)
    const pages = await extractByPages(system)
    const transfers = await payAll(system)
    const [cycle] = await system.read('cycle', [1])
    const [books] = await system.read('books', [])
    const facts = cycle as { eligible: bigint; pool: bigint }
    const { unpaid, balance } = books as { unpaid: bigint; balance: bigint }
    return {
      validators,
      transactions: system.registered.length + pushes.length + pages.length + transfers.length,
      dearest: {
        register: dearestOf(system.registered),
        push: dearestOf(pushes),
        extract: dearestOf(pages),
        transfer: dearestOf(transfers),
      },
      eligible: facts.eligible,
      pool: facts.pool,
      share: facts.pool / facts.eligible,
      unpaid,
      contractBalance: balance,
    }
  } finally {
    await chain.close()
  }
}

async function extractByPages(system: System): Promise<Receipt[]> {
  const pages = Math.ceil(system.words / WORDS_A_PAGE)
  const receipts: Receipt[] = []
  for (let page = 0; page < pages; ++page) receipts.push(await system.extractPage(1, WORDS_A_PAGE))
  return receipts
}

async function payAll(system: System): Promise<Receipt[]> {
  const receipts: Receipt[] = []
  for (let first = 0; first < system.words; first += WORDS_A_BATCH) {
    const count = Math.min(WORDS_A_BATCH, system.words - first)
    const words = Array.from({ length: count }, (_, i) => first + i)
    const masks = words.map(() => 2n ** BigInt(WORD) - 1n)
    receipts.push(await system.transfer(1, words, masks))
  }
  return receipts
}

function dearestOf(receipts: Receipt[]): bigint {
  return receipts.reduce((most, { gasUsed }) => (gasUsed > most ? gasUsed : most), 0n)
}
