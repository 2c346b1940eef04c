import type { Interface } from 'ethers'
import type { Hex } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'

/** A line of a receipt that is about one payment. */
export interface ReceiptLine {
  event: string
  index: number
  args: Record<string, string>
}

export interface ReceiptOf {
  hash: Hex
  block: number
  at: string
  lines: ReceiptLine[]
}

interface NodeReceipt {
  blockNumber: Hex
  logs: { topics: string[]; data: string; address: string; logIndex: Hex }[]
}

/** What the chain says of one payment of a batch: the batch's event, and its refusal if there was one. */
export async function readReceiptOf(
  client: ChainClient,
  face: Interface,
  { hash, contract, position }: { hash: Hex; contract: string; position: number },
): Promise<ReceiptOf | undefined> {
  const receipt = await client.request<NodeReceipt | null>('eth_getTransactionReceipt', [hash])
  if (!receipt) return undefined
  const block = Number(receipt.blockNumber)
  const time = (await client.block(block))?.timestamp ?? 0
  const lines = receipt.logs.flatMap((log): ReceiptLine[] => {
    if (log.address.toLowerCase() !== contract.toLowerCase()) return []
    const event = face.parseLog(log)
    if (!event) return []
    const args = Object.entries(event.args.toObject()).map(([name, value]) => [name, String(value)])
    const line = { event: event.name, index: Number(log.logIndex), args: Object.fromEntries(args) }
    const isOther = event.name === 'PaymentRefused' && line.args['position'] !== String(position)
    return isOther ? [] : [line]
  })
  return { hash, block, at: isoTime(time), lines }
}
