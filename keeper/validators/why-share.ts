import { getAddress, isAddress } from 'ethers'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'
import { findTx } from '../chain/journal/journal-queries.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { assetIdOf } from '../chain/program-contracts.ts'
import { proofOf, transfersOf } from '../ledger/transfers.ts'
import type { Proof, Transfer } from '../ledger/transfers.ts'
import type { Db } from '../store/db.ts'
import { REWARD_CODES, rewardsAccounts } from './book-names.ts'
import { readPayHistory } from './pay-history.ts'
import type { CyclePay, MoneyKind, MoneyMove } from './pay-history.ts'
import type { ChainRoom } from './room.ts'
import { readRoster } from './roster.ts'

/** What moved a share, with its line in the books and our transaction, if it was ours. */
export interface WhyMove extends MoneyMove {
  booked: { transfer: Transfer; proof: Proof | undefined } | undefined
  /** Undefined: somebody else sent it. */
  journal: TxRecord | undefined
}

export interface WhyValidator {
  index: number
  node: Address
  fund: Address
  pay: CyclePay
  moves: WhyMove[]
}

/** One validator's share of one cycle, from the decision to the transactions. */
export interface WhyShare {
  cycle: Cycle
  address: Address
  asset: string
  pool: Wei
  allocated: Wei
  eligible: number
  weighted: boolean
  /** What the cycle owes, in the books. */
  decided: Transfer | undefined
  validators: WhyValidator[]
  /** What took a refused share from its credit, or moved it. */
  creditMoves: Transfer[]
}

// Of a cycle: its batches, refusals and claims; what is beyond is told by the chain alone.
const MAX_TRANSFERS = 10_000
const MAX_CREDIT_MOVES = 20

/** VALIDATOR_UNKNOWN when no validator has that node or fund address. */
export async function explainShare(
  room: ChainRoom,
  db: Db,
  { name, cycle }: { name: string; cycle: Cycle },
): Promise<WhyShare> {
  if (!isAddress(name)) throw new KeeperError('VALIDATOR_UNKNOWN', { validator: name })
  const address = getAddress(name) as Address
  const { client, contracts } = room
  const block = await client.blockNumber()
  const roster = await readRoster(room, block)
  const entries = roster.entries.filter(({ node, fund }) => node === address || fund === address)
  if (entries.length === 0) throw new KeeperError('VALIDATOR_UNKNOWN', { validator: name })
  const indices = entries.map(({ index }) => index)
  const history = await readPayHistory(room, indices, block)
  const asset = assetIdOf(client.chainId, contracts.deployment.asset)
  const of = rewardsAccounts(contracts.deployment.rewards)
  const booked = await transfersOf(db, of.owed(cycle), { asset, limit: MAX_TRANSFERS })
  const validators: WhyValidator[] = []
  for (const { index, node, fund } of entries) {
    const pay = history.cycles.find((each) => each.cycle === cycle && each.index === index)
    const own = history.moves.filter((each) => each.cycle === cycle && each.index === index)
    const moves: WhyMove[] = []
    for (const move of own) moves.push(await explainMove(db, move, booked))
    if (pay) validators.push({ index, node, fund, pay, moves })
  }
  const { pool, allocated, eligible, weighted } = await contracts.rewards.cycle(cycle)
  const refused = validators.flatMap(({ moves }) => moves.filter(isCredited))
  const credits = [...new Set(refused.flatMap(({ to }) => (to === null ? [] : [of.credit(to)])))]
  const taken = await Promise.all(credits.map((account) => takenFrom(db, account, asset)))
  const decided = booked.find(({ code }) => code === REWARD_CODES.Extracted)
  const facts = { pool, allocated, eligible: Number(eligible), weighted }
  return { cycle, address, asset, ...facts, decided, validators, creditMoves: taken.flat() }
}

function isCredited({ kind }: MoneyMove): boolean {
  return kind === 'refused' || kind === 'swept'
}

const CODES: Record<MoneyKind, string> = {
  paid: REWARD_CODES.Paid,
  claimed: REWARD_CODES.Claimed,
  refused: REWARD_CODES.PaymentRefused,
  swept: REWARD_CODES.Swept,
}

async function explainMove(db: Db, move: MoneyMove, booked: readonly Transfer[]): Promise<WhyMove> {
  const isIts = ({ key, code, reason }: Transfer): boolean =>
    key.startsWith(`event:${move.hash}:`) &&
    code === CODES[move.kind] &&
    // A batch is one transfer; all else names whose it is.
    (move.kind === 'paid' || (reason as { index?: number }).index === move.index)
  const transfer = booked.find(isIts)
  const proof = transfer && (await proofOf(db, transfer.id))
  const journal = await findTx(db, move.hash)
  return { ...move, booked: transfer && { transfer, proof }, journal }
}

async function takenFrom(db: Db, account: string, asset: string): Promise<Transfer[]> {
  const found = await transfersOf(db, account, { asset, limit: MAX_CREDIT_MOVES })
  return found.filter(({ debit }) => debit === account).toReversed()
}
