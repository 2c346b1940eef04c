import { keccak256 } from 'ethers'
import type { JsonRpcApiProvider } from 'ethers'
import type { Wei } from '../../base/amount.ts'
import { KeeperError, messageOf } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { EndpointStatus, RequestSample, RequestStats } from './endpoint.ts'
import { openPool } from './pool.ts'
import type { Pool } from './pool.ts'
import { PoolProvider } from './provider.ts'
import { agreedBy, hasAnswered, mostTelling, reachedBy } from './quorum.ts'
import type { Voice } from './quorum.ts'
import { blockOf, countOf, quantityOf, readAnswer, receiptOf } from './answers.ts'
import type { RpcFault } from './rpc-fault.ts'
import { httpTransport } from './transport.ts'

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

export interface EndpointAnswer<T> {
  url: string
  answer?: T
  error?: unknown
}

export interface ChainClient {
  readonly chainId: number
  /** How many endpoints must agree before something counts; 1 means that one node is trusted. */
  readonly quorum: number
  /** For the typed reads and log queries of TypeChain contracts; never for sending. */
  readonly provider: JsonRpcApiProvider
  /** A read from any endpoint that is not behind what we have seen; other methods go to one only. */
  request<T = unknown>(method: string, params?: readonly unknown[]): Promise<T>
  /** The highest that a quorum has. */
  blockNumber(): Promise<number>
  /** By tag the highest that a quorum has. Undefined when the chain has no such block. */
  block(tag: BlockTag): Promise<Block | undefined>
  /** The block that a quorum shows at that height; undefined when they differ or have none there. */
  agreedBlock(number: number): Promise<Block | undefined>
  /** Transactions of the account that the chain has counted, by a quorum's word: its next nonce. */
  nonceOf(address: Address, tag?: BlockTag): Promise<number>
  balanceOf(address: Address): Promise<Wei>
  /** Only once a quorum shows it in the same block. */
  receipt(hash: Hex): Promise<Receipt | undefined>
  call(fields: CallFields, tag?: BlockTag): Promise<Hex>
  codeAt(address: Address): Promise<Hex>
  suggestedTip(): Promise<Wei>
  /** To every endpoint; resolves with the hash of the bytes once one has taken them. */
  sendRaw(raw: Hex): Promise<Hex>
  /** Has any endpoint the transaction, waiting or mined? What a refusal meant is told by this alone. */
  knows(hash: Hex): Promise<boolean>
  /** Every configured endpoint answered, and none has the transaction or its receipt. */
  isAbsentEverywhere(hash: Hex): Promise<boolean>
  /** What each endpoint says by itself, in configured order; at start the silent ones get a short grace. */
  each<T = unknown>(
    method: string,
    params?: readonly unknown[],
    isStart?: boolean,
  ): Promise<EndpointAnswer<T>[]>
  endpoints(): EndpointStatus[]
  /** Requests so far, a row for each endpoint and method. */
  stats(): RequestStats[]
  /** Told of every request once it is over. */
  observe(listener: (sample: RequestSample) => void): void
  close(): void
}

export interface ChainOptions {
  rpcUrl: string | readonly string[]
  /** Undefined: whatever the nodes say, if they all say the same. */
  chainId?: number | undefined
  /** Of any call, however many endpoints it asks. */
  timeoutMs: number
}

/** Refuses a node on another chain before anything else is asked of it. */
export async function openChain(options: ChainOptions): Promise<ChainClient> {
  const { rpcUrl, chainId, timeoutMs } = options
  const urls = typeof rpcUrl === 'string' ? [rpcUrl] : rpcUrl
  const transports = urls.map((url) => httpTransport(url, timeoutMs))
  return clientOver(await openPool(transports, { chainId, timeoutMs }))
}

export function clientOver(pool: Pool): ChainClient {
  const provider = new PoolProvider(pool.request, pool.chainId)
  const request = async <T>(method: string, params: readonly unknown[] = []): Promise<T> =>
    (await pool.request(method, params)) as T
  return {
    chainId: pool.chainId,
    quorum: pool.quorum,
    provider,
    request,
    ...voted(pool),
    ...plainReads(pool, request),
    ...ofOneHash(pool),
    each: async <T>(method: string, params: readonly unknown[] = [], isStart = false) =>
      (await pool.each(method, params, isStart)) as EndpointAnswer<T>[],
    endpoints: pool.endpoints,
    stats: pool.stats,
    observe: pool.observe,
    close: () => {
      provider.destroy()
      pool.close()
    },
  }
}

