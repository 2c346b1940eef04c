import type { Address, Hex } from '../base/schema.ts'
import type { ChainClient, Receipt } from '../chain/rpc/client.ts'
import { calldataOf } from '../chain/sending/send-acts.ts'
import { UNACCOUNTED } from '../chain/journal/unaccounted.ts'
import type { ChainAudit } from './audit-chain.ts'
import type { Divergence, Findings } from './divergence.ts'
import { nameOf } from './journal-view.ts'
import type { JournalRow, JournalView } from './journal-view.ts'
import { inParallel } from './parallel.ts'
import type { OnProgress } from './read-events.ts'
import { readTx } from './read-senders.ts'

export interface JournalAsk {
  client: ChainClient
  journal: JournalView
  chain: ChainAudit
  /** Keys that only the keeper uses: every nonce of theirs must be in the journal. */
  ours: readonly Address[]
  contracts: readonly Address[]
  findings: Findings
  /** Highest block that the chain calls final: a receipt above it may not have reached the journal yet. */
  finalBlock: number
  onProgress: OnProgress
}

/** Layer b: what the journal says was sent, against what the chain has. */
export async function auditJournal(ask: JournalAsk): Promise<void> {
  findUnjournalled(ask)
  await findUnaccounted(ask)
  const { journal, onProgress } = ask
  const mined = journal.rows.filter(({ blockNumber }) => blockNumber !== undefined)
  await inParallel(mined, onProgress, 'comparing receipts', (row) => checkMined(ask, row))
  const open = journal.rows.filter(({ blockNumber }) => blockNumber === undefined)
  await inParallel(open, onProgress, 'comparing open rows', (row) => checkOpen(ask, row))
}

function finding(
  kind: string,
  what: string,
  tx?: Hex,
): Omit<Divergence, 'expected' | 'found' | 'layer'> & { layer: 'journal' } {
  return { layer: 'journal', kind, what, tx }
}

/** A transaction of our keys to our contracts that no row knows: the row was deleted, or the key is used elsewhere. */
function findUnjournalled({ chain, journal, ours, contracts, findings }: JournalAsk): void {
  const floors = lowestNonces(journal, contracts)
  const isOurs = new Set(ours.map(lower))
  const isContract = new Set(contracts.map(lower))
  const cycles = cyclesByTx(chain)
  const excused = new Set(resolvedNonces(journal).map(({ sender, nonce }) => `${sender}/${nonce}`))
  for (const { hash, from, to, nonce } of chain.txs.values()) {
    const isKnown = journal.byHash.has(hash) || excused.has(`${from}/${nonce}`)
    if (isKnown || to === undefined || !isContract.has(lower(to))) continue
    // Another person's key may have been used before this store was there: a deployer's always was.
    const floor = floors.get(lower(from))
    if (!isOurs.has(lower(from)) && (floor === undefined || nonce < floor)) continue
    findings.add({
      ...finding('unjournalled', `a transaction of ${from} with nonce ${nonce}`, hash),
      cycle: cycles.get(hash),
      expected: 'a row of the journal',
      found: 'none',
    })
  }
}

/** Nonces that were used outside the journal, which a person looked at and closed: told, and no divergence. */
export function resolvedNonces({ rows }: JournalView): JournalRow[] {
  return rows.filter(({ kind, state }) => kind === UNACCOUNTED && state === 'cancelled')
}

export function cyclesByTx({ events }: ChainAudit): Map<Hex, number> {
  const cycles = new Map<Hex, number>()
  for (const { args, at } of events) if ('cycle' in args) cycles.set(at.tx, args.cycle)
  return cycles
}

function lowestNonces({ rows }: JournalView, contracts: readonly Address[]): Map<string, number> {
  const isContract = new Set(contracts.map(lower))
  const floors = new Map<string, number>()
  for (const { sender, nonce, contract } of rows) {
    if (nonce === undefined || !isContract.has(lower(contract))) continue
    const key = lower(sender)
    floors.set(key, Math.min(nonce, floors.get(key) ?? nonce))
  }
  return floors
}

