import { isoTime, startOfHour } from '../base/time.ts'
import { brokenBooks, readStatus } from '../validators/status.ts'
import type { Status } from '../validators/status.ts'
import { EXIT } from '../base/error-catalogue.ts'
import type { Report, Run } from './command.ts'
import { askKeeperStatus, keeperLines } from './keeper-status.ts'
import { money, plural, shownHours, shownTime, table } from './print.ts'
import { openSession } from './session.ts'

// The last two weeks; --json has all.
const MAX_CYCLES_SHOWN = 14

/** Exit code 1 when the books do not balance: a supervisor may run this every hour. */
export async function statusCommand(run: Run): Promise<Report> {
  const session = await openSession(run)
  try {
    const status = await readStatus(session)
    const exitCode = status.isConserved ? EXIT.ok : EXIT.failed
    const { pushWindow } = session.contracts.deployment
    const keeper = await askKeeperStatus(run, status.chainId, session.client.endpoints())
    const lines = [...statusLines(status, pushWindow), ...(keeper ? keeperLines(keeper) : [])]
    return { json: { ...status, keeper }, lines, exitCode }
  } finally {
    await session.close()
  }
}

function statusLines(status: Status, pushWindow: number): string[] {
  const { openCycle, nextCut, snapshots, validators, cycles, alerts, runway } = status
  const open =
    openCycle === 0
      ? `cycle 1 opens at ${shownTime(nextCut)}`
      : `cycle ${openCycle} is open until ${shownTime(nextCut)}: ${plural(snapshots, 'snapshot')}`
  return [
    `chain ${status.chainId}, block ${status.blockNumber}, ${isoTime(status.blockTime)}; ${plural(validators, 'validator')}`,
    open,
    ...missingLines(status, pushWindow),
    ...bookLines(status),
    runway.cycles === undefined
      ? 'runway: not known before a cycle has spent something'
      : `runway: ${plural(runway.cycles, 'cycle')} at ${money(runway.spendPerCycle ?? 0n, status)} each`,
    ...cycleLines(cycles.slice(-MAX_CYCLES_SHOWN), status),
    ...alerts.map((alert) => `ALERT: ${alert}`),
  ]
}

/** What can still be repaired is told apart from what cannot. */
function missingLines({ missing, blockTime }: Status, pushWindow: number): string[] {
  const isLost = (hour: number): boolean => startOfHour(hour + 1) + pushWindow <= blockTime
  const [lost, open] = [missing.filter(isLost), missing.filter((hour) => !isLost(hour))]
  return [
    ...(open.length > 0 ? [`  missing, to be pushed still: ${shownHours(open)}`] : []),
    ...(lost.length > 0 ? [`  lost, not pushed in time: ${shownHours(lost)}`] : []),
  ]
}

function bookLines(status: Status): string[] {
  const { books, isConserved } = status
  const terms = [
    ['paid', books.paid],
    ['credits', books.credits],
    ['withdrawn', books.withdrawn],
    ['unpaid', books.unpaid],
    ['pool', books.pool],
    ...(books.returned > 0n ? [['returned', books.returned] as const] : []),
  ] as const
  const sum = terms.map(([name, amount]) => `${name} ${money(amount, status)}`).join(' + ')
  const verdict = isConserved ? '✓ the books balance' : `✗ ${brokenBooks(books)}`
  return [`funded ${money(books.funded, status)}`, `  = ${sum}`, `  ${verdict}`]
}

function cycleLines(cycles: Status['cycles'], status: Status): string[] {
  if (cycles.length === 0) return []
  const rows = cycles.map((line) => [
    String(line.cycle),
    line.state,
    String(line.snapshots),
    String(line.eligible),
    money(line.pool, status),
    money(line.paid, status),
    String(line.refused),
  ])
  return table(['cycle', 'state', 'snapshots', 'eligible', 'pool', 'paid', 'refused'], rows)
}
