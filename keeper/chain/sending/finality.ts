import type { Alerts } from '../../base/alerts.ts'
import { KeeperError } from '../../base/errors.ts'
import type { Finality } from '../../base/schema.ts'
import type { Clock } from '../../base/time.ts'
import type { BlockTag, ChainClient } from '../rpc/client.ts'
import { faultOf } from '../rpc/client.ts'

export interface FinalityView {
  /** Is that block one that cannot be undone? Asks the chain only when what is known does not say so. */
  has(blockNumber: number): Promise<boolean>
  /** The highest such block; -1 when the chain is too young to have one. */
  block(): Promise<number>
  /** Where to read state that cannot be undone. */
  tag(): Promise<BlockTag>
}

export interface FinalityOptions {
  client: ChainClient
  clock: Clock
  alerts: Alerts
  /** A tag of the chain, or confirmations: one is the block itself. */
  finality: Finality
  /** Confirmations that count when the node does not know the tag. */
  finalityDepth?: number | undefined
  finalityStallMs: number
}

interface Seen {
  block: number
  sinceMs: number
}

/** S-30: a tag the node does not know falls back only to a configured depth; one that stands still is told. */
export function finalityOf(options: FinalityOptions): FinalityView {
  const { clock, alerts, finalityStallMs } = options
  let seen: Seen | undefined
  const block = async (): Promise<number> => {
    const found = await readFinal(options)
    const nowMs = clock.nowMs()
    // A node may answer with an older one than before: what was final stays final.
    if (seen === undefined || found > seen.block) {
      seen = { block: found, sinceMs: nowMs }
      alerts.clear('finality-stalled')
    }
    const stalledMs = nowMs - seen.sinceMs
    if (stalledMs >= finalityStallMs) {
      alerts.raise('finality-stalled', { block: seen.block, stalledMs })
    }
    return seen.block
  }
  const has = async (number: number): Promise<boolean> =>
    (seen !== undefined && number <= seen.block) || number <= (await block())
  return { has, block, tag: async () => Math.max(0, await block()) }
}

async function readFinal(options: FinalityOptions): Promise<number> {
  const { client, finality, finalityDepth } = options
  if (typeof finality === 'number') return atDepth(client, finality)
  const tagged = await blockAtTag(client, finality)
  if (typeof tagged === 'number') return tagged
  if (finalityDepth !== undefined) return atDepth(client, finalityDepth)
  if (tagged === 'none-yet') return -1
  throw new KeeperError('FINALITY_UNSUPPORTED', { tag: finality })
}

async function atDepth(client: ChainClient, depth: number): Promise<number> {
  return (await client.blockNumber()) - depth + 1
}

async function blockAtTag(
  client: ChainClient,
  tag: 'safe' | 'finalized',
): Promise<number | 'none-yet' | 'unsupported'> {
  try {
    return (await client.block(tag))?.number ?? 'none-yet'
  } catch (error) {
    if (faultOf(error) === undefined) throw error
    // geth's words for a chain that is too young, or whose consensus client has not spoken yet.
    const isYoung = /block not found/i.test(String((error as KeeperError).facts['message']))
    return isYoung ? 'none-yet' : 'unsupported'
  }
}
