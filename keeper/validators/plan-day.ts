import type { Wei } from '../base/amount.ts'
import { isKeeperError } from '../base/errors.ts'
import { hourOf, hoursOf, SECONDS_PER_HOUR, startOfHour } from '../base/time.ts'
import type { Cycle, Hour } from '../base/time.ts'
import { countBits } from '../heartbeat/words.ts'
import { readCycle } from './cycle-facts.ts'
import { hasUnpaid, nextStep } from './cycle.ts'
import type { CycleFacts, CycleState, Step } from './cycle.ts'
import { dueCycle } from './day.ts'
import { shapeOf } from './extract.ts'
import { MAX_TX_GAS, extractGas, maxPayees, pageWords, transferGas } from './gas.ts'
import type { ChainRoom } from './room.ts'
import { toSlices } from './slices.ts'
import { termsOf } from './transfer.ts'

/** What running the day now would send, and what it may cost at most. Nothing is sent, no key is needed. */
export interface DayPlan {
  cycle: Cycle
  block: number
  state: CycleState
  next: Step
  /** Hours of the cycle that are over, still taken, and not on the chain. */
  hours: Hour[]
  /** Transactions of phase 1. */
  extracts: number
  /** Payees of phase 2: who is unpaid, or before extract who would be eligible now. */
  payees: number
  batchSize: number
  batches: number
  /** The limits of all of them together: what is not used is not charged. */
  gasLimit: bigint
  pool: Wei
}

export async function planDay(
  room: ChainRoom & { batchSize: number },
  cycle?: Cycle,
): Promise<DayPlan> {
  const facts = await readCycle(room, cycle ?? (await cycleToPlan(room)))
  const next = nextStep(facts)
  const extract = await planExtract(room, facts)
  const transfer = await planTransfer(room, facts)
  return {
    cycle: facts.cycle,
    block: facts.block,
    state: facts.state,
    next,
    hours: openHours(room, facts),
    extracts: extract.count,
    payees: transfer.payees,
    batchSize: transfer.batchSize,
    batches: transfer.batches,
    gasLimit: extract.gasLimit + transfer.gasLimit,
    pool: transfer.pool,
  }
}

/** The one that is due, or the open one: then the plan says until when. */
async function cycleToPlan(room: ChainRoom): Promise<Cycle> {
  try {
    return await dueCycle(room)
  } catch (error) {
    if (!isKeeperError(error, 'NO_CLOSED_CYCLE')) throw error
    return Number(error.facts['cycle'])
  }
}

function openHours({ contracts }: ChainRoom, { cycle, state, missing, now }: CycleFacts): Hour[] {
  if (state !== 'none') return []
  const { firstCut, pushWindow } = contracts.deployment
  const isMissing = new Set(missing)
  return hoursOf(hourOf(firstCut), cycle).filter((hour) => {
    const end = startOfHour(hour) + SECONDS_PER_HOUR
    return isMissing.has(hour) && end <= now && now < end + pushWindow
  })
}

async function planExtract(
  room: ChainRoom,
  facts: CycleFacts,
): Promise<{ count: number; gasLimit: bigint }> {
  if (facts.state !== 'none' && facts.state !== 'counting') return { count: 0, gasLimit: 0n }
  const shape = await shapeOf(room, facts)
  const words = pageWords(shape)
  if (words === undefined) return { count: 1, gasLimit: extractGas(shape) }
  // The weighted split counts each page twice, and the last page also closes the cycle.
  const rounds = shape.weighted ? 2 : 1
  const count = Math.ceil(shape.words / words) * rounds
  return { count, gasLimit: BigInt(count) * MAX_TX_GAS }
}

interface TransferPlan {
  payees: number
  batchSize: number
  batches: number
  gasLimit: bigint
  pool: Wei
}

async function planTransfer(
  room: ChainRoom & { batchSize: number },
  facts: CycleFacts,
): Promise<TransferPlan> {
  const terms = await termsOf(room, facts.cycle)
  const batchSize = Math.min(room.batchSize, maxPayees(terms))
  const limitOf = (payees: number, words: number): bigint => transferGas(payees, words, terms)
  if (facts.state === 'settled') {
    const slices = hasUnpaid(facts) ? toSlices(facts.unpaid, batchSize) : []
    const gasLimit = slices.reduce(
      (sum, { payees, words }) => sum + limitOf(payees, words.length),
      0n,
    )
    const payees = hasUnpaid(facts) ? countBits(facts.unpaid) : 0
    return { payees, batchSize, batches: slices.length, gasLimit, pool: facts.pool }
  }
  if (facts.state !== 'none') return { payees: 0, batchSize, batches: 0, gasLimit: 0n, pool: 0n }
  const preview = await room.contracts.rewards.previewExtract(facts.cycle)
  const payees = Number(preview.eligible)
  const batches = Math.ceil(payees / batchSize)
  // Which words they lie in is not known yet: a batch of neighbours touches few.
  const words = Math.min(facts.words, Math.ceil(batchSize / WORD) + 1)
  const gasLimit = BigInt(batches) * limitOf(Math.min(batchSize, payees), words)
  return { payees, batchSize, batches, gasLimit, pool: preview.pool }
}

const WORD = 256
