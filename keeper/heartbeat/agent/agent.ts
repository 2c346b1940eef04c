import { isKeeperError } from '../../base/errors.ts'
import type { KeeperError } from '../../base/errors.ts'
import { silentLogger } from '../../base/log.ts'
import type { Logger } from '../../base/log.ts'
import type { Address } from '../../base/schema.ts'
import { systemClock } from '../../base/time.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { NodeStatus } from '../tally/tally.ts'
import type { Beating } from './beating.ts'
import { parseIntakes } from './intake-address.ts'
import { keepLink } from './link.ts'
import type { LinkState } from './link.ts'
import type { NodeKey } from './node-key.ts'
import { openReceiptBook } from './receipt-book.ts'
import type { ReceiptBook } from './receipt-book.ts'
import { runSession } from './session.ts'
import { fitStatus, statusOf } from './status.ts'

export type { LinkState } from './link.ts'
export type { NodeKey } from './node-key.ts'

export interface AgentOptions {
  key: NodeKey
  /** Addresses of intakes: ws, wss, http or https. A session is kept to each of them. */
  intakes: readonly string[]
  /** Nothing is signed for another chain or registry; without them the intake's word is taken. */
  chainId?: number | undefined
  registry?: Address | undefined
  /** What is told with each beat; without it processor, memory and disk of this machine. */
  status?: (() => Promise<NodeStatus>) | undefined
  onState?: ((state: AgentState) => void) | undefined
  /** Where the hourly receipts are kept; without it they are not. */
  receiptsDir?: string | undefined
  /** Single signed beats by HTTP in place of sessions. */
  isHttp?: boolean | undefined
  log?: Logger | undefined
  signal?: AbortSignal | undefined
}

export interface AgentState {
  node: Address
  startedAt: UnixSeconds
  links: readonly LinkState[]
}

export interface Agent {
  state(): AgentState
  stop(): Promise<void>
  /** Resolves after a stop; rejects when every intake refused what no waiting changes. */
  done: Promise<void>
}

// What an agent says of itself when its owner names no node software.
const VERSION = 'muster-agent/1'

/** Beats for one node to one or several intakes until it is stopped. */
export function startAgent(options: AgentOptions): Agent {
  const { key, log = silentLogger } = options
  const collect = options.status ?? statusOf({ version: VERSION })
  const status = async (): Promise<NodeStatus> => fitStatus(await collect())
  const { chainId, registry } = options
  const intakes = parseIntakes(options.intakes)
  const stopping = new AbortController()
  const signal = options.signal
    ? AbortSignal.any([options.signal, stopping.signal])
    : stopping.signal
  const links = intakes.map(({ url }): LinkState => newLink(url))
  const startedAt = systemClock.now()
  const state = (): AgentState => ({ node: key.address, startedAt, links })
  const { receiptsDir: dir } = options
  const book =
    dir === undefined ? undefined : openReceiptBook({ dir, node: key.address, log, signal })
  const beat: Beating = (options.isHttp ?? false) ? lazySingleBeats : runSession
  const expected = { chainId, registry }
  const common = { key, expected, status, beat, log, signal, book }
  const onChange = (): void => options.onState?.(state())
  const runs = intakes.map((intake, index) =>
    keepLink({ ...common, intake, onChange }, links[index] as LinkState),
  )
  const done = allEnded(runs, book)
  // Whoever does not wait for the end reads the state instead.
  done.catch(() => {})
  const stop = async (): Promise<void> => {
    stopping.abort()
    await done.catch(() => {})
  }
  return { state, stop, done }
}

function newLink(url: string): LinkState {
  return { url, phase: 'connecting', sessions: 0, receipts: 0 }
}

/** One intake that refuses for good does not stop the beats to the others. */
async function allEnded(
  runs: readonly Promise<void>[],
  book: ReceiptBook | undefined,
): Promise<void> {
  const results = await Promise.allSettled(runs)
  await book?.settled()
  const faults = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  const [first] = faults as KeeperError[]
  if (first !== undefined && (faults.length === runs.length || !isKeeperError(first))) throw first
}

/** fetch and its parts are loaded by those who beat over HTTP alone. */
const lazySingleBeats: Beating = async (options) =>
  (await import('./single-beats.ts')).runSingleBeats(options)
