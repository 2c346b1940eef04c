import type { ProgramContracts } from '../chain/program-contracts.ts'
import type { Posting } from '../ledger/posting.ts'
import type { Db } from '../store/db.ts'
import { bookEvents } from './event-booking.ts'
import type { EventAt } from './event-booking.ts'
import { accounts } from './names.ts'
import type { PayoutsRoom } from './room.ts'

/** The last block that cannot be undone; taken before the batches are booked, it has no refusal that is not. */
export async function finalBlock({ payer }: Pick<PayoutsRoom, 'payer'>): Promise<number> {
  return payer.waitFinal('the number of a final block', async (block) => block)
}

export interface EventsRoom extends Pick<PayoutsRoom, 'db' | 'client' | 'clock' | 'log'> {
  /** The recorded contract, or one before it. */
  contracts: Pick<ProgramContracts, 'payouts' | 'address' | 'assetId' | 'deployBlock'>
}

/**
 * Books what others did with the contract: who funded a program or got funds of it back, which creditor withdrew or
 * moved a credit. Read once, up to a final block. Returns how many were booked.
 */
export async function bookWithdrawals(room: EventsRoom, through: number): Promise<number> {
  const { db, client, clock, log, contracts } = room
  const source = {
    db,
    client,
    clock,
    log,
    contract: contracts.address,
    deployBlock: contracts.deployBlock,
    face: contracts.payouts.interface,
    events: ['Funded', 'Skimmed', 'FundsReturned', 'Withdrawn', 'CreditMoved'],
    postingOf: (found: EventAt) => postingOf(room, found),
    isWaiting: (t: Db) => hasInflight(t, client.chainId, contracts.address),
  }
  return bookEvents(source, through)
}

/** A batch whose refusals are not booked yet: a credit that was taken may be of it. */
async function hasInflight(t: Db, chainId: number, contract: string): Promise<boolean> {
  const rows = await t.query(
    `select id from payout_batch
      where chain_id = $1 and contract = $2 and state = 'inflight' limit 1`,
    [chainId, contract.toLowerCase()],
  )
  return rows.length > 0
}

/** Where a program's money came from: by its number in the contract. */
export function fundingOf(contract: string, program: bigint): string {
  return `funding:${contract.toLowerCase()}:${program}`
}

/** What of it is with the contract, or was paid. */
export function treasuryOf(contract: string, program: bigint): string {
  return `treasury:${contract.toLowerCase()}:${program}`
}

interface Args {
  program: bigint
  account: string
  to: string
  amount: bigint
}

function postingOf(
  { contracts: { address, assetId } }: EventsRoom,
  { event, key, at }: EventAt,
): Posting | undefined {
  const { program, account, to, amount } = event.args.toObject() as Args
  const line = { key, asset: assetId, amount, effectiveAt: at }
  const funding = fundingOf(address, program)
  const treasury = treasuryOf(address, program)
  switch (event.name) {
    case 'Funded':
    case 'Skimmed':
      return { ...line, debit: funding, credit: treasury, code: 'fund' }
    case 'FundsReturned':
      return { ...line, debit: treasury, credit: funding, code: 'refund', reason: { to } }
    case 'Withdrawn':
      return {
        ...line,
        debit: accounts.credit(account),
        credit: accounts.withdrawn,
        code: 'withdraw',
        reason: { to },
      }
    case 'CreditMoved':
      return {
        ...line,
        debit: accounts.credit(account),
        credit: accounts.credit(to),
        code: 'move',
        reason: { to },
      }
    default:
      return undefined
  }
}
