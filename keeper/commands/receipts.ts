import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import { hourOf, startOfHour } from '../base/time.ts'
import type { Hour } from '../base/time.ts'
import { readDeployment } from '../chain/contracts.ts'
import { parseIntakes } from '../heartbeat/agent/intake-address.ts'
import type { IntakeAddress } from '../heartbeat/agent/intake-address.ts'
import { lastHourKept, saveReceipt } from '../heartbeat/agent/receipt-file.ts'
import { askIntake } from '../heartbeat/agent/web-request.ts'
import { parseHour } from '../heartbeat/input.ts'
import { parseHelloFacts } from '../heartbeat/intake/server-frames.ts'
import type { Receipt } from '../heartbeat/receipts/receipt.ts'
import { MAX_RECEIPTS, receiptsOf } from '../heartbeat/receipts/stored.ts'
import { openStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'
import { plural, shortHash, shownTime, table } from './print.ts'
import { openClient } from './session.ts'

export interface ListReceiptsOptions {
  from?: string
  to?: string
}

/** Out of this intake's own store: what its agent may have lost. */
export async function listReceiptsCommand(
  run: Run,
  options: ListReceiptsOptions,
  [text = '']: string[],
): Promise<Report> {
  const node = parseWith(addressSchema, text, 'node')
  const to = options.to === undefined ? hourOf(run.clock.now()) : parseHour(options.to)
  const from = options.from === undefined ? to - MAX_RECEIPTS + 1 : parseHour(options.from)
  if (from > to) throw usage('list', `--from ${from} is after --to ${to}`)
  const home = await homeOf(run)
  const db = await openStore({ ...run.config, clock: run.clock })
  try {
    const receipts = await receiptsOf(db, home, node, { from, to })
    return { json: { node, receipts }, lines: linesOf(node, receipts) }
  } finally {
    await db.close()
  }
}

async function homeOf(run: Run): Promise<{ chainId: number; registry: Address }> {
  const client = await openClient(run)
  try {
    const { chainId } = client
    const { registry } = await readDeployment(run.config.deploymentsDir, chainId)
    return { chainId, registry }
  } finally {
    client.close()
  }
}

function linesOf(node: Address, receipts: readonly Receipt[]): string[] {
  if (receipts.length === 0) return [`no signed hour of ${node} in that time`]
  const rows = receipts.map(({ hour, seen, expected, online, root }) => [
    String(hour),
    shownTime(startOfHour(hour)),
    `${seen} of ${expected}`,
    online ? 'yes' : 'no',
    shortHash(root),
  ])
  const last = receipts.at(-1)?.hour ?? 0
  const isCut = receipts.length === MAX_RECEIPTS
  const more = isCut ? [`there may be more: --from ${last + 1}`] : []
  return [...table(['hour', 'begins', 'beats', 'online', 'root'], rows), ...more]
}

export interface FetchReceiptsOptions {
  intake: string
  out: string
  from?: string
}

// Of one a page of 48: eleven years of hours.
const MAX_PAGES = 2_000
// A page of 48 receipts of 1.8 KB.
const MAX_PAGE_CHARS = 131_072

/** Over HTTP from an intake into files that each prove themselves; what is kept already is not asked again. */
export async function fetchReceiptsCommand(
  run: Run,
  options: FetchReceiptsOptions,
  [text = '']: string[],
): Promise<Report> {
  const node = parseWith(addressSchema, text, 'node')
  const [intake] = parseIntakes([options.intake])
  if (!intake) throw usage('fetch', '--intake names none')
  const ask = { intake, signal: run.signal }
  const hello = parseHelloFacts(await fieldsOf({ ...ask, url: intake.hello }))
  const place = { dir: options.out, node }
  const files: string[] = []
  let from = await firstHour(options, hello.reporter)
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const url = `${intake.url}/v1/receipts/${node}${from === undefined ? '' : `?from=${from}`}`
    const receipts = await receiptsAt({ ...ask, url }, from)
    for (const receipt of receipts) files.push(await saveReceipt(receipt, hello, place))
    if (receipts.length < MAX_RECEIPTS) break
    from = hourIn(receipts.at(-1)) + 1
  }
  const lines = [`${plural(files.length, 'receipt')} of ${node} kept in ${options.out}`]
  return { json: { node, intake: intake.url, reporter: hello.reporter, files }, lines }
}

async function firstHour(
  { from, out }: FetchReceiptsOptions,
  reporter: Address,
): Promise<Hour | undefined> {
  if (from !== undefined) return parseHour(from)
  const last = await lastHourKept(out, reporter)
  return last === undefined ? undefined : last + 1
}

interface Asking {
  intake: IntakeAddress
  url: string
  signal: AbortSignal
}

async function fieldsOf(asking: Asking): Promise<unknown> {
  const answer = await askIntake({ ...asking, maxChars: MAX_PAGE_CHARS })
  if ('fields' in answer) return answer.fields
  const { code, message } = answer.refusal
  throw unreachable(asking, `${code}: ${message}`)
}

/** Of the hour that runs there is none: an intake refuses a range that begins in it. */
async function receiptsAt(asking: Asking, from: Hour | undefined): Promise<unknown[]> {
  const answer = await askIntake({ ...asking, maxChars: MAX_PAGE_CHARS })
  if ('fields' in answer) return listIn(asking, answer.fields)
  const { code, message } = answer.refusal
  if (code === 'INPUT_INVALID' && from !== undefined) return []
  throw unreachable(asking, `${code}: ${message}`)
}

function listIn(asking: Asking, fields: unknown): unknown[] {
  const { receipts } = (fields ?? {}) as { receipts?: unknown }
  if (Array.isArray(receipts)) return receipts
  throw unreachable(asking, 'what it answers is no list of receipts')
}

function unreachable({ intake }: Asking, reason: string): KeeperError {
  return new KeeperError('INTAKE_UNREACHABLE', { origin: intake.url, reason })
}

function hourIn(receipt: unknown): Hour {
  return (receipt as Receipt).hour
}

function usage(command: string, what: string): KeeperError {
  return new KeeperError('USAGE', { what, command: `receipts ${command}` })
}
