import { JsonRpcApiProvider, Network } from 'ethers'
import type { JsonRpcError, JsonRpcPayload, JsonRpcResult } from 'ethers'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { RpcFault } from './rpc-fault.ts'
import { httpTransport } from './transport.ts'
import type { Transport } from './transport.ts'

export type BlockTag = 'latest' | 'safe' | 'finalized' | 'pending' | number

export interface Block {
  number: number
  hash: Hex
  timestamp: UnixSeconds
  baseFee: Wei
}

export interface Receipt {
  hash: Hex
  blockNumber: number
  blockHash: Hex
  succeeded: boolean
  gasUsed: bigint
  gasPrice: Wei
}

export interface CallFields {
  from?: Address
  to: Address
  data?: Hex
  value?: Wei
  gas?: bigint
}

export interface ChainClient {
  readonly chainId: number
  /** For the typed reads and log queries of TypeChain contracts; never for sending. */
  readonly provider: JsonRpcApiProvider
  request<T = unknown>(method: string, params?: readonly unknown[]): Promise<T>
  blockNumber(): Promise<number>
  /** Undefined when the chain has no such block. */
  block(tag: BlockTag): Promise<Block | undefined>
  /** Transactions of the account that the chain has counted: its next nonce. */
  nonceOf(address: Address, tag?: BlockTag): Promise<number>
  balanceOf(address: Address): Promise<Wei>
  receipt(hash: Hex): Promise<Receipt | undefined>
  call(fields: CallFields, tag?: BlockTag): Promise<Hex>
  codeAt(address: Address): Promise<Hex>
  suggestedTip(): Promise<Wei>
  sendRaw(raw: Hex): Promise<Hex>
  /** Has any endpoint the transaction, waiting or mined? What a refusal meant is told by this alone. */
  knows(hash: Hex): Promise<boolean>
  /** Every configured endpoint answered, and none has the transaction or its receipt. */
  isAbsentEverywhere(hash: Hex): Promise<boolean>
  /** What each endpoint says by itself, in configured order. */
  each<T = unknown>(method: string, params?: readonly unknown[]): Promise<EndpointAnswer<T>[]>
  /** How many endpoints must agree before something counts; 1 means that one node is trusted. */
  readonly quorum: number
  endpoints(): EndpointStatus[]
  /** Requests so far, a row for each endpoint and method. */
  stats(): RequestStats[]
  close(): void
}

export interface EndpointAnswer<T> {
  url: string
  answer?: T
  error?: unknown
}

export interface EndpointStatus {
  /** For showing: without credentials. */
  url: string
  state: 'closed' | 'open' | 'half-open'
  /** In a row. */
  failures: number
  /** The highest block it was last seen at. */
  head?: number
  lastError?: string
}

export interface RequestStats {
  url: string
  method: string
  requests: number
  /** Answered with a JSON-RPC error. */
  refused: number
  /** Not answered, or not properly. */
  failed: number
  totalMs: number
  maxMs: number
}

export interface ChainOptions {
  rpcUrl: string
  /** Undefined: whatever the node says. */
  chainId?: number | undefined
  timeoutMs: number
}

/** Refuses a node on another chain before anything else is asked of it. */
export async function openChain(options: ChainOptions): Promise<ChainClient> {
  const transport = httpTransport(options.rpcUrl, options.timeoutMs)
  const chainId = Number(await transport.request('eth_chainId', []))
  const expected = options.chainId ?? chainId
  if (chainId !== expected) throw new KeeperError('CHAIN_ID_WRONG', { found: chainId, expected })
  return clientOver(transport, chainId)
}

export function clientOver(transport: Transport, chainId: number): ChainClient {
  const provider = new TransportProvider(transport, chainId)
  const request = async <T>(method: string, params: readonly unknown[] = []): Promise<T> =>
    (await transport.request(method, params)) as T
  return {
    chainId,
    provider,
    request,
    ...chainReads(request),
    ...accountReads(request),
    ...hashReads(request),
    sendRaw: (raw) => request<Hex>('eth_sendRawTransaction', [raw]),
    each: async <T>(method: string, params: readonly unknown[] = []) => {
      const { url } = transport
      const answer = await request<T>(method, params).catch((error: unknown) => ({ error }))
      const isFailed = typeof answer === 'object' && answer !== null && 'error' in answer
      return [isFailed ? { url, error: answer.error } : { url, answer }]
    },
    quorum: 1,
    endpoints: () => [{ url: transport.url, state: 'closed', failures: 0 }],
    stats: () => [],
    close: () => provider.destroy(),
  }
}

type Request = <T>(method: string, params?: readonly unknown[]) => Promise<T>
type ChainReads = Pick<ChainClient, 'blockNumber' | 'block' | 'receipt' | 'call' | 'suggestedTip'>

