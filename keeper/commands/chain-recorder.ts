import { Transaction } from 'ethers'
import type { HardhatHooks } from 'hardhat/types/hooks'
import type { NetworkConnection } from 'hardhat/types/network'
import { ensure } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import type { Clock } from '../base/time.ts'
import type { ChainFile, StoredBlock } from './chain-file.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'

// The chain is told to be at most this far ahead by one call (`hardhat_mine`).
const MAX_BLOCKS_AT_ONCE = 10_000

export type Request = <T>(method: string, params?: readonly unknown[]) => Promise<T>

export interface RpcBlock {
  number: Hex
  hash: Hex
  timestamp: Hex
  mixHash: Hex
  transactions: RpcTransaction[]
}

interface RpcTransaction {
  hash: Hex
  type: Hex
  to: string | null
  nonce: Hex
  gas: Hex
  gasPrice: Hex
  maxFeePerGas?: Hex
  maxPriorityFeePerGas?: Hex
  value: Hex
  input: Hex
  chainId?: Hex
  accessList?: []
  v: Hex
  r: Hex
  s: Hex
}

// What a test may set by hand: written down and done again. Time is in the blocks already.
const KEPT_CALLS =
  /^hardhat_set(Balance|Code|Nonce|StorageAt|Coinbase|NextBlockBaseFeePerGas|MinGasPrice)$/
// What cannot be done again from raw transactions alone.
const REFUSED_CALLS = /^(evm_revert|evm_snapshot|hardhat_reset|hardhat_impersonateAccount)$/
const CHANGING_CALLS = /^(eth_send|evm_mine|hardhat_mine)/

/** The newest block. */
export interface Head {
  number: number
  timestamp: number
  hash: Hex
}

/** Looks at every request to the chain and writes down what changes it. */
export interface Recorder {
  hooks: Partial<HardhatHooks['network']>
  file: ChainFile | undefined
  request: Request
  start(file: ChainFile, head: number, genesis?: Parameters<ChainFile['append']>[0]): void
  block(number: number): Promise<StoredBlock>
  head(): Promise<Head>
  tick(seconds: number): Promise<void>
}

export function createRecorder(clock: Clock): Recorder {
  let connection: NetworkConnection<string> | undefined
  let written = 0
  let queue: Promise<void> = Promise.resolve()
  // Our own questions pass the hook without being looked at.
  const request: Request = async (method, params = []) => {
    ensure(connection, 'INTERNAL', { what: 'no connection' })
    return (await connection.provider.request({ method, params: [...params] })) as never
  }
  const recorder: Recorder = {
    file: undefined,
    request,
    hooks: {
      newConnection: async (context: never, next: (c: never) => Promise<never>) => {
        connection = await next(context)
        return connection
      },
      onRequest: async (context: never, network: never, call: RpcCall, next: Next) => {
        const { file } = recorder
        if (file === undefined) return next(context, network, call)
        ensure(!REFUSED_CALLS.test(call.method), 'CHAIN_CALL_REFUSED', { method: call.method })
        const answer = await next(context, network, call)
        if (CHANGING_CALLS.test(call.method)) await afterQueue(() => writeBlocks(file))
        else if (KEPT_CALLS.test(call.method))
          file.append({ call: { method: call.method, params: call.params ?? [] } })
        return answer
      },
    } as never,
    start: (file, head, genesis) => {
      if (genesis !== undefined) file.append(genesis)
      written = head
      recorder.file = file
    },
    block: async (number) => {
      const block = await request<RpcBlock>('eth_getBlockByNumber', [quantity(number), true])
      return storedBlock(block, clock)
    },
    head: async () => {
      const block = await request<RpcBlock>('eth_getBlockByNumber', ['latest', false])
      return { number: Number(block.number), timestamp: Number(block.timestamp), hash: block.hash }
    },
    tick: async (seconds) => {
      const pending = await request<RpcBlock>('eth_getBlockByNumber', ['pending', false])
      const { timestamp } = await recorder.head()
      if (Number(pending.timestamp) - timestamp >= seconds) await request('evm_mine')
    },
  }
  const afterQueue = (work: () => Promise<void>): Promise<void> => {
    queue = queue.then(work, work)
    return queue
  }
  const writeBlocks = async (file: ChainFile): Promise<void> => {
    const head = Number(await request<Hex>('eth_blockNumber'))
    ensure(head - written <= MAX_BLOCKS_AT_ONCE, 'CHAIN_CALL_REFUSED', { method: 'hardhat_mine' })
    while (written < head) {
      file.append({ block: await recorder.block(written + 1) })
      written += 1
    }
  }
  return recorder
}

interface RpcCall {
  method: string
  params?: readonly unknown[]
}
type Next = (context: never, network: never, call: RpcCall) => Promise<never>

function storedBlock(block: RpcBlock, clock: Clock): StoredBlock {
  return {
    number: Number(block.number),
    timestamp: Number(block.timestamp),
    hash: block.hash,
    prevRandao: block.mixHash,
    transactions: block.transactions.map(rawOf),
    wall: clock.now(),
  }
}

/** The node does not give raw transactions back; they are put together again and checked by hash. */
function rawOf(tx: RpcTransaction): Hex {
  const isDynamic = tx.maxFeePerGas !== undefined
  const raw = Transaction.from({
    type: Number(tx.type),
    to: tx.to,
    nonce: Number(tx.nonce),
    gasLimit: tx.gas,
    value: tx.value,
    data: tx.input,
    chainId: tx.chainId ?? LOCAL_CHAIN_ID,
    ...(tx.accessList === undefined ? {} : { accessList: tx.accessList }),
    ...(isDynamic
      ? { maxFeePerGas: tx.maxFeePerGas, maxPriorityFeePerGas: tx.maxPriorityFeePerGas ?? 0 }
      : { gasPrice: tx.gasPrice }),
    signature: { r: tx.r, s: tx.s, v: tx.v },
  } as never)
  ensure(raw.hash === tx.hash, 'INTERNAL', { what: `raw form of ${tx.hash}` })
  return raw.serialized as Hex
}

export function quantity(value: number): string {
  return `0x${value.toString(16)}`
}
