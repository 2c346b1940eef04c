import { EXIT } from '../base/error-catalogue.ts'
import { KeeperError } from '../base/errors.ts'
import { listAccounts, trialBalance } from '../ledger/balances.ts'
import { checkLedger } from '../ledger/check.ts'
import type { Db } from '../store/db.ts'
import { openStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'
import { grouped, plural, table } from './print.ts'

// More is a query for the database itself.
const MAX_LIMIT = 100_000

export async function withStore<T>(run: Run, use: (db: Db) => Promise<T>): Promise<T> {
  const db = await openStore({ ...run.config, clock: run.clock })
  try {
    return await use(db)
  } finally {
    await db.close()
  }
}

export async function checkLedgerCommand(run: Run): Promise<Report> {
  const findings = await withStore(run, checkLedger)
  if (findings.length === 0) {
    const lines = ['the books are sound: balances, sequences, keys and hash chain agree']
    return { json: { ok: true, findings }, lines }
  }
  const rows = findings.map(({ what, where, says }) => [what, where, says])
  const lines = [
    `${plural(findings.length, 'finding')}:`,
    ...table(['what', 'where', 'says'], rows),
  ]
  return { json: { ok: false, findings }, lines, exitCode: EXIT.failed }
}

/** In the smallest unit: the books know nothing of decimals. */
export async function ledgerBalanceCommand(run: Run): Promise<Report> {
  const assets = await withStore(run, trialBalance)
  const lines = assets.flatMap(({ asset, total, kinds }) => [
    `${asset} (smallest unit), in total ${grouped(total)}`,
    ...table(
      ['kind', 'accounts', 'balance'],
      kinds.map(({ kind, accounts, balance }) => [kind, grouped(accounts), grouped(balance)]),
    ),
  ])
  const isSound = assets.every(({ total }) => total === 0n)
  return {
    json: { assets },
    lines: lines.length > 0 ? lines : ['the books are empty'],
    exitCode: isSound ? EXIT.ok : EXIT.failed,
  }
}

export async function ledgerAccountsCommand(
  run: Run,
  { limit }: { limit: string },
  [prefix = '']: string[],
): Promise<Report> {
  if (!/^[1-9]\d{0,5}$/.test(limit) || Number(limit) > MAX_LIMIT) {
    const what = `--limit ${limit} is not between 1 and ${grouped(MAX_LIMIT)}`
    throw new KeeperError('USAGE', { what, command: 'ledger accounts' })
  }
  const accounts = await withStore(run, (db) => listAccounts(db, { prefix, limit: Number(limit) }))
  const rows = accounts.map(({ name, asset, balance, entries, min, max }) => [
    name,
    asset,
    grouped(balance),
    grouped(entries),
    limitText(min),
    limitText(max),
  ])
  const head = ['account', 'asset', 'balance', 'entries', 'at least', 'at most']
  const isCut = accounts.length === Number(limit)
  const more = isCut ? ['there may be more: --limit shows them'] : []
  return {
    json: { accounts },
    lines: rows.length > 0 ? [...table(head, rows), ...more] : ['no account begins so'],
  }
}

function limitText(limit: bigint | undefined): string {
  return limit === undefined ? '-' : grouped(limit)
}