function chainReads(request: Request): ChainReads {
  return {
    blockNumber: async () => Number(await request<Hex>('eth_blockNumber')),
    block: async (tag) => blockOf(await request('eth_getBlockByNumber', [tagOf(tag), false])),
    receipt: async (hash) => receiptOf(await request('eth_getTransactionReceipt', [hash])),
    call: ({ value, gas, ...fields }, tag = 'latest') =>
      request<Hex>('eth_call', [
        {
          ...fields,
          ...(value === undefined ? {} : { value: quantity(value) }),
          ...(gas === undefined ? {} : { gas: quantity(gas) }),
        },
        tagOf(tag),
      ]),
    suggestedTip: async () => BigInt(await request<Hex>('eth_maxPriorityFeePerGas')),
  }
}

function hashReads(request: Request): Pick<ChainClient, 'knows' | 'isAbsentEverywhere'> {
  const knows = async (hash: Hex): Promise<boolean> =>
    (await request<unknown>('eth_getTransactionByHash', [hash])) !== null
  return {
    knows,
    isAbsentEverywhere: async (hash) =>
      !(await knows(hash)) && !(await request('eth_getTransactionReceipt', [hash])),
  }
}

type AccountReads = Pick<ChainClient, 'nonceOf' | 'balanceOf' | 'codeAt'>

function accountReads(request: Request): AccountReads {
  return {
    nonceOf: async (address, tag = 'latest') =>
      Number(await request<Hex>('eth_getTransactionCount', [address, tagOf(tag)])),
    balanceOf: async (address) => BigInt(await request<Hex>('eth_getBalance', [address, 'latest'])),
    codeAt: (address) => request<Hex>('eth_getCode', [address, 'latest']),
  }
}

export async function requireCode(
  client: ChainClient,
  address: Address,
  name: string,
): Promise<void> {
  const code = await client.codeAt(address)
  if (code !== '0x') return
  throw new KeeperError('NO_CODE', { name, address, chainId: client.chainId })
}

/** What a refused request meant; undefined for any other error. */
export function faultOf(error: unknown): RpcFault | undefined {
  if (!(error instanceof KeeperError) || error.code !== 'RPC_REFUSED') return undefined
  return error.facts['fault'] as RpcFault
}

function tagOf(tag: BlockTag): string {
  return typeof tag === 'number' ? quantity(BigInt(tag)) : tag
}

function quantity(value: bigint): Hex {
  return `0x${value.toString(16)}`
}

type Fields = Record<string, Hex | undefined>

function blockOf(answer: unknown): Block | undefined {
  if (answer === null || answer === undefined) return undefined
  const { number, hash, timestamp, baseFeePerGas } = answer as Fields
  return {
    number: Number(number),
    hash: hash ?? '0x',
    timestamp: Number(timestamp),
    baseFee: BigInt(baseFeePerGas ?? 0),
  }
}

function receiptOf(answer: unknown): Receipt | undefined {
  if (answer === null || answer === undefined) return undefined
  const fields = answer as Fields
  // A node may show the receipt of a pending transaction without a block: that is none yet.
  if (!fields['blockHash'] || !fields['transactionHash']) return undefined
  return {
    hash: fields['transactionHash'],
    blockNumber: Number(fields['blockNumber']),
    blockHash: fields['blockHash'],
    succeeded: Number(fields['status']) === 1,
    gasUsed: BigInt(fields['gasUsed'] ?? 0),
    gasPrice: BigInt(fields['effectiveGasPrice'] ?? 0),
  }
}

/** ethers' provider over our transport: one deadline and one reading of errors for all requests. */
class TransportProvider extends JsonRpcApiProvider {
  readonly #transport: Transport

  constructor(transport: Transport, chainId: number) {
    const network = Network.from(chainId)
    super(network, { staticNetwork: network, batchMaxCount: 1, cacheTimeout: -1 })
    this.#transport = transport
  }

  override async send(method: string, params: unknown[]): Promise<unknown> {
    this._start()
    return super.send(method, params)
  }

  override async _send(
    payload: JsonRpcPayload | JsonRpcPayload[],
  ): Promise<(JsonRpcResult | JsonRpcError)[]> {
    const payloads = Array.isArray(payload) ? payload : [payload]
    return Promise.all(payloads.map((one) => this.#sendOne(one)))
  }

  // A refusal goes back in JSON-RPC form, because ethers decodes custom errors from there.
  async #sendOne({ id, method, params }: JsonRpcPayload): Promise<JsonRpcResult | JsonRpcError> {
    try {
      const list = Array.isArray(params) ? params : Object.values(params)
      return { id, result: await this.#transport.request(method, list) }
    } catch (error) {
      if (faultOf(error) === undefined) throw error
      const { message, data } = (error as KeeperError).facts as { message: string; data?: string }
      return { id, error: { code: -32_000, message, ...(data ? { data } : {}) } }
    }
  }
}