/** Also a transaction that left no event – it failed, or paid nobody – has used up a nonce. */
async function findUnaccounted(ask: JournalAsk): Promise<void> {
  const { client, journal, ours, contracts, chain, findings } = ask
  const floors = lowestNonces(journal, contracts)
  for (const sender of ours) {
    const floor = floors.get(lower(sender))
    if (floor === undefined) continue
    const count = await client.nonceOf(sender, chain.head)
    const known = new Set<number>()
    for (const row of journal.rows) {
      if (lower(row.sender) === lower(sender) && row.nonce !== undefined) known.add(row.nonce)
    }
    for (let nonce = floor; nonce < count; nonce += 1) {
      if (known.has(nonce) || isUnjournalled(chain, journal, sender, nonce)) continue
      findings.add({
        ...finding('nonce-unaccounted', `nonce ${nonce} of ${sender}, which the chain has counted`),
        expected: 'a row of the journal',
        found: 'none',
      })
    }
  }
}

/** Told already, with its hash. */
function isUnjournalled(
  { txs }: ChainAudit,
  { byHash }: JournalView,
  sender: Address,
  nonce: number,
): boolean {
  const found = [...txs.values()].find((tx) => tx.nonce === nonce && tx.from === sender)
  return found !== undefined && !byHash.has(found.hash)
}

/** A row that names a block: the chain must have that receipt there, of those bytes. */
async function checkMined({ client, findings }: JournalAsk, row: JournalRow): Promise<void> {
  const { hash, blockNumber } = row
  if (hash === undefined || blockNumber === undefined) return
  const receipt = await client.receipt(hash)
  const name = nameOf(row)
  if (!receipt) {
    const what = finding('receipt-missing', `${name} is ${row.state}`, hash)
    const expected = `its receipt in block ${blockNumber} (${row.blockHash})`
    findings.add({ ...what, expected, found: 'no receipt on the chain' })
    return
  }
  const fields: [string, unknown, unknown][] = [
    ['block', blockNumber, receipt.blockNumber],
    ['block hash', row.blockHash, receipt.blockHash],
    ['success', row.succeeded, receipt.succeeded],
    ['gas used', row.gasUsed, receipt.gasUsed],
    ['gas price', row.gasPrice, receipt.gasPrice],
  ]
  for (const [field, told, found] of fields) {
    const what = finding('receipt-differs', `the ${field} of ${name}`, hash)
    findings.compare(what, String(told), String(found))
  }
  await checkPayload({ client, findings }, row, hash)
}

async function checkPayload(
  { client, findings }: Pick<JournalAsk, 'client' | 'findings'>,
  row: JournalRow,
  hash: Hex,
): Promise<void> {
  const tx = await readTx(client, hash)
  const name = nameOf(row)
  const attempt = row.attempts.find((each) => each.hash === hash)
  if (!tx || !attempt) {
    const what = finding('attempt-missing', `the mined attempt of ${name}`, hash)
    const found = tx ? 'none in the journal' : 'none on the chain'
    findings.add({ ...what, expected: 'one in journal and chain', found })
    return
  }
  const isCancel = attempt.purpose === 'cancel'
  const fields: [string, unknown, unknown][] = [
    ['sender', lower(row.sender), lower(tx.from)],
    ['nonce', row.nonce, tx.nonce],
    ['address', lower(isCancel ? row.sender : row.contract), lower(tx.to ?? '0x')],
    ['calldata', isCancel ? '0x' : calldataOf(row), tx.data],
    ['value', isCancel ? 0n : row.value, tx.value],
    ...(isCancel ? [] : [['gas limit', row.gasLimit, tx.gas] as [string, unknown, unknown]]),
  ]
  for (const [field, told, found] of fields) {
    const what = finding('payload-differs', `the ${field} of ${name}`, hash)
    findings.compare(what, String(told), String(found))
  }
}

/** A row without a block: either nothing was mined yet, or the journal lost a receipt. */
async function checkOpen(ask: JournalAsk, row: JournalRow): Promise<void> {
  const { client, findings, finalBlock } = ask
  const name = nameOf(row)
  if (row.state === 'unknown' || row.state === 'foreign') {
    findings.add({
      ...finding('unresolved', `${name} with nonce ${row.nonce} of ${row.sender}`),
      expected: 'to be known',
      found: `state ${row.state}: ${row.reason ?? 'no reason'}`,
    })
  }
  const receipts = await Promise.all(row.attempts.map(({ hash }) => client.receipt(hash)))
  const receipt = receipts.find((each): each is Receipt => each !== undefined)
  if (!receipt || receipt.blockNumber > finalBlock) return
  findings.add({
    ...finding('receipt-lost', `${name} is ${row.state}`, receipt.hash),
    expected: `its receipt of block ${receipt.blockNumber} in the journal`,
    found: 'none',
  })
}

function lower(address: string): string {
  return address.toLowerCase()
}
