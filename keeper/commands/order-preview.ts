import { KeeperError } from '../base/errors.ts'
import { bumpFees } from '../chain/sending/fees.ts'
import { attemptsOf, lastNonce } from '../chain/journal/journal.ts'
import { listOpen } from '../chain/journal/journal-queries.ts'
import type { TxAttempt, TxRecord } from '../chain/journal/journal-rows.ts'
import { readMarket } from '../chain/sending/prepare.ts'
import { isStopped, queueStopped } from '../chain/sending/stopped.ts'
import type { Report } from './command.ts'
import type { Desk, OrderName } from './desk.ts'
import { openOf, requirePending, requireTx, rowsOf, shownFees } from './desk-rows.ts'
import { COIN, money, plural } from './print.ts'

type Preview = (desk: Desk, args: string[], options: Record<string, unknown>) => Promise<Report>

/** What an order would do now, with the refusals it would meet. Needs no key and changes nothing. */
export const PREVIEWS: Record<OrderName, Preview> = {
  resume: async (desk, [name], options) =>
    name === undefined ? resumeAll(desk) : resolveOne(desk, name, options['abandon'] === true),
  bump: async (desk, [name]) => raise(desk, name, 'bump'),
  cancel: async (desk, [name]) => raise(desk, name, 'cancel'),
  drain,
}

const NOTHING_DONE = 'dry run: nothing was changed'

function would(said: string, txs: readonly TxRecord[], json: Record<string, unknown>): Report {
  return {
    json: { dryRun: true, would: said, transactions: txs, ...json },
    lines: [`would ${said}`, ...rowsOf(txs), NOTHING_DONE],
  }
}

async function resumeAll({ db, client }: Desk): Promise<Report> {
  const open = await listOpen(db, client.chainId)
  const stopped = open.filter(isStopped).map((tx) => queueStopped(tx).message)
  const said =
    open.length === 0
      ? 'find nothing on its way'
      : `follow ${plural(open.length, 'transaction')} until final, with the same bytes`
  const report = would(said, open, { stopped })
  return { ...report, lines: [...report.lines.slice(0, -1), ...stopped, NOTHING_DONE] }
}

async function resolveOne(desk: Desk, name: string, abandon: boolean): Promise<Report> {
  const tx = await requireTx(desk, name)
  const { id, kind, key, state } = tx
  if (!isStopped(tx)) throw new KeeperError('TX_NOT_STOPPED', { id, kind, key, state })
  const found = await findReceipt(desk, await attemptsOf(desk.db, id))
  if (found) return would(`follow ${kind} ${key}: ${found} is mined`, [tx], { found })
  if (state === 'unknown' && !abandon) throw new KeeperError('TX_UNKNOWN_STILL', { id, kind, key })
  return would(`close ${kind} ${key}; its purpose may be planned again`, [tx], {})
}

async function findReceipt({ client }: Desk, attempts: TxAttempt[]): Promise<string | undefined> {
  for (const { hash } of attempts) if (await client.receipt(hash)) return hash
  return undefined
}

async function raise(
  desk: Desk,
  name: string | undefined,
  step: 'bump' | 'cancel',
): Promise<Report> {
  const tx = await requireTx(desk, name)
  requirePending(tx, step)
  const { kind, key, nonce, sender, gasLimit } = tx
  const { db, client, config } = desk
  const attempts = await attemptsOf(db, tx.id)
  const isLast = (await lastNonce(db, client.chainId, sender)) === nonce
  if (step === 'cancel' && attempts.length === 0 && isLast) {
    return would(`cancel ${kind} ${key}, which nobody signed: nonce ${nonce} is free`, [tx], {})
  }
  const market = await readMarket(client)
  const fees = bumpFees(attempts, market, config)
  if (!fees) {
    const needed = market.baseFee + market.tip
    throw new KeeperError('FEE_OVER_CEILING', { needed, ceiling: config.maxFeePerGas })
  }
  const cost = (step === 'cancel' ? BARE_TX_GAS : gasLimit) * fees.maxFeePerGas
  const what = step === 'bump' ? `offer ${kind} ${key} again` : `send nothing for ${kind} ${key}`
  const said = `${what} at nonce ${nonce}: ${shownFees(fees)}, at most ${money(cost, COIN)}`
  return would(said, [tx], { fees, costAtMost: cost })
}

// What every EVM chain charges for a transfer of nothing.
const BARE_TX_GAS = 21_000n

async function drain(desk: Desk): Promise<Report> {
  const open = await openOf(desk)
  const waits = open.length === 0 ? 'nothing is on its way' : `${open.length} not final`
  const said = desk.onDrained
    ? `begin nothing new, let what is on its way end (${waits}), and stop the keeper`
    : `stop nothing: no keeper runs for this home (${waits})`
  return would(said, open, { isRunning: desk.onDrained !== undefined })
}
