import { KeeperError } from '../base/errors.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { Program, SettlementRules } from './program.ts'
import { MAX_PAYMENT, leastPayment } from './rules.ts'

/** What an operator may set for a program; a change is for the settlements to come. */
export interface ProgramSettings extends SettlementRules {
  /** Sent to them up to so many payees at a settlement, theirs to claim above; undefined: as the program has it. */
  pushUpTo?: number
  /** Of claims: the keeper pays ranges of leaves itself. */
  keeperPays?: boolean
}

export interface SettingsRow extends ProgramSettings {
  changedAt: UnixSeconds
  changedBy: string
}

interface Row {
  minimum: string
  cap_per_payee: string | null
  unit: string
  push_up_to: bigint | null
  keeper_pays: boolean
  changed_at: bigint
  changed_by: string
}

/** Undefined: nobody has set anything. */
export async function readSettings(db: Db, program: string): Promise<SettingsRow | undefined> {
  const row = await db.maybeOne<Row & object>(
    `select minimum, cap_per_payee, unit, push_up_to, keeper_pays, changed_at, changed_by
       from program_setting where program = $1`,
    [program],
  )
  if (!row) return undefined
  const { minimum, cap_per_payee: cap, unit, push_up_to: most } = row
  return {
    minimum: BigInt(minimum),
    unit: BigInt(unit),
    ...(cap === null ? {} : { capPerPayee: BigInt(cap) }),
    ...(most === null ? {} : { pushUpTo: Number(most) }),
    keeperPays: row.keeper_pays,
    changedAt: Number(row.changed_at),
    changedBy: row.changed_by,
  }
}

/** Replaces them all. PROGRAM_SETTINGS_INVALID when nobody could ever be paid. */
export async function writeSettings(
  t: Db,
  program: string,
  settings: ProgramSettings,
  by: { actor: string; now: UnixSeconds },
): Promise<void> {
  const faults = faultsOf(settings)
  if (faults.length > 0) throw new KeeperError('PROGRAM_SETTINGS_INVALID', { program, faults })
  const { minimum, capPerPayee = null, unit, pushUpTo = null, keeperPays = false } = settings
  await t.query(
    `insert into program_setting
       (program, minimum, cap_per_payee, unit, push_up_to, keeper_pays, changed_at, changed_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (program) do update set
       minimum = excluded.minimum, cap_per_payee = excluded.cap_per_payee, unit = excluded.unit,
       push_up_to = excluded.push_up_to, keeper_pays = excluded.keeper_pays,
       changed_at = excluded.changed_at, changed_by = excluded.changed_by`,
    [program, minimum, capPerPayee, unit, pushUpTo, keeperPays, by.now, by.actor],
  )
}

/** What would keep everybody from being paid for ever. */
export function faultsOf(rules: SettlementRules): string[] {
  const { minimum, capPerPayee = MAX_PAYMENT, unit } = rules
  if (unit <= 0n) return ['the unit is not above zero']
  const most = capPerPayee < MAX_PAYMENT ? capPerPayee : MAX_PAYMENT
  const isPayable = minimum > MAX_PAYMENT || capPerPayee < minimum || most >= leastPayment(rules)
  return [
    ...(capPerPayee >= minimum ? [] : ['the cap is below the minimum']),
    ...(isPayable ? [] : ['no whole number of units is between the minimum and the cap']),
    ...(minimum <= MAX_PAYMENT ? [] : ['the minimum is more than a payment can carry']),
  ]
}

/** The program as it is paid: by its own rules where nothing is set. */
export function withSettings(program: Program, settings: ProgramSettings | undefined): Program {
  if (!settings) return program
  const { minimum, capPerPayee, unit, pushUpTo, keeperPays } = settings
  const rules = { minimum, unit, ...(capPerPayee === undefined ? {} : { capPerPayee }) }
  return {
    ...program,
    ...(keeperPays === undefined ? {} : { keeperPays }),
    offer: (period) => program.offer(period),
    rules: () => rules,
    method: (payees) => {
      if (pushUpTo === undefined) return program.method(payees)
      return payees <= pushUpTo ? 'push' : 'claim'
    },
  }
}
