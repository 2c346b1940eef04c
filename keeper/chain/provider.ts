import { JsonRpcApiProvider, Network } from 'ethers'
import type { JsonRpcError, JsonRpcPayload, JsonRpcResult } from 'ethers'
import { isKeeperError } from '../base/errors.ts'

type Ask = (method: string, params: readonly unknown[]) => Promise<unknown>

/** ethers' provider over our pool: one deadline and one reading of errors for all requests. */
export class PoolProvider extends JsonRpcApiProvider {
  readonly #ask: Ask

  constructor(ask: Ask, chainId: number) {
    const network = Network.from(chainId)
    super(network, { staticNetwork: network, batchMaxCount: 1, cacheTimeout: -1 })
    this.#ask = ask
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
      return { id, result: await this.#ask(method, list) }
    } catch (error) {
      if (!isKeeperError(error, 'RPC_REFUSED')) throw error
      const { message, data } = error.facts as { message: string; data?: string }
      return { id, error: { code: -32_000, message, ...(data ? { data } : {}) } }
    }
  }
}
