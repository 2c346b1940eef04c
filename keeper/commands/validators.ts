import { getAddress, isAddress } from 'ethers'
import { KeeperError } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import type { Roster, RosterEntry } from '../validators/roster.ts'
import { FOREVER, isActive, readRoster } from '../validators/roster.ts'
import type { RosterRow } from '../validators/roster-file.ts'
import { parseRosterFile, readRosterFile, rosterCsv, toBatches } from '../validators/roster-file.ts'
import { reportAdminCalls } from './admin.ts'
import type { Report, Run } from './command.ts'
import { plural, table } from './print.ts'
import { openSession } from './session.ts'
import type { AdminCall } from './timelock.ts'

// A list for people; --json has all.
const MAX_SHOWN = 50
// The contract changes at most this many validators a call.
const MAX_CHANGES = 256

export async function listValidatorsCommand(run: Run, options: { all?: boolean }): Promise<Report> {
  const session = await openSession(run)
  try {
    const roster = await readRoster(session)
    const block = await session.client.block('latest')
    const cycle = Number(await session.contracts.registry.cycleAt(block?.timestamp ?? 0))
    const listed = roster.entries.filter((e) => options.all === true || e.activeTo === FOREVER)
    const rows = listed.slice(0, MAX_SHOWN).map((entry) => rowOf(entry, cycle))
    const more =
      listed.length > MAX_SHOWN
        ? [`  … and ${listed.length - MAX_SHOWN} more (--json has all)`]
        : []
    return {
      json: { cycle, validators: listed },
      lines: [
        `${plural(listed.length, 'validator')}, cycle ${cycle} is open`,
        ...table(['index', 'node', 'fund', 'weight', 'state'], rows),
        ...more,
      ],
    }
  } finally {
    await session.close()
  }
}

function rowOf(entry: RosterEntry, cycle: number): string[] {
  const { index, node, fund, weight } = entry
  return [
    String(index),
    node,
    fund === node ? 'same' : fund,
    weight.toString(),
    stateOf(entry, cycle),
  ]
}

function stateOf(entry: RosterEntry, cycle: number): string {
  const { activeFrom, activeTo } = entry
  if (activeTo < activeFrom) return 'removed before it counted'
  if (isActive(entry, cycle)) return activeTo === FOREVER ? 'active' : `until cycle ${activeTo}`
  return activeFrom > cycle ? `from cycle ${activeFrom}` : 'removed'
}

export async function addValidatorCommand(
  run: Run,
  { weight = '1' }: { weight?: string },
  [node = '', fund = node]: string[],
): Promise<Report> {
  // The same reader as for a file, so that both know the same faults.
  const rows = parseRosterFile(toJson([{ node, fund, weight }]), 'The command line')
  return importRows(run, rows)
}

export async function importValidatorsCommand(
  run: Run,
  _options: object,
  [file = '']: string[],
): Promise<Report> {
  return importRows(run, await readRosterFile(file))
}

/** Idempotent: who is registered with that fund address is skipped, who has another one is named. */
async function importRows(run: Run, rows: RosterRow[]): Promise<Report> {
  return reportAdminCalls(run, async (session) => {
    const roster = await readRoster(session)
    const fresh = rows.filter(({ node }) => newest(roster, node) === undefined)
    const different = rows.filter(({ node, fund }) => {
      const entry = newest(roster, node)
      return entry !== undefined && entry.fund !== fund
    })
    const same = rows.length - fresh.length - different.length
    const first = roster.entries.length
    const calls = toBatches(fresh, first).map((batch): AdminCall => ({
      contract: 'registry',
      name: 'addValidators',
      args: [batch],
    }))
    const notes = [
      `${plural(fresh.length, 'validator')} to register in ${plural(calls.length, 'batch', 'batches')}`,
    ]
    if (same > 0) notes.push(`${same} are registered already and were skipped`)
    for (const { node, fund } of different.slice(0, MAX_SHOWN)) {
      notes.push(`${node} has another fund address: muster validators set-fund ${node} ${fund}`)
    }
    return { calls, notes }
  })
}

function newest(roster: Roster, node: Address): RosterEntry | undefined {
  const entry = roster.byNode.get(node)
  return entry?.activeTo === FOREVER ? entry : undefined
}

export async function removeValidatorsCommand(
  run: Run,
  _options: object,
  names: string[],
): Promise<Report> {
  return reportAdminCalls(run, async (session) => {
    const roster = await readRoster(session)
    const indices = names.map((name) => findActive(roster, name).index)
    if (indices.length > MAX_CHANGES) throw tooMany(indices.length)
    return { calls: [{ contract: 'registry', name: 'removeValidators', args: [indices] }] }
  })
}

export async function setFundCommand(
  run: Run,
  _options: object,
  [name = '', fund = '']: string[],
): Promise<Report> {
  return reportAdminCalls(run, async (session) => {
    const entry = findActive(await readRoster(session), name)
    const to = parseWith(addressSchema, fund, 'fund address')
    if (entry.fund === to) throw nothingChanges(`${entry.node} has that fund address`)
    return { calls: [{ contract: 'registry', name: 'setFunds', args: [[entry.index], [to]] }] }
  })
}

export async function setWeightCommand(
  run: Run,
  _options: object,
  [name = '', weight = '']: string[],
): Promise<Report> {
  if (!/^\d{1,28}$/.test(weight)) {
    const what = `"${weight}" is not a whole number`
    throw new KeeperError('USAGE', { what, command: 'validators set-weight' })
  }
  return reportAdminCalls(run, async (session) => {
    const entry = findActive(await readRoster(session), name)
    if (entry.weight === BigInt(weight)) throw nothingChanges(`${entry.node} has that weight`)
    const args = [[entry.index], [BigInt(weight)]]
    return { calls: [{ contract: 'registry', name: 'setWeights', args }] }
  })
}

export async function exportRosterCommand(run: Run): Promise<Report> {
  const session = await openSession(run)
  try {
    const roster = await readRoster(session)
    const validators = roster.entries.filter(({ activeTo }) => activeTo === FOREVER)
    const rows = validators.map(({ node, fund, weight }) => ({ node, fund, weight }))
    return { json: rows, lines: [rosterCsv(roster).trimEnd()] }
  } finally {
    await session.close()
  }
}

/** By index or node address. */
export function findValidator({ entries, byNode }: Roster, name: string): RosterEntry {
  const found = isAddress(name)
    ? byNode.get(getAddress(name) as Address)
    : /^\d{1,9}$/.test(name)
      ? entries[Number(name)]
      : undefined
  if (found) return found
  throw new KeeperError('VALIDATOR_UNKNOWN', { validator: name })
}

function findActive(roster: Roster, name: string): RosterEntry {
  const entry = findValidator(roster, name)
  if (entry.activeTo === FOREVER) return entry
  const until =
    entry.activeTo < entry.activeFrom
      ? 'it never counted'
      : `it counts until cycle ${entry.activeTo}`
  throw nothingChanges(`${entry.node} is removed (${until})`)
}

function nothingChanges(what: string): KeeperError {
  return new KeeperError('NOTHING_CHANGES', { what })
}

function tooMany(given: number): KeeperError {
  const what = `${given} validators are more than the ${MAX_CHANGES} of one change`
  return new KeeperError('USAGE', { what, command: 'validators remove' })
}
