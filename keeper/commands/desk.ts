import { KeeperError, isKeeperError } from '../base/errors.ts'
import { EXIT } from '../base/error-catalogue.ts'
import { unresolved } from '../chain/journal.ts'
import { findTx } from '../chain/journal-queries.ts'
import type { TxRecord } from '../chain/journal-rows.ts'
import type { Sender } from '../chain/sender.ts'
import type { Clock } from '../base/time.ts'
import type { EndpointStatus } from '../chain/endpoint.ts'
import type { Config } from '../config.ts'
import type { Db } from '../store/db.ts'
import type { ControlRequest } from '../api/control.ts'
import type { Report } from './command.ts'
import { journalReport, transactionReport } from './journal.ts'
import type { JournalOptions } from './journal.ts'
import { readKeeperStatus } from './keeper-status.ts'
import type { KeeperStatus } from './keeper-status.ts'
import { plural, table } from './print.ts'

/** Where orders are carried out: in the running keeper, or in a command that opened the store itself. */
export interface Desk {
  db: Db
  senders: readonly Sender[]
  chainId: number
  config: Config
  clock: Clock
  endpoints(): EndpointStatus[]
  /** Ends the keeper once nothing is on its way; a command has nothing to end. */
  onDrained?(): void
}

export type OrderName = 'resume' | 'bump' | 'cancel' | 'drain'
type Order = (desk: Desk, args: string[], options: Record<string, unknown>) => Promise<Report>

/** The same functions whether the keeper or the command line calls them. */
export const ORDERS: Record<OrderName, Order> = {
  resume: async (desk, [name], options) =>
    name === undefined ? resumeAll(desk) : resolveOne(desk, name, options['abandon'] === true),
  bump: async (desk, [name]) => raise(desk, name, 'bump'),
  cancel: async (desk, [name]) => raise(desk, name, 'cancel'),
  drain,
}

/** By its number or by a hash, as `muster journal` lists them. */
async function requireTx({ db }: Desk, name = ''): Promise<TxRecord> {
  const tx = await findTx(db, name)
  if (!tx) throw new KeeperError('TX_NOT_FOUND', { id: name })
  return tx
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
  const { id, kind, key, state } = before
  const mayStill = state === 'planned' || state === 'signed' || state === 'broadcast'
  if (!mayStill) throw new KeeperError('TX_NOT_PENDING', { id, kind, key, state, step })
  const tx = await senderOf(desk, before)[step](id)
  const said = {
    bump: `${tx.kind} ${tx.key} was offered again at a higher fee`,
    cancel:
      tx.state === 'cancelled'
        ? `${tx.kind} ${tx.key} was never signed: it is cancelled and its nonce is free`
        : `a cancellation of ${tx.kind} ${tx.key} is out: either it or the original is mined`,
  }[step]
  return { json: { transaction: tx }, lines: [said, ...rowsOf([tx])] }
}

/** Nothing new; what is on its way ends. The keeper then stops by itself. */
async function drain(desk: Desk): Promise<Report> {
  const { senders, db, chainId } = desk
  await Promise.all(senders.map((sender) => sender.drain()))
  const open: TxRecord[] = []
  for (const { address } of senders) open.push(...(await unresolved(db, chainId, address)))
  desk.onDrained?.()
  return {
    json: { drained: true, open },
    lines: [
      open.length === 0
        ? 'drained: nothing is on its way'
        : `drained: ${plural(open.length, 'transaction')} still to become final, in the journal`,
      ...rowsOf(open),
    ],
  }
}

function rowsOf(txs: readonly TxRecord[]): string[] {
  if (txs.length === 0) return []
  const rows = txs.map(({ id, kind, key, state, nonce, hash }) => [
    String(id),
    kind,
    key.slice(0, MAX_KEY),
    state,
    String(nonce ?? '-'),
    hash ?? '-',
  ])
  return table(['id', 'kind', 'key', 'state', 'nonce', 'hash'], rows)
}

const MAX_KEY = 28

/** What the running keeper answers: orders, and looks into the store that it alone may open. */
export async function answerAtDesk(
  desk: Desk,
  { name, args, options }: ControlRequest,
): Promise<Report> {
  if (name === 'journal') return journalReport(desk.db, options as unknown as JournalOptions)
  if (name === 'journal show') return transactionReport(desk.db, args[0] ?? '')
  if (name === 'status') return { json: await statusOf(desk), lines: [] }
  const order = Object.hasOwn(ORDERS, name) ? ORDERS[name as OrderName] : undefined
  if (!order) throw new KeeperError('CONTROL_UNKNOWN', { name })
  return order(desk, args, options)
}

function statusOf({ db, chainId, config, clock, endpoints }: Desk): Promise<KeeperStatus> {
  const now = clock.now()
  return readKeeperStatus({
    db,
    chainId,
    config,
    now,
    endpoints: endpoints(),
    isRunning: true,
  })
}
