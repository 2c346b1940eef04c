import { EXIT } from '../base/error-catalogue.ts'
import { KeeperError, isKeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import { startOfHour } from '../base/time.ts'
import { readDeployment } from '../chain/contracts.ts'
import { requireCode } from '../chain/rpc/client.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { judgeAlone } from '../verify/audit-receipts.ts'
import type { JudgedReceipt, Shown } from '../verify/audit-receipts.ts'
import { countOutcomes } from '../verify/verify.ts'
import { verifyReceipts } from '../verify/verify-receipts.ts'
import type { ReceiptsVerdict } from '../verify/verify-receipts.ts'
import type { Report, Run } from './command.ts'
import { plural, shownTime, table } from './print.ts'
import { showPhases } from './progress.ts'
import { countsText, readReceipts } from './receipt-files.ts'
import { openClient } from './session.ts'

export interface VerifyReceiptsOptions {
  registry?: string
  fromBlock?: string
  offline?: boolean
}

/** Exit code 1 when one of them proves nothing, or proves that its reporter did not do what it signed. */
export async function verifyReceiptsCommand(
  run: Run,
  options: VerifyReceiptsOptions,
  paths: string[],
): Promise<Report> {
  const shown = await readReceipts(paths)
  if (options.offline) return reportAlone(judgeAlone(shown))
  const client = await openClient(run)
  const progress = showPhases({}, run.clock)
  try {
    const place = await placeOf(run, client, options, shown)
    const onProgress = (phase: string, done: number, total: number): void =>
      progress.update({ phase, done, total })
    const verdict = await verifyReceipts({ client, ...place, onProgress }, shown)
    progress.stop()
    return report(client.chainId, place.registry, verdict)
  } finally {
    progress.stop()
    client.close()
  }
}

interface Place {
  registry: Address
  fromBlock: number
}

/** As it is named, else as it is recorded: never as the receipts themselves have it. */
async function placeOf(
  run: Run,
  client: ChainClient,
  { registry, fromBlock }: VerifyReceiptsOptions,
  shown: readonly Shown[],
): Promise<Place> {
  if (fromBlock !== undefined && !/^\d{1,15}$/.test(fromBlock)) {
    throw usage(`--from-block ${fromBlock} is not a block`)
  }
  if (registry !== undefined) {
    const address = parseWith(addressSchema, registry, '--registry')
    await requireCode(client, address, 'HeartbeatRegistry')
    return { registry: address, fromBlock: Number(fromBlock ?? 0) }
  }
  try {
    const deployment = await readDeployment(run.config.deploymentsDir, client.chainId)
    const { registry: recorded, deployBlock } = deployment
    return { registry: recorded, fromBlock: Number(fromBlock ?? deployBlock) }
  } catch (error) {
    if (!isKeeperError(error, 'DEPLOYMENT_MISSING')) throw error
    const named = namedIn(shown)
    const hint =
      named === undefined ? '' : `; the receipts say ${named}, but anybody can write that`
    throw usage(`name the registry with --registry${hint}`)
  }
}

function namedIn(shown: readonly Shown[]): string | undefined {
  const { registry } = (shown[0]?.value ?? {}) as { registry?: unknown }
  return addressSchema.safeParse(registry).data
}

function usage(what: string): KeeperError {
  return new KeeperError('USAGE', { what, command: 'receipts verify' })
}

function report(chainId: number, registry: Address, verdict: ReceiptsVerdict): Report {
  const { ok, block, judged, divergences, found } = verdict
  const counts = countOutcomes(judged)
  const json = { ok, chainId, registry, block, counts, receipts: judged, divergences, found }
  const more = found - divergences.length
  const lines = [
    `chain ${chainId} to block ${block}, registry ${registry}: ${plural(judged.length, 'receipt')}`,
    ...linesOf(judged),
    ...divergences.map(({ sentence }) => `✗ ${sentence}`),
    ...(more > 0 ? [`  and ${plural(more, 'further difference')}`] : []),
    `${ok ? '✓' : '✗'} ${countsText(counts)}`,
  ]
  return { json, lines, exitCode: ok ? EXIT.ok : EXIT.failed }
}

function reportAlone(judged: readonly JudgedReceipt[]): Report {
  const counts = countOutcomes(judged)
  const ok = judged.every(({ outcome }) => outcome !== 'invalid')
  const signers = [...new Set(judged.flatMap(({ claim }) => claim?.reporter ?? []))]
  const lines = [
    ...linesOf(judged),
    ...signers.map((signer) => `signed by ${signer}: only the chain says whether it is a reporter`),
    `${ok ? '✓' : '✗'} ${countsText(counts)}`,
  ]
  const json = { ok, counts, receipts: judged, signers }
  return { json, lines, exitCode: ok ? EXIT.ok : EXIT.failed }
}

// A screen of them; --json lists all.
const MAX_SHOWN = 50

function linesOf(judged: readonly JudgedReceipt[]): string[] {
  const rows = judged.slice(0, MAX_SHOWN).map(rowOf)
  const rest = judged.length - rows.length
  const head = ['', 'hour', 'begins', 'node', 'beats', 'online', 'outcome', '']
  return [...table(head, rows), ...(rest > 0 ? [`… and ${rest} more: --json lists them`] : [])]
}

function rowOf({ from, claim, outcome, reason }: JudgedReceipt): string[] {
  const isBad = outcome === 'contradicted' || outcome === 'invalid'
  const mark = isBad ? '✗' : '✓'
  if (!claim) return [mark, '', '', from, '', '', outcome, reason]
  const { hour, node, seen, expected, online } = claim
  const beats = `${seen} of ${expected}`
  const isUp = online ? 'yes' : 'no'
  return [mark, String(hour), shownTime(startOfHour(hour)), node, beats, isUp, outcome, reason]
}
