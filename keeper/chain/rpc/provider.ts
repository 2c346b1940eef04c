import { JsonRpcApiProvider, Network } from 'ethers'
import type { JsonRpcError, JsonRpcPayload, JsonRpcResult } from 'ethers'
import { KeeperError, isKeeperError } from '../../base/errors.ts'

type Ask = (method: string, params: readonly unknown[]) => Promise<unknown>

const REFUSED = -32_000

/** ethers' provider over our pool: one deadline and one reading of errors for all requests. */
export class PoolProvider extends JsonRpcApiProvider {
  readonly #ask: Ask

  constructor(ask: Ask, chainId: number) {
    const network = Network.from(chainId)
    super(network, { staticNetwork: network, batchMaxCount: 1, cacheTimeout: -1 })
    this.#ask = ask
  }

  /** At once: ethers' own queue waits a millisecond for others to join a batch, which we never send. */
  override async send(method: string, params: unknown[]): Promise<unknown> {
    try {
      return await this.#ask(method, params)
    } catch (error) {
      if (!isKeeperError(error, 'RPC_REFUSED')) throw error
      // In JSON-RPC form, because ethers decodes custom errors from there.
      const { message, data, fault } = error.facts as {
        message: string
        data?: string
        fault: string
      }
      // ethers waits for a receipt that is null, and gives up at an error.
      if (fault === 'not-indexed') return null
      const told = { code: REFUSED, message, ...(data ? { data } : {}) }
      const payload: JsonRpcPayload = { id: 0, jsonrpc: '2.0', method, params }
      throw this.getRpcError(payload, { id: 0, error: told })
    }
  }

  /** Of ethers' queue, which send() goes round. */
  override async _send(
    payload: JsonRpcPayload | JsonRpcPayload[],
  ): Promise<(JsonRpcResult | JsonRpcError)[]> {
    throw new KeeperError('INTERNAL', { what: `a queued request: ${JSON.stringify(payload)}` })
  }
}
