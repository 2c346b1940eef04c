import { Transaction, toBeHex } from 'ethers'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { decodeCall, execute } from './model-contract.ts'
import type { Call, ContractState, Execution } from './model-contract.ts'

export const CHAIN_ID = 31_337
export const GWEI = 10n ** 9n

export interface ModelTx {
  hash: Hex
  by: Execution['by']
  /** Strangers' nonces are their own business: undefined. */
  nonce: number | undefined
  call: Call
  cost: bigint
  gasLimit: bigint
  maxFee: bigint
  tip: bigint
}

export interface ModelBlock {
  number: number
  hash: Hex
  timestamp: number
  baseFee: bigint
  txs: readonly ModelTx[]
  /** After it: what a reorg goes back to. */
  nonce: number
  state: ContractState
}

/** The blocks up to a height on one fork: what a node believes at a moment. */
export interface View {
  fork: readonly ModelBlock[]
  height: number
}

export interface ChainTerms {
  sender: Address
  contract: Address
  members: bigint
  /** Blocks below the head that the chain calls finalized. */
  finalDepth: number
  startMs: number
}

export interface ModelChain {
  readonly terms: ChainTerms
  baseFee: bigint
  balance: bigint
  view(): View
  /** Refuses in geth's words. */
  submit(raw: string): Hex
  /** A foreign transaction of our own key, or a stranger's. It is worth more to a miner than ours. */
  intrude(by: 'stranger' | 'foreign', call: Call, nonce?: number): ModelTx
  mine(nowMs: number, isLeftOut: (tx: ModelTx) => boolean): ModelBlock
  /** Takes blocks away. What was in them comes back to the pool, or does not. */
  reorg(depth: number, returns: (tx: ModelTx) => boolean): number
  drop(isDropped: (tx: ModelTx) => boolean): void
  pooled(): readonly ModelTx[]
}

export class Refusal extends Error {}

const REPLACE_PERCENT = 110n
const PERCENT = 100n
// geth's default for one account, beyond what is executable.
const MAX_QUEUED = 64

export function createChain(terms: ChainTerms): ModelChain {
  let fork: ModelBlock[] = [genesisOf(terms)]
  let pool: ModelTx[] = []
  let made = 0
  const head = (): ModelBlock => fork.at(-1) as ModelBlock
  const nextHash = (): Hex => {
    made += 1
    return toBeHex(0xb10cn * 2n ** 64n + BigInt(made), 32) as Hex
  }
  const model: ModelChain = {
    terms,
    baseFee: 10n * GWEI,
    balance: 10n ** 24n,
    view: () => ({ fork, height: fork.length - 1 }),
    submit: (raw) => {
      const tx = parse(raw)
      pool = admit(pool, tx, { nonce: head().nonce, balance: model.balance })
      return tx.hash
    },
    intrude: (by, call, nonce) => {
      const fees = { cost: 0n, gasLimit: 0n, maxFee: 10n ** 15n, tip: 10n ** 15n }
      const tx = { hash: nextHash(), by, call, nonce, ...fees }
      pool = [...pool.filter((other) => nonce === undefined || other.nonce !== nonce), tx]
      return tx
    },
    mine: (nowMs, isLeftOut) => {
      const taken = executable(pool, head().nonce, model.baseFee, isLeftOut)
      const block = sealed(head(), taken, terms, model.baseFee, nextHash(), nowMs)
      fork.push(block)
      pool = pool.filter((tx) => !taken.includes(tx) && (tx.nonce ?? block.nonce) >= block.nonce)
      return block
    },
    reorg: (wanted, returns) => {
      const depth = Math.min(wanted, fork.length - 1)
      const gone = fork.slice(fork.length - depth)
      // A new list: a node that has not heard of it keeps the old one.
      fork = fork.slice(0, fork.length - depth)
      const back = gone.flatMap(({ txs }) => txs).filter((tx) => returns(tx))
      pool = [...back, ...pool.filter((tx) => !back.some(({ nonce }) => isSame(nonce, tx.nonce)))]
      return depth
    },
    drop: (isDropped) => {
      pool = pool.filter((tx) => !isDropped(tx))
    },
    pooled: () => pool,
  }
  return model
}

