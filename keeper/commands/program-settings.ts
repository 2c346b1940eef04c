import { formatAmount, parseAmount } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import { openProgramContracts } from '../chain/program-contracts.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import { appendTrail } from '../office/trail.ts'
import { readSettings, writeSettings } from '../payouts/settings.ts'
import type { ProgramSettings } from '../payouts/settings.ts'
import type { Report, Run } from './command.ts'
import { officeCommand, textOf } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { grouped } from './print.ts'
import { openSession } from './session.ts'

export interface SetProgramOptions {
  minimum?: string
  cap?: string
  unit?: string
  pushUpTo?: string
  keeperPays?: string
}

/** Amounts are read here, where the asset is known; whoever has the store gets them in its smallest unit. */
export async function setProgramCommand(
  run: Run,
  options: SetProgramOptions,
  args: string[],
): Promise<Report> {
  knownProgram(args[0] ?? '')
  const session = await openSession(run)
  try {
    const { unit } = await openProgramContracts(session.client, session.contracts.deployment)
    const given = amountsOf(options, unit.decimals)
    const { pushUpTo, keeperPays } = options
    const asked = { ...given, pushUpTo, keeperPays, decimals: unit.decimals }
    return await officeCommand('program set', setProgramOrder)(run, { ...asked }, args)
  } finally {
    await session.close()
  }
}

const AMOUNTS = ['minimum', 'cap', 'unit'] as const

function amountsOf(options: SetProgramOptions, decimals: number): Record<string, string> {
  const given = AMOUNTS.flatMap((name) => {
    const text = options[name]
    if (text === undefined) return []
    const isWord = name === 'cap' && text === 'none'
    return [[name, isWord ? text : parseAmount(text, decimals).toString()] as const]
  })
  return Object.fromEntries(given)
}

/** What is not named stays as it is; it counts from the next settlement on. */
export const setProgramOrder: OfficeOrder = async (office, [name = ''], options) => {
  const { before, after } = await setProgram(office, name, options)
  const decimals = Number(options['decimals'] ?? 0)
  return { json: { program: name, before, settings: after }, lines: linesOf(name, after, decimals) }
}

interface Changed {
  before: ProgramSettings
  after: ProgramSettings
}

/** With its line in the trail, or not at all. */
export async function setProgram(
  { db, clock, actor }: Pick<Office, 'db' | 'clock' | 'actor'>,
  name: string,
  options: Record<string, unknown>,
): Promise<Changed> {
  const own = knownProgram(name).open('').rules()
  return db.begin(async (t) => {
    const now = clock.now()
    const row = await readSettings(t, name)
    const { changedAt: _at, changedBy: _by, ...before } = { ...own, ...row }
    const after = changed(before, options)
    await writeSettings(t, name, after, { actor: actor.name, now })
    await appendTrail(t, { actor, action: 'program.set', target: name, before, after }, now)
    return { before, after }
  })
}

function changed(before: ProgramSettings, options: Record<string, unknown>): ProgramSettings {
  const { capPerPayee, pushUpTo, ...rest } = before
  const cap = textOf(options['cap'])
  const most = textOf(options['pushUpTo'])
  const pays = textOf(options['keeperPays'])
  const minimum = amountOf('minimum', options['minimum'])
  const unit = amountOf('unit', options['unit'])
  const newCap = cap === undefined ? capPerPayee : cap === 'none' ? undefined : amountOf('cap', cap)
  const newMost = most === undefined ? pushUpTo : most === 'own' ? undefined : payeesOf(most)
  return {
    ...rest,
    ...(minimum === undefined ? {} : { minimum }),
    ...(unit === undefined ? {} : { unit }),
    ...(newCap === undefined ? {} : { capPerPayee: newCap }),
    ...(newMost === undefined ? {} : { pushUpTo: newMost }),
    ...(pays === undefined ? {} : { keeperPays: yesOrNo(pays) }),
  }
}

function amountOf(what: string, value: unknown): bigint | undefined {
  const text = textOf(value)
  if (text === undefined) return undefined
  if (/^\d{1,30}$/.test(text)) return BigInt(text)
  throw usage(`${what} "${text}" is not a whole number of the smallest unit`)
}

function payeesOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw usage(`--push-up-to "${text}" is neither a number of payees nor own`)
}

function yesOrNo(text: string): boolean {
  if (text === 'yes' || text === 'no') return text === 'yes'
  throw usage(`--keeper-pays "${text}" is neither yes nor no`)
}

function usage(what: string): KeeperError {
  return new KeeperError('USAGE', { what, command: 'program set' })
}

function linesOf(name: string, settings: ProgramSettings, decimals: number): string[] {
  return [`${name}: ${settingsText(settings, decimals)}; from the next settlement on`]
}

type SettingsShown = Pick<ProgramSettings, 'minimum' | 'unit'> & {
  [Key in 'capPerPayee' | 'pushUpTo' | 'keeperPays']?: ProgramSettings[Key] | undefined
}

/** 'minimum 0.5, no cap, whole 0.01, pushed up to 1,500 payees'. */
export function settingsText(settings: SettingsShown, decimals: number): string {
  const { minimum, capPerPayee, unit, pushUpTo, keeperPays } = settings
  const shown = (amount: bigint): string => formatAmount(amount, decimals)
  return [
    `minimum ${shown(minimum)}`,
    capPerPayee === undefined ? 'no cap' : `cap ${shown(capPerPayee)}`,
    `in units of ${shown(unit)}`,
    ...(pushUpTo === undefined ? [] : [`pushed up to ${grouped(pushUpTo)} payees`]),
    ...(keeperPays === true ? ['the keeper pays claims'] : []),
  ].join(', ')
}