type Request = <T>(method: string, params?: readonly unknown[]) => Promise<T>
type PlainReads = Pick<ChainClient, 'call' | 'suggestedTip' | 'balanceOf' | 'codeAt'>

function plainReads(pool: Pool, request: Request): PlainReads {
  const amount = async (method: string, params: readonly unknown[]): Promise<Wei> =>
    readAnswer({ url: urlsOf(pool), method }, await request(method, params), quantityOf)
  return {
    call: ({ value, gas, ...fields }, tag = 'latest') =>
      request<Hex>('eth_call', [
        {
          ...fields,
          ...(value === undefined ? {} : { value: quantity(value) }),
          ...(gas === undefined ? {} : { gas: quantity(gas) }),
        },
        tagOf(tag),
      ]),
    suggestedTip: () => amount('eth_maxPriorityFeePerGas', []),
    balanceOf: (address) => amount('eth_getBalance', [address, 'latest']),
    codeAt: (address) => request<Hex>('eth_getCode', [address, 'latest']),
  }
}

type Voted = Pick<ChainClient, 'blockNumber' | 'block' | 'agreedBlock' | 'nonceOf' | 'receipt'>

/** What money depends on: never on the word of one endpoint when there are more. */
function voted(pool: Pool): Voted {
  const number = async (method: string, params: readonly unknown[]): Promise<number> => {
    const heights = await answersOf(pool, method, params, countOf)
    return reachedBy(heights, pool.quorum, (height) => height) ?? 0
  }
  return {
    blockNumber: () => number('eth_blockNumber', []),
    nonceOf: (address, tag = 'latest') => number('eth_getTransactionCount', [address, tagOf(tag)]),
    block: async (tag) => {
      const params = [tagOf(tag), false]
      const method = 'eth_getBlockByNumber'
      if (typeof tag === 'number') {
        return readAnswer(
          { url: urlsOf(pool), method },
          await pool.request(method, params),
          blockOf,
        )
      }
      const blocks = await answersOf(pool, method, params, blockOf)
      return reachedBy(blocks, pool.quorum, (block) => block?.number ?? -1)
    },
    agreedBlock: async (number) => {
      const blocks = await answersOf(pool, 'eth_getBlockByNumber', [tagOf(number), false], blockOf)
      return agreedBy(blocks, pool.quorum, (block) => block?.hash ?? '')
    },
    receipt: (hash) => agreedReceipt(pool, hash),
  }
}

/** At least as many as a quorum needs: fewer would make one endpoint's word the chain's. */
async function answersOf<T>(
  pool: Pool,
  method: string,
  params: readonly unknown[],
  read: (answer: unknown) => T,
): Promise<T[]> {
  if (pool.quorum === 1) {
    return [readAnswer({ url: urlsOf(pool), method }, await pool.request(method, params), read)]
  }
  const voices = (await pool.vote(method, params)).map((voice) => understood(method, voice, read))
  requireQuorum(pool, method, voices)
  return voices.filter(hasAnswered).map(({ answer }) => answer as T)
}

/** What it says, read; one that talks nonsense has not answered. */
function understood(method: string, voice: Voice, read: (answer: unknown) => unknown): Voice {
  const { url } = voice
  if (!hasAnswered(voice)) return voice
  try {
    return { url, answer: readAnswer({ url, method }, voice.answer, read) }
  } catch (error) {
    return { url, error }
  }
}

/** Of a read that any of them may have answered. */
function urlsOf(pool: Pool): string {
  return pool
    .endpoints()
    .map(({ url }) => url)
    .join(', ')
}

/** A refusal counts as the chain's answer only by a quorum; else it is not known what holds. */
function requireQuorum({ quorum }: Pool, method: string, voices: readonly Voice[]): void {
  const answers = voices.filter(hasAnswered).length
  if (answers >= quorum) return
  const errors = voices.map(({ error }) => error).filter((error) => error !== undefined)
  const worst = mostTelling(errors)
  if (errors.filter((error) => faultOf(error) !== undefined).length >= quorum) throw worst
  const url = voices.filter(({ error }) => error !== undefined).map((voice) => voice.url)
  const reason = `${answers} of the ${quorum} nodes needed gave an answer: ${reasonOf(worst)}`
  throw new KeeperError('RPC_UNAVAILABLE', { url, method, reason }, worst)
}

