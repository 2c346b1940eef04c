import { toBeHex } from 'ethers'
import { KeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Hour } from '../base/time.ts'
import { NATIVE } from '../chain/contracts.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { cycleAt } from './audit-state.ts'
import { ReceiptAudit } from './audit-receipts.ts'
import type { JudgedReceipt, Shown } from './audit-receipts.ts'
import { registryTopic } from './chain-events.ts'
import { stateReader } from './compare-state.ts'
import { newFindings, tell } from './divergence.ts'
import type { Told } from './divergence.ts'
import { EvidenceHistory } from './evidence-history.ts'
import type { Court } from './judge-receipt.ts'
import { readEvents } from './read-events.ts'
import type { Filter, OnProgress } from './read-events.ts'
import { RosterHistory } from './roster-history.ts'

export interface ReceiptsAsk {
  client: ChainClient
  registry: Address
  /** The registry's block, or any before it. */
  fromBlock: number
  onProgress: OnProgress
}

export interface ReceiptsVerdict {
  ok: boolean
  /** Block at which the chain was read. */
  block: number
  judged: JudgedReceipt[]
  divergences: Told[]
  found: number
}

/** Receipts against the chain, with nothing but a node and the registry's address. */
export async function verifyReceipts(
  ask: ReceiptsAsk,
  shown: readonly Shown[],
): Promise<ReceiptsVerdict> {
  const block = await ask.client.blockNumber()
  const findings = newFindings()
  const home = { chainId: ask.client.chainId, registry: ask.registry }
  const audit = new ReceiptAudit(home, await openCourt(ask, block, hoursOf(shown)), findings)
  for (const each of shown) audit.add(each)
  const { list, total: found } = findings
  return { ok: found === 0, block, judged: audit.judged, divergences: list.map(tell), found }
}

/** What the registry's own events say of these hours and of who was on its roster. */
async function openCourt(
  { client, registry, fromBlock, onProgress }: ReceiptsAsk,
  block: number,
  hours: readonly Hour[],
): Promise<Court> {
  const sources = { registry, rewards: registry, asset: NATIVE }
  const reader = stateReader(client, sources, block)
  const [[firstCut], [pushWindow]] = await Promise.all([
    reader.registry('FIRST_CUT'),
    reader.registry('PUSH_WINDOW'),
  ])
  const grid = { firstCut: Number(firstCut), pushWindow: Number(pushWindow) }
  const [roster, evidence] = [new RosterHistory(), new EvidenceHistory(grid)]
  const range = { from: fromBlock, to: block }
  const events = await readEvents(client, sources, range, onProgress, filtersOf(registry, hours))
  // The first one comes with the deployment; judged by half of its history an honest reporter is a stranger.
  if (!events.some(({ name }) => name === 'ReporterAdded')) throw incomplete('no first reporter')
  for (const event of events) {
    const openCycle = cycleAt({ grid }, event.at.time)
    const fault = roster.apply(event, openCycle) ?? evidence.apply(event)
    if (fault !== undefined) throw incomplete(fault)
  }
  const now = (await client.block(block))?.timestamp ?? 0
  return { roster, evidence, now }
}

function incomplete(what: string): KeeperError {
  return new KeeperError('VERIFY_INCOMPLETE', { what })
}

const HISTORY = [
  'ValidatorAdded',
  'ValidatorRemoved',
  'ReporterAdded',
  'ReporterRemoved',
  'ReporterExpelled',
  'RecordFrozen',
  'RecordCleared',
]
// Nodes take some hundreds of alternatives at one place of a filter.
const HOURS_PER_FILTER = 200

/** Pushes of the hours that are asked about, and no others: of ten years there are 90,000. */
function filtersOf(registry: Address, hours: readonly Hour[]): Filter[] {
  const filters: Filter[] = [{ address: registry, topics: [HISTORY.map(registryTopic)] }]
  const pushed = registryTopic('SnapshotPushed')
  for (let first = 0; first < hours.length; first += HOURS_PER_FILTER) {
    const some = hours.slice(first, first + HOURS_PER_FILTER)
    const asTopics = some.map((hour) => toBeHex(hour, 32) as Hex)
    filters.push({ address: registry, topics: [pushed, asTopics] })
  }
  return filters
}

const MAX_HOUR = 2 ** 32 - 1

/** Of whatever is shown: what proves nothing is refused later. */
function hoursOf(shown: readonly Shown[]): Hour[] {
  const hours = new Set<Hour>()
  for (const { value } of shown) {
    const { hour } = (value ?? {}) as { hour?: unknown }
    const isHour = Number.isInteger(hour) && Number(hour) >= 0 && Number(hour) <= MAX_HOUR
    if (isHour) hours.add(Number(hour))
  }
  return [...hours].sort((a, b) => a - b)
}
