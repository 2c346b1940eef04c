import { isKeeperError } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { Clock } from '../../base/time.ts'
import type { ChainClient } from '../rpc/client.ts'
import { freshTxId, openAs } from './journal.ts'
import { recordStopped } from './journal-moves.ts'
import type { TxRecord } from './journal-rows.ts'
import { takeTurn } from './journal-writer.ts'
import type { Journal } from './journal-writer.ts'

export type NonceReader = Pick<ChainClient, 'chainId' | 'nonceOf' | 'blockNumber' | 'request'>

interface Searching {
  journal: Journal
  client: NonceReader
  sender: Address
  clock: Clock
  log: Logger
}

export const UNACCOUNTED = 'unaccounted'

// One is enough to stop the queue; the next start finds the next ones.
const MAX_ROWS = 100
// Each search asks the node some thirty times.
const MAX_SEARCHES = 10
// 2^53 blocks are halved in as many steps.
const MAX_HALVINGS = 53

/** Nonces of ours that the chain has counted and no row has: each becomes a row that needs a human. */
export async function findUnaccounted(context: Searching): Promise<TxRecord[]> {
  const { client, sender, log } = context
  const counted = await client.nonceOf(sender)
  const missing = (await missingNonces(context, counted)).slice(0, MAX_ROWS)
  const rows: TxRecord[] = []
  for (const [index, nonce] of missing.entries()) {
    const found = index < MAX_SEARCHES ? await searchChain(client, sender, nonce) : undefined
    rows.push(await stopAt(context, nonce, found))
    log.error({ sender, nonce, ...found }, 'nonce-unaccounted')
  }
  return rows
}

/** From the journal's first nonce on: before it, the key had a life of its own. */
async function missingNonces(
  { journal, client, sender }: Searching,
  counted: number,
): Promise<number[]> {
  const rows = await journal.db.query<{ nonce: bigint }>(
    `select nonce from generate_series(
       (select min(nonce) from tx where chain_id = $1 and sender = $2), $3::bigint - 1) as nonce
      where not exists (select from tx where chain_id = $1 and sender = $2 and tx.nonce = nonce.nonce)
      order by nonce limit $4`,
    [client.chainId, sender.toLowerCase(), counted, MAX_ROWS],
  )
  return rows.map(({ nonce }) => Number(nonce))
}

interface Found {
  hash: Hex
  blockNumber: number
}

async function stopAt(
  { journal, client, sender, clock }: Searching,
  nonce: number,
  found: Found | undefined,
): Promise<TxRecord> {
  const key = `nonce/${nonce}`
  const payload = { to: sender, data: '0x', value: 0n, gasLimit: 0n } as const
  const intent = { kind: UNACCOUNTED, key, ...payload }
  const plan = { chainId: client.chainId, sender, chainNonce: nonce, intent, at: clock.now() }
  const tx = await takeTurn(journal, async (turn) => {
    const id = await freshTxId(turn.t)
    const reserved = { id, nonce, anchor: undefined, createdAt: plan.at }
    return openAs(turn, plan, reserved, { found })
  })
  const where = found ? ` (tx ${found.hash} in block ${found.blockNumber})` : ''
  const reason = `nonce ${nonce} is used on chain${where}, but neither journal nor side log has it`
  return recordStopped(journal, tx, 'unknown', reason, clock.now())
}

/** By halving over the account's count at each block; undefined when the node keeps no old states. */
async function searchChain(
  client: NonceReader,
  sender: Address,
  nonce: number,
): Promise<Found | undefined> {
  try {
    let low = 0
    let high = await client.blockNumber()
    for (let step = 0; low < high && step < MAX_HALVINGS; step += 1) {
      const middle = Math.floor((low + high) / 2)
      if ((await client.nonceOf(sender, middle)) > nonce) high = middle
      else low = middle + 1
    }
    const hash = await transactionIn(client, low, sender, nonce)
    return hash && { hash, blockNumber: low }
  } catch (error) {
    if (isKeeperError(error, 'RPC_REFUSED')) return undefined
    throw error
  }
}

interface BlockAnswer {
  transactions: { from: string; nonce: Hex; hash: Hex }[]
}

async function transactionIn(
  client: NonceReader,
  block: number,
  sender: Address,
  nonce: number,
): Promise<Hex | undefined> {
  const params = [`0x${block.toString(16)}`, true]
  const answer = await client.request<BlockAnswer | null>('eth_getBlockByNumber', params)
  const own = answer?.transactions.find(
    (tx) => tx.from.toLowerCase() === sender.toLowerCase() && Number(tx.nonce) === nonce,
  )
  return own?.hash
}
