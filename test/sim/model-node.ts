import { Transaction, toQuantity } from 'ethers'
import { KeeperError } from '../../keeper/base/errors.ts'
import type { Hex } from '../../keeper/base/schema.ts'
import { faultOfMessage } from '../../keeper/chain/rpc/rpc-fault.ts'
import type { Transport } from '../../keeper/chain/rpc/transport.ts'
import { CallReverted, answer, madeUpReceipt } from './model-answers.ts'
import { Refusal } from './model-chain.ts'
import type { ModelChain, View } from './model-chain.ts'
import type { Random } from './random.ts'
import type { SimTime } from './sim-time.ts'

/** How a node misbehaves for a while. */
export const NODE_FAULTS = [
  /** Refuses every connection. */
  'down',
  /** Takes the question and never answers. */
  'hung',
  /** Every third answer is lost on the way, after the question was carried out. */
  'lossy',
  'rate-limited',
  /** Some blocks behind. */
  'lagging',
  /** Does not find receipts that it has; every other time, or never. */
  'forgetful',
  'blind',
  /** Stands still at the fork it knew, whatever the others do. */
  'stale',
  /** Takes a transaction, answers with its hash, and forgets it. */
  'dropping',
  /** Wants a higher price for no reason. */
  'dear',
] as const

/** 'lying' makes up receipts, nonces and heights: only where others can outvote it. */
export type NodeMode = 'well' | 'lying' | (typeof NODE_FAULTS)[number]

export interface ModelNode extends Transport {
  readonly mode: NodeMode
  behave(mode: NodeMode): void
}

export interface NodeOptions {
  name: string
  chain: ModelChain
  time: SimTime
  random: Random
  timeoutMs: number
  words: Words
  note(line: string): void
}

/** How a kind of node says no. 'mute' says the same for everything: only hashes tell then. */
export type Words = 'geth' | 'hardhat' | 'parity' | 'mute'

const REWORDED: Record<Words, readonly [RegExp, string][]> = {
  geth: [],
  hardhat: [
    [/already known/, 'Known transaction: 0x00'],
    [/nonce too low/, 'Transaction nonce too low. Expected nonce to be at least 4 but got 1.'],
    [/underpriced/, 'Replacement transaction underpriced.'],
    [/insufficient funds/, "Sender doesn't have enough funds to send tx."],
  ],
  parity: [
    [/already known/, 'Transaction with the same hash was already imported.'],
    [/nonce too low/, 'Transaction nonce is too low. Try incrementing the nonce.'],
    [/underpriced/, 'Transaction gas price is too low: could not replace existing tx.'],
    [/insufficient funds/, 'Insufficient funds. The account has not enough balance.'],
  ],
  mute: [[/./, 'internal error']],
}

function reword(words: Words, message: string): string {
  return REWORDED[words].find(([pattern]) => pattern.test(message))?.[1] ?? message
}

const MAX_LATENCY_MS = 40
const MAX_LAG = 3
const ONE_IN_THREE = 333
const HALF = 500
// More than a node could be ahead by: an honest one is not mistaken for it.
const LIE_AHEAD = 7

export function createNode(options: NodeOptions): ModelNode {
  const { name, chain, time, random, timeoutMs } = options
  const url = `http://${name}.invalid`
  const wait = (ms: number): Promise<void> => new Promise((done) => void time.after(ms, done))
  let mode: NodeMode = 'well'
  let stale: View | undefined
  return {
    url,
    get mode() {
      return mode
    },
    behave: (wanted) => {
      mode = wanted
      const { fork, height } = chain.view()
      // A copy: the fork goes on growing under the others.
      stale = wanted === 'stale' ? { fork: [...fork], height } : undefined
    },
    request: async (method, params, deadlineMs = timeoutMs) => {
      const lost = (reason: string): KeeperError =>
        new KeeperError('RPC_UNAVAILABLE', { url, method, reason })
      await wait(random.between(1, MAX_LATENCY_MS))
      if (mode === 'down') throw lost('connection refused')
      if (mode === 'rate-limited') throw refused(method, 'too many requests, 429')
      if (mode === 'hung') {
        await wait(Math.min(deadlineMs, timeoutMs))
        throw lost('no answer in time')
      }
      const told = tell(options, mode, stale ?? chain.view(), { method, params })
      const isLost = mode === 'lossy' && random.chance(ONE_IN_THREE)
      if (isLost) throw lost('the answer was lost')
      if ('fault' in told) throw told.fault
      return told.value
    },
  }
}

interface Question {
  method: string
  params: readonly unknown[]
}

type Told = { value: unknown } | { fault: KeeperError }

/** Never throws: what was carried out is carried out, even if the answer is lost afterwards. */
function tell(
  options: NodeOptions,
  mode: NodeMode,
  seen: View,
  { method, params }: Question,
): Told {
  const { chain, random, name, note } = options
  const view = laggingView(seen, mode === 'lagging' ? random.between(1, MAX_LAG) : 0)
  try {
    const false_ = falseAnswer(options, mode, view, method, params)
    if (false_ !== undefined) {
      note(`${name} (${mode}) answers ${method} falsely`)
      return { value: false_ }
    }
    return { value: answer(chain, view, method, params) }
  } catch (error) {
    if (error instanceof Refusal) {
      return { fault: refused(method, reword(options.words, error.message)) }
    }
    if (error instanceof CallReverted) return { fault: refused(method, error.message, error.data) }
    throw error
  }
}

function laggingView({ fork, height }: View, lag: number): View {
  return { fork, height: Math.max(0, height - lag) }
}

/** Undefined: this question is answered truthfully. */
function falseAnswer(
  { random }: NodeOptions,
  mode: NodeMode,
  view: View,
  method: string,
  params: readonly unknown[],
): unknown {
  const [first] = params
  const isSend = method === 'eth_sendRawTransaction'
  const isReceipt = method === 'eth_getTransactionReceipt'
  if (mode === 'dropping' && isSend) return Transaction.from(String(first)).hash
  if (mode === 'dear' && isSend) throw new Refusal('transaction underpriced')
  if (mode === 'forgetful' && isReceipt && random.chance(HALF)) return null
  if (mode === 'blind' && isReceipt) return null
  if (mode !== 'lying') return undefined
  if (isReceipt) return random.chance(HALF) ? madeUpReceipt(view, first as Hex) : null
  if (method === 'eth_getTransactionByHash') return null
  if (method === 'eth_getTransactionCount') return toQuantity(lieAbout(random, view.height))
  if (method === 'eth_blockNumber') return toQuantity(view.height + LIE_AHEAD)
  if (isSend) return Transaction.from(String(first)).hash
  return undefined
}

function lieAbout(random: Random, height: number): number {
  return random.chance(HALF) ? 0 : height + LIE_AHEAD
}

function refused(method: string, message: string, data?: Hex): KeeperError {
  const fault = data === undefined ? faultOfMessage(message) : 'reverted'
  return new KeeperError('RPC_REFUSED', { method, fault, message, ...(data ? { data } : {}) })
}