/** Of what would be told twice otherwise, the end. */
function reasonOf(error: Error): string {
  const isKnown = error instanceof KeeperError && typeof error.facts['reason'] === 'string'
  return isKnown ? String(error.facts['reason']) : messageOf(error).replace(/\.$/, '')
}

async function agreedReceipt(pool: Pool, hash: Hex): Promise<Receipt | undefined> {
  const params = [hash]
  const method = 'eth_getTransactionReceipt'
  const read = (answer: unknown): Receipt | undefined => receiptOf(answer, hash)
  if (pool.quorum === 1) {
    const answer = await pool.request(method, params).catch(nullIfUnindexed)
    return readAnswer({ url: urlsOf(pool), method }, answer, read)
  }
  const receiptsIn = (some: readonly Voice[]): Voice[] =>
    some.map((voice) => understood(method, notFoundYet(voice), read))
  const heard = await pool.vote(method, params, (some) => !!agreed(pool, receiptsIn(some)))
  const voices = receiptsIn(heard)
  const found = agreed(pool, voices)
  if (!found) {
    requireQuorum(pool, method, voices)
    return undefined
  }
  const witnesses = voices.filter(
    ({ answer }) => sameReceipt(answer as Receipt | undefined) === sameReceipt(found),
  )
  pool.sawBlock(
    found.blockNumber,
    witnesses.map(({ url }) => url),
  )
  return found
}

/** Not found in an index that is behind: no receipt for now, which proves nothing, like any other that is absent. */
function nullIfUnindexed(error: unknown): null {
  if (faultOf(error) === 'not-indexed') return null
  throw error
}

function notFoundYet(voice: Voice): Voice {
  return faultOf(voice.error) === 'not-indexed' ? { url: voice.url, answer: null } : voice
}

function agreed({ quorum }: Pool, voices: readonly Voice[]): Receipt | undefined {
  const receipts = voices.flatMap(({ answer }) => (answer ? [answer as Receipt] : []))
  return agreedBy(receipts, quorum, sameReceipt)
}

function sameReceipt(receipt: Receipt | undefined): string {
  return receipt ? `${receipt.blockNumber} ${receipt.blockHash} ${receipt.succeeded}` : ''
}

type OfOneHash = Pick<ChainClient, 'sendRaw' | 'knows' | 'isAbsentEverywhere'>

function ofOneHash(pool: Pool): OfOneHash {
  const isFound = ({ answer }: Voice): boolean => answer !== null && answer !== undefined
  return {
    sendRaw: async (raw) => {
      const hash = keccak256(raw) as Hex
      await pool.broadcast(raw, hash)
      return hash
    },
    knows: async (hash) => {
      const heard = await pool.vote('eth_getTransactionByHash', [hash], (some) =>
        some.some(isFound),
      )
      const voices = heard.map(notFoundYet)
      if (!voices.some(hasAnswered)) throw mostTelling(voices.map(({ error }) => error))
      return voices.some(isFound)
    },
    isAbsentEverywhere: async (hash) => {
      const answers = await Promise.all([
        pool.each('eth_getTransactionByHash', [hash]),
        pool.each('eth_getTransactionReceipt', [hash]),
      ])
      return answers.flat().every((voice) => hasAnswered(voice) && !isFound(voice))
    },
  }
}

/** Checked on every endpoint that answers: one of them may serve another chain's state. */
export async function requireCode(
  client: ChainClient,
  address: Address,
  name: string,
): Promise<void> {
  const answers = await client.each<Hex>('eth_getCode', [address, 'latest'], true)
  const heard = answers.filter(({ error }) => error === undefined)
  if (heard.length === 0) throw mostTelling(answers.map(({ error }) => error))
  const bare = heard.find(({ answer }) => answer === '0x')
  if (!bare) return
  const { url } = bare
  throw new KeeperError('NO_CODE', { name, address, chainId: client.chainId, url })
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
