import { toBeHex, toQuantity } from 'ethers'
import type { Hex } from '../../keeper/base/schema.ts'
import { CHAIN_ID, GWEI, Refusal } from './model-chain.ts'
import type { ModelBlock, ModelChain, ModelTx, View } from './model-chain.ts'
import { answerView, decodeCall, revertOf } from './model-contract.ts'

const STRANGER = toBeHex(0x57, 20) as Hex

/** JSON-RPC of a truthful node that sees the chain up to a height. Throws a Refusal in geth's words. */
export function answer(
  chain: ModelChain,
  view: View,
  method: string,
  params: readonly unknown[],
): unknown {
  const [first, second] = params
  switch (method) {
    case 'eth_chainId':
      return toQuantity(CHAIN_ID)
    case 'eth_blockNumber':
      return toQuantity(view.height)
    case 'eth_getBlockByNumber':
      return showBlock(chain, blockAt(chain, view, String(first)), second === true)
    case 'eth_getBlockByHash':
      return showBlock(chain, findBlock(view, first as Hex), second === true)
    case 'eth_getTransactionReceipt':
      return receiptOf(view, first as Hex)
    case 'eth_getTransactionByHash':
      return txOf(chain, view, first as Hex)
    case 'eth_getTransactionCount':
      return toQuantity(nonceAt(chain, view, String(second)))
    case 'eth_getBalance':
      return toQuantity(chain.balance)
    case 'eth_getCode':
      return '0x60'
    case 'eth_maxPriorityFeePerGas':
      return toQuantity(GWEI)
    case 'eth_call':
      return callAt(chain, view, first as { data?: string }, String(second))
    case 'eth_sendRawTransaction':
      return chain.submit(String(first))
    default:
      throw new Refusal(`the method ${method} does not exist`)
  }
}

export class CallReverted extends Error {
  readonly data: Hex

  constructor(data: Hex) {
    super('execution reverted')
    this.data = data
  }
}

function blockAt(chain: ModelChain, { fork, height }: View, tag: string): ModelBlock | undefined {
  const { finalDepth } = chain.terms
  if (tag === 'latest' || tag === 'pending') return fork[height]
  if (tag === 'finalized' || tag === 'safe') return fork[Math.max(0, height - finalDepth)]
  return Number(tag) <= height ? fork[Number(tag)] : undefined
}

function findBlock({ fork, height }: View, wanted: Hex): ModelBlock | undefined {
  return fork.slice(0, height + 1).find(({ hash }) => hash === wanted)
}

function showBlock(
  { terms }: ModelChain,
  block: ModelBlock | undefined,
  hasTransactions: boolean,
): unknown {
  if (!block) return null
  const { number, hash, timestamp, baseFee, txs } = block
  const from = (tx: ModelTx): Hex => (tx.by === 'stranger' ? STRANGER : terms.sender)
  return {
    number: toQuantity(number),
    hash,
    timestamp: toQuantity(timestamp),
    baseFeePerGas: toQuantity(baseFee),
    transactions: txs.map((tx) =>
      hasTransactions
        ? { hash: tx.hash, from: from(tx), nonce: toQuantity(tx.nonce ?? 0) }
        : tx.hash,
    ),
  }
}

export interface Mined {
  block: ModelBlock
  tx: ModelTx
}

export function findMined({ fork, height }: View, hash: Hex): Mined | undefined {
  for (let number = height; number >= 0; number -= 1) {
    const block = fork[number] as ModelBlock
    const tx = block.txs.find((one) => one.hash === hash)
    if (tx) return { block, tx }
  }
  return undefined
}

export function hasSucceeded({ block, tx }: Mined): boolean {
  const execution = block.state.findLast(({ hash }) => hash === tx.hash)
  return tx.call.kind === 'none' || execution?.succeeded === true
}

function receiptOf(view: View, hash: Hex): unknown {
  const mined = findMined(view, hash)
  return mined ? showReceipt(mined, hasSucceeded(mined)) : null
}

function showReceipt({ block, tx }: Mined, succeeded: boolean): unknown {
  return {
    transactionHash: tx.hash,
    blockNumber: toQuantity(block.number),
    blockHash: block.hash,
    status: succeeded ? '0x1' : '0x0',
    gasUsed: toQuantity(tx.gasLimit / 2n),
    effectiveGasPrice: toQuantity(block.baseFee + tx.tip),
  }
}

function txOf(chain: ModelChain, view: View, hash: Hex): unknown {
  const mined = findMined(view, hash)
  const tx = mined?.tx ?? chain.pooled().find((one) => one.hash === hash)
  if (!tx) return null
  const place = mined && { blockHash: mined.block.hash, number: toQuantity(mined.block.number) }
  return {
    hash,
    nonce: toQuantity(tx.nonce ?? 0),
    from: chain.terms.sender,
    blockHash: place?.blockHash ?? null,
    blockNumber: place?.number ?? null,
  }
}

function nonceAt(chain: ModelChain, view: View, tag: string): number {
  const mined = blockAt(chain, view, tag)?.nonce ?? 0
  if (tag !== 'pending') return mined
  let next = mined
  while (chain.pooled().some(({ nonce }) => nonce === next)) next += 1
  return next
}

function callAt(
  chain: ModelChain,
  view: View,
  { data = '0x' }: { data?: string },
  tag: string,
): Hex {
  const state = blockAt(chain, view, tag)?.state ?? []
  const shown = answerView(state, data, chain.terms.members)
  if (shown) return shown
  const revert = revertOf(state, decodeCall(data))
  if (revert) throw new CallReverted(revert)
  return '0x'
}

/** A receipt in a block that nobody else knows. */
export function madeUpReceipt(view: View, hash: Hex): unknown {
  const block = view.fork[view.height] as ModelBlock
  const tx: ModelTx = {
    hash,
    by: 'keeper',
    nonce: undefined,
    call: { kind: 'none' },
    cost: 0n,
    gasLimit: 42_000n,
    maxFee: 0n,
    tip: 0n,
  }
  return showReceipt({ block: { ...block, hash: toBeHex(0xbadn, 32) as Hex }, tx }, true)
}
