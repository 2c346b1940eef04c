import { getAddress, isAddress } from 'ethers'
import { sum } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { indicesOf } from '../heartbeat/words.ts'
import { shareReader } from '../validators/payments.ts'
import type { PaidWords } from '../validators/payments.ts'
import type { RosterEntry } from '../validators/roster.ts'
import { readRoster } from '../validators/roster.ts'
import { money, plural, table } from './print.ts'
import { findValidator } from './validators.ts'
import type { Asset } from './print.ts'
import type { Session } from './session.ts'

/** What the chain says of one address: as a node, and as a fund address of nodes. */
export interface Balance {
  address: Address
  validators: { index: number; node: Address; fund: Address }[]
  cycles: CyclePay[]
  unpaid: Wei
  paid: Wei
  credit: Wei
}

interface CyclePay {
  cycle: number
  index: number
  unpaid: Wei
  paid: Wei
  refused: Wei
}

// Two years of cycles: older pay is long since swept into credits.
const MAX_CYCLES = 730

export async function readBalance(session: Session, name: string): Promise<Balance> {
  const { contracts } = session
  const roster = await readRoster(session)
  const address = isAddress(name) ? (getAddress(name) as Address) : findValidator(roster, name).node
  const validators = roster.entries.filter(({ node, fund }) => node === address || fund === address)
  // Of the address itself, and of where the pay of its node goes.
  const accounts = new Set([address, ...validators.map(({ fund }) => fund)])
  const credits = await Promise.all([...accounts].map((one) => contracts.rewards.creditOf(one)))
  const credit = sum(credits.map(([amount]) => amount))
  if (validators.length === 0 && credit === 0n) {
    throw new KeeperError('VALIDATOR_UNKNOWN', { validator: address })
  }
  const cycles = await readCycles(session, validators)
  return {
    address,
    validators: validators.map(({ index, node, fund }) => ({ index, node, fund })),
    cycles,
    unpaid: sum(cycles.map(({ unpaid }) => unpaid)),
    paid: sum(cycles.map(({ paid }) => paid)),
    credit,
  }
}

/** Unpaid is asked of the contract; what was paid is in the events alone. */
async function readCycles(session: Session, validators: RosterEntry[]): Promise<CyclePay[]> {
  const { contracts, client } = session
  const { rewards, deployment } = contracts
  const next = Number(await rewards.nextCycle())
  const names = ['Paid', 'Claimed', 'PaymentRefused'] as const
  const topics = names.map((event) => rewards.interface.getEvent(event).topicHash as Hex)
  const range = { fromBlock: deployment.deployBlock, toBlock: await client.blockNumber() }
  const logs = await readLogs(client, { address: deployment.rewards, topics: [topics], ...range })
  const events = logs.flatMap((log) => rewards.interface.parseLog(log) ?? [])
  const lines: CyclePay[] = []
  for (let cycle = Math.max(1, next - MAX_CYCLES); cycle < next; cycle += 1) {
    for (const { index } of validators) {
      const line = await payOf(session, cycle, index, events)
      if (line.unpaid + line.paid + line.refused > 0n) lines.push(line)
    }
  }
  return lines
}

type Events = { name: string; args: Record<string, unknown> }[]

async function payOf(
  session: Session,
  cycle: number,
  index: number,
  events: Events,
): Promise<CyclePay> {
  const { rewards } = session.contracts
  const unpaid = await rewards.rewardOf(cycle, index)
  const mine = events.filter(({ args }) => Number(args['cycle']) === cycle)
  const wasPaid = mine.some(({ name, args }) => name === 'Paid' && hasPaid(args, index))
  const own = mine.filter(({ args }) => Number(args['index'] ?? -1) === index)
  const claimed = sum(
    own.filter(({ name }) => name === 'Claimed').map(({ args }) => args['amount'] as Wei),
  )
  const refusals = own.filter(({ name, args }) => name === 'PaymentRefused' && args['credited'])
  const refused = sum(refusals.map(({ args }) => args['amount'] as Wei))
  const paid = claimed + (wasPaid ? await shareAt(session, cycle, index) : 0n)
  return { cycle, index, unpaid, paid, refused }
}

function hasPaid(args: Record<string, unknown>, index: number): boolean {
  const words = args['words'] as PaidWords
  return words.some(
    ({ word, mask }) =>
      Number(word) === Math.floor(index / 256) && indicesOf([mask]).includes(index % 256),
  )
}

/** By the weight of the cycle's own roster page, which may differ from today's. */
async function shareAt(session: Session, cycle: number, index: number): Promise<Wei> {
  const { weighted, pool, weightSum, words } = await session.contracts.rewards.cycle(cycle)
  if (weightSum === 0n) return 0n
  const share = await shareReader(session, {
    cycle,
    pool,
    weighted,
    weightSum,
    words: Number(words),
  })
  return share(index)
}

// A screenful; --json has all.
const MAX_SHOWN = 30

export function balanceLines(balance: Balance, asset: Asset): string[] {
  const { address, validators, cycles, unpaid, paid, credit } = balance
  const rows = cycles
    .slice(-MAX_SHOWN)
    .map((pay) => [
      String(pay.cycle),
      String(pay.index),
      money(pay.paid, asset),
      money(pay.unpaid, asset),
      money(pay.refused, asset),
    ])
  return [
    `${address}: ${plural(validators.length, 'validator')}`,
    ...(rows.length > 0 ? table(['cycle', 'index', 'paid', 'unpaid', 'refused'], rows) : []),
    `paid ${money(paid, asset)}, unpaid ${money(unpaid, asset)}, credit ${money(credit, asset)}`,
  ]
}