function isSame(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && a === b
}

function genesisOf({ startMs }: ChainTerms): ModelBlock {
  const timestamp = Math.floor(startMs / 1000)
  const hash = toBeHex(0xb10cn * 2n ** 64n, 32) as Hex
  return { number: 0, hash, timestamp, baseFee: 10n * GWEI, txs: [], nonce: 0, state: [] }
}

// Taking a transaction apart recovers its sender, which is the dearest step of a schedule.
const parsed = new Map<string, ModelTx>()
const MAX_PARSED = 500

function parse(raw: string): ModelTx {
  const known = parsed.get(raw)
  if (known) return known
  if (parsed.size >= MAX_PARSED) parsed.clear()
  const tx = Transaction.from(raw)
  const maxFee = tx.maxFeePerGas ?? 0n
  const model: ModelTx = {
    hash: tx.hash as Hex,
    by: 'keeper',
    nonce: tx.nonce,
    call: decodeCall(tx.data),
    cost: tx.value + tx.gasLimit * maxFee,
    gasLimit: tx.gasLimit,
    maxFee,
    tip: tx.maxPriorityFeePerGas ?? 0n,
  }
  parsed.set(raw, model)
  return model
}

function admit(
  pool: readonly ModelTx[],
  tx: ModelTx,
  account: { nonce: number; balance: bigint },
): ModelTx[] {
  const nonce = tx.nonce ?? 0
  if (pool.some(({ hash }) => hash === tx.hash)) throw new Refusal('already known')
  if (nonce < account.nonce) {
    throw new Refusal(`nonce too low: next nonce ${account.nonce}, tx nonce ${nonce}`)
  }
  if (nonce > account.nonce + MAX_QUEUED) throw new Refusal('nonce too high')
  if (tx.cost > account.balance) {
    throw new Refusal('insufficient funds for gas * price + value: address')
  }
  const rival = pool.find((other) => other.nonce === nonce)
  if (rival && !outbids(tx, rival)) throw new Refusal('replacement transaction underpriced')
  return [...pool.filter((other) => other !== rival), tx]
}

function outbids(tx: ModelTx, rival: ModelTx): boolean {
  const isHigher = (ours: bigint, theirs: bigint): boolean => {
    return ours * PERCENT >= theirs * REPLACE_PERCENT
  }
  return isHigher(tx.maxFee, rival.maxFee) && isHigher(tx.tip, rival.tip)
}

/** Strangers' as they come; ours only in the order of their nonces, without a gap. */
function executable(
  pool: readonly ModelTx[],
  nonce: number,
  baseFee: bigint,
  isLeftOut: (tx: ModelTx) => boolean,
): ModelTx[] {
  const isWanted = (tx: ModelTx): boolean => tx.maxFee >= baseFee && !isLeftOut(tx)
  const taken = pool.filter((tx) => tx.nonce === undefined && isWanted(tx))
  for (let next = nonce; ; next += 1) {
    const tx = pool.find((one) => one.nonce === next)
    if (!tx || !isWanted(tx)) return taken
    taken.push(tx)
  }
}

function sealed(
  parent: ModelBlock,
  txs: readonly ModelTx[],
  { members }: ChainTerms,
  baseFee: bigint,
  hash: Hex,
  nowMs: number,
): ModelBlock {
  let { state, nonce } = parent
  for (const tx of txs) {
    state = execute(state, tx, members)
    if (tx.nonce !== undefined) nonce = tx.nonce + 1
  }
  const number = parent.number + 1
  return { number, hash, timestamp: Math.floor(nowMs / 1000), baseFee, txs, nonce, state }
}
