import { parseAmount } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import { openProgramContracts, pauseOf } from '../chain/program-contracts.ts'
import type { ProgramContracts } from '../chain/program-contracts.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import type { Report, Run } from './command.ts'
import { money, shownTime } from './print.ts'
import { newKey } from './programs.ts'
import { sendCall } from './send.ts'
import { openSendingSession } from './session.ts'

/** Nothing of the program leaves any more, at once: for a payer's key that is lost. */
export async function revokePayerCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  const { number } = knownProgram(name)
  return guardianCall(run, name, ({ payouts }) => ({
    kind: 'revoke-payer',
    data: payouts.interface.encodeFunctionData('revokePayer', [number]) as Hex,
    done: `${name} has no payer: nothing leaves until the admin sets another`,
  }))
}

/** Both figures may only fall; what they were comes back through the timelock alone. */
export async function lowerBudgetCommand(
  run: Run,
  { capacity, perDay }: { capacity: string; perDay: string },
  [name = '']: string[],
): Promise<Report> {
  const { number } = knownProgram(name)
  return guardianCall(run, name, ({ payouts, unit }) => {
    const args = [number, unitsOf(capacity, unit), unitsOf(perDay, unit)] as const
    return {
      kind: 'lower-budget',
      data: payouts.interface.encodeFunctionData('lowerBudget', [...args]) as Hex,
      done: `${name} lets out at most ${money(args[1], unit)}, and ${money(args[2], unit)} a day`,
    }
  })
}

function unitsOf(text: string, { decimals }: ProgramContracts['unit']): Wei {
  return parseAmount(text, decimals)
}

const HOUR = 3_600
// The contract's own limit of one pause.
const MAX_PAUSE_HOURS = 72

/** Stops every program's batches and roots at once; claims and withdrawals go on. It ends by itself. */
export async function pauseProgramsCommand(
  run: Run,
  { hours = '24' }: { hours?: string },
): Promise<Report> {
  if (!/^[1-9]\d?$/.test(hours) || Number(hours) > MAX_PAUSE_HOURS) {
    const what = `a pause is 1 to ${MAX_PAUSE_HOURS} hours, not "${hours}"`
    throw new KeeperError('USAGE', { what, command: 'program pause' })
  }
  return guardianCall(run, 'all', ({ payouts }) => ({
    kind: 'pause-programs',
    data: payouts.interface.encodeFunctionData('pauseFor', [Number(hours) * HOUR]) as Hex,
  }))
}

export async function unpauseProgramsCommand(run: Run): Promise<Report> {
  return guardianCall(run, 'all', ({ payouts }) => ({
    kind: 'unpause-programs',
    data: payouts.interface.encodeFunctionData('unpause') as Hex,
  }))
}

interface GuardianCall {
  kind: string
  data: Hex
  /** Without it: whether and until when all are paused. */
  done?: string
}

async function guardianCall(
  run: Run,
  program: string,
  callOf: (contracts: ProgramContracts) => GuardianCall,
): Promise<Report> {
  const session = await openSendingSession(run, 'guardian')
  try {
    const { client } = session
    const contracts = await openProgramContracts(client, session.contracts.deployment)
    const { kind, data, done } = callOf(contracts)
    const tx = await sendCall(session, { kind, key: newKey(run), to: contracts.address, data })
    const pausedUntil = await pauseOf(client, contracts)
    return {
      json: { program, kind, hash: tx.hash, pausedUntil },
      lines: [done ?? pauseLine(pausedUntil), `  ${tx.hash}`],
    }
  } finally {
    await session.close()
  }
}

function pauseLine(until: UnixSeconds | undefined): string {
  if (until === undefined) return 'the programs are not paused'
  return `nothing leaves for any program until ${shownTime(until)}`
}
