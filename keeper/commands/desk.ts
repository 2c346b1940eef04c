import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Alerts } from '../base/alerts.ts'
import { silentLogger } from '../base/log.ts'
import type { Logger } from '../base/log.ts'
import { EXIT } from '../base/error-catalogue.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { attemptsOf } from '../chain/journal/journal.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import type { Sender } from '../chain/sending/sender.ts'
import { systemClock } from '../base/time.ts'
import type { Clock } from '../base/time.ts'
import type { Config } from '../config.ts'
import type { Db } from '../store/db.ts'
import type { ControlRequest } from '../api/control.ts'
import type { IntakeService } from '../api/intake/service.ts'
import type { SigningRole } from '../keeper.ts'
import type { Report } from './command.ts'
import { journalReport, transactionReport } from './journal.ts'
import type { JournalOptions } from './journal.ts'
import { actorOf } from './office.ts'
import { OFFICE_ORDERS, isOfficeOrder } from './office-orders.ts'
import { readIntakeStatus } from './intake-status.ts'
import { readKeeperStatus } from './keeper-status.ts'
import type { KeeperStatus } from './keeper-status.ts'
import { openOf, requirePending, requireTx, rowsOf, shownFees } from './desk-rows.ts'
import { PREVIEWS } from './order-preview.ts'
import { payoutAtDesk } from './payout-desk.ts'
import type { ProgramsDesk } from './payout-desk.ts'
import { plural } from './print.ts'
import { payAtDesk } from './program-pay.ts'

/** Where orders are carried out: in the running keeper, or in a command that opened the store itself. */
export interface Desk {
  db: Db
  client: ChainClient
  /** With their keys; a look and a dry run need none. */
  senders: readonly Sender[]
  config: Config
  clock: Clock
  /** Of the keeper; a command that opened the store itself has told what it did. */
  log?: Logger
  alerts?: Alerts
  /** Ends the keeper once nothing is on its way; a command has nothing to end. */
  onDrained?(): void
  /** Which jobs it has; without them all are shown. */
  roles?: readonly SigningRole[]
  /** Where nodes beat to this process. */
  intake?: Pick<IntakeService, 'figures'>
  /** Where this process pays programs. */
  programs?: ProgramsDesk
}

export type OrderName = 'resume' | 'bump' | 'cancel' | 'drain'
type Order = (desk: Desk, args: string[], options: Record<string, unknown>) => Promise<Report>

/** The same functions whether the keeper or the command line calls them. */
const ORDERS: Record<OrderName, Order> = {
  resume: async (desk, [name], options) =>
    name === undefined ? resumeAll(desk) : resolveOne(desk, name, options['abandon'] === true),
  bump: async (desk, [name]) => raise(desk, name, 'bump'),
  cancel: async (desk, [name]) => raise(desk, name, 'cancel'),
  drain,
}

export function giveOrder(
  desk: Desk,
  name: OrderName,
  args: string[],
  options: Record<string, unknown>,
): Promise<Report> {
  const book = options['dryRun'] === true ? PREVIEWS : ORDERS
  return book[name](desk, args, options)
}

function senderOf({ senders }: Desk, tx: TxRecord): Sender {
  const sender = senders.find(({ address }) => address === tx.sender)
  if (!sender) throw new KeeperError('SENDER_NOT_OPEN', { sender: tx.sender, id: tx.id })
  return sender
}

/** Everything unresolved of every open key goes on: the same bytes, until each is final. */
async function resumeAll({ senders }: Desk): Promise<Report> {
  const done: TxRecord[] = []
  const stopped: string[] = []
  for (const sender of senders) {
    try {
      done.push(...(await sender.resume()))
    } catch (error) {
      if (!isKeeperError(error, 'QUEUE_STOPPED', 'TX_UNKNOWN', 'NONCE_FOREIGN')) throw error
      stopped.push(error.message)
    }
  }
  return {
    json: { resumed: done, stopped },
    lines: [
      done.length === 0 ? 'nothing was on its way' : `${plural(done.length, 'transaction')} final`,
      ...rowsOf(done),
      ...stopped,
    ],
    exitCode: stopped.length > 0 ? EXIT.failed : EXIT.ok,
  }
}

