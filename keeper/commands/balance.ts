import { getAddress, isAddress } from 'ethers'
import { sum } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { readPayHistory } from '../validators/pay-history.ts'
import type { CyclePay } from '../validators/pay-history.ts'
import { readRoster } from '../validators/roster.ts'
import { money, plural, table } from './print.ts'
import { findValidator } from './validators.ts'
import type { Asset } from './print.ts'
import type { Session } from './session.ts'

/** What the chain says of one address: as a node, and as a fund address of nodes. */
export interface Balance {
  address: Address
  validators: { index: number; node: Address; fund: Address }[]
  /** Those in which anything was earned. */
  cycles: CyclePay[]
  unpaid: Wei
  paid: Wei
  credit: Wei
}

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
  const indices = validators.map(({ index }) => index)
  const history = await readPayHistory(session, indices)
  const cycles = history.cycles.filter(({ earned }) => earned > 0n)
  return {
    address,
    validators: validators.map(({ index, node, fund }) => ({ index, node, fund })),
    cycles,
    unpaid: sum(cycles.map(({ unpaid }) => unpaid)),
    paid: sum(cycles.map(({ paid }) => paid)),
    credit,
  }
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
      money(pay.refused + pay.swept, asset),
    ])
  return [
    `${address}: ${plural(validators.length, 'validator')}`,
    ...(rows.length > 0 ? table(['cycle', 'index', 'paid', 'unpaid', 'credited'], rows) : []),
    `paid ${money(paid, asset)}, unpaid ${money(unpaid, asset)}, credit ${money(credit, asset)}`,
  ]
}
