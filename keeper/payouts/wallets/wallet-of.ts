import { getAddress, isAddress } from 'ethers'
import type { Address } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import { toJson } from '../../base/json.ts'
import type { Db } from '../../store/db.ts'
import { foldWallets } from './history.ts'
import type { WalletEvent, Wallets } from './history.ts'

/** Programs whose payees are addresses: they are paid there, and link nothing. */
const PROGRAMS_OF_ADDRESSES: ReadonlySet<string> = new Set(['manual'])

export function paysAddresses(program: string): boolean {
  return PROGRAMS_OF_ADDRESSES.has(program)
}

/** Where a payee is paid at `now`; undefined while it has no primary wallet: what it is owed waits. */
export async function walletOf(
  db: Db,
  program: string,
  payee: string,
  now: UnixSeconds,
): Promise<Address | undefined> {
  return (await walletsOf(db, program, [payee], now)).get(payee)
}

/** The same of many at once; who has no primary wallet is not in it. */
export async function walletsOf(
  db: Db,
  program: string,
  payees: readonly string[],
  now: UnixSeconds,
): Promise<Map<string, Address>> {
  if (paysAddresses(program)) return ofAddresses(payees)
  const found = new Map<string, Address>()
  for (const [payee, events] of await readHistories(db, program, payees)) {
    const { primary } = foldWallets(events, now)
    if (primary !== undefined) found.set(payee, primary)
  }
  return found
}

function ofAddresses(payees: readonly string[]): Map<string, Address> {
  const own = payees.filter((payee) => isAddress(payee))
  return new Map(own.map((payee) => [payee, getAddress(payee) as Address]))
}

export async function readWallets(
  db: Db,
  program: string,
  payee: string,
  now: UnixSeconds,
): Promise<Wallets & { events: number }> {
  const events = (await readHistories(db, program, [payee])).get(payee) ?? []
  return { ...foldWallets(events, now), events: events.length }
}

interface EventRow {
  payee: string
  kind: WalletEvent['kind']
  wallet: string
  is_primary: boolean
  effective_at: bigint
  recorded_at: bigint
}

async function readHistories(
  db: Db,
  program: string,
  payees: readonly string[],
): Promise<Map<string, WalletEvent[]>> {
  const rows = await db.query<EventRow>(
    `select payee, kind, wallet, is_primary, effective_at, recorded_at from wallet_event
     where program = $1 and payee in (select jsonb_array_elements_text($2::jsonb))
     order by payee, seq`,
    [program, toJson(payees)],
  )
  const histories = new Map<string, WalletEvent[]>()
  for (const row of rows) {
    const events = histories.get(row.payee) ?? []
    events.push(eventOf(row))
    histories.set(row.payee, events)
  }
  return histories
}

function eventOf(row: EventRow): WalletEvent {
  return {
    kind: row.kind,
    wallet: getAddress(row.wallet) as Address,
    isPrimary: row.is_primary,
    effectiveAt: Number(row.effective_at),
    recordedAt: Number(row.recorded_at),
  }
}