async function resolveOne(desk: Desk, name: string, abandon: boolean): Promise<Report> {
  const before = await requireTx(desk, name)
  const tx = await senderOf(desk, before).resolve(before.id, { abandon })
  const said =
    tx.state === 'cancelled'
      ? `${tx.kind} ${tx.key} is closed; its purpose may be planned again`
      : `${tx.kind} ${tx.key} was found: ${tx.state}`
  return { json: { transaction: tx }, lines: [said, ...rowsOf([tx])] }
}

async function raise(
  desk: Desk,
  name: string | undefined,
  step: 'bump' | 'cancel',
): Promise<Report> {
  const before = await requireTx(desk, name)
  requirePending(before, step)
  const sender = senderOf(desk, before)
  const count = (await attemptsOf(desk.db, before.id)).length
  const tx = await sender[step](before.id)
  const attempts = await attemptsOf(desk.db, before.id)
  const added = attempts.length > count ? attempts.at(-1) : undefined
  const fees = added && shownFees(added)
  return {
    json: { transaction: tx, attempt: added },
    lines: [saidOf(step, tx, fees), ...rowsOf([tx])],
  }
}

function saidOf(step: 'bump' | 'cancel', tx: TxRecord, fees: string | undefined): string {
  const name = `${tx.kind} ${tx.key}`
  if (fees !== undefined) {
    return step === 'bump'
      ? `${name} was offered again: ${fees}`
      : `a cancellation of ${name} is out, ${fees}: either it or the original is mined`
  }
  if (tx.state === 'cancelled' && tx.nonce === undefined) {
    return `${name} was never signed: it is cancelled and its nonce is free`
  }
  return `${name} was mined before that; nothing was sent: ${tx.state}`
}

/** Nothing new; what is on its way ends. The keeper then stops by itself. */
async function drain(desk: Desk): Promise<Report> {
  const isRunning = desk.onDrained !== undefined
  await Promise.all(desk.senders.map((sender) => sender.drain()))
  const open = await openOf(desk)
  desk.onDrained?.()
  const done = isRunning ? 'drained, the keeper stops' : 'no keeper runs for this home'
  const rest =
    open.length === 0
      ? 'nothing is on its way'
      : `${plural(open.length, 'transaction')} not final; the next start goes on with the same bytes`
  return { json: { drained: isRunning, open }, lines: [`${done}: ${rest}`, ...rowsOf(open)] }
}

/** What the running keeper answers: orders, and looks into the store that it alone may open. */
export async function answerAtDesk(
  desk: Desk,
  { name, args, options }: ControlRequest,
): Promise<Report> {
  if (name === 'journal') return journalReport(desk.db, options as unknown as JournalOptions)
  if (name === 'journal show') return transactionReport(desk.db, args[0] ?? '')
  if (name === 'status') return { json: await statusOf(desk), lines: [] }
  if (name === 'intake status') {
    return { json: await readIntakeStatus(desk.db, desk.intake?.figures()), lines: [] }
  }
  if (name === 'payout') return payoutAtDesk(desk.programs, args, options)
  if (name === 'program pay') return payAtDesk(desk.programs, args)
  if (isOfficeOrder(name))
    return OFFICE_ORDERS[name](
      { ...desk, clock: systemClock, log: desk.log ?? silentLogger, actor: actorOf(options) },
      args,
      options,
    )
  if (!Object.hasOwn(ORDERS, name)) throw new KeeperError('CONTROL_UNKNOWN', { name })
  return giveOrder(desk, name as OrderName, args, options)
}

function statusOf({ db, client, config, clock, roles }: Desk): Promise<KeeperStatus> {
  const { chainId } = client
  const endpoints = client.endpoints()
  const about = { db, chainId, config, now: clock.now(), endpoints, isRunning: true }
  return readKeeperStatus({ ...about, ...(roles ? { roles } : {}) })
}
