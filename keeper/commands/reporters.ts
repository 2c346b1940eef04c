import { KeeperError } from '../base/errors.ts'
import { addressSchema, cycleSchema, parseWith } from '../base/schema.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { ReporterCycle, ReporterLine, ReporterView } from '../validators/reporter-view.ts'
import { readReporterView } from '../validators/reporter-view.ts'
import { majorityOf, readReporters, reportersIn } from '../validators/reporters.ts'
import { reportAdminCalls } from './admin.ts'
import type { Report, Run } from './command.ts'
import { openReading } from './open-reading.ts'
import type { ReadingOptions } from './open-reading.ts'
import { plural, shownHours, table } from './print.ts'
import { sendCall } from './send.ts'
import type { Session } from './session.ts'
import { openSendingSession } from './session.ts'

export interface ReportersOptions extends ReadingOptions {
  cycle?: string
}

// Validators that a reporter differs about; --json has a hundred.
const MAX_ABOUT_SHOWN = 5

/** From the chain alone: who watches, who is missing, who disagrees about whom. */
export async function reportersCommand(run: Run, options: ReportersOptions): Promise<Report> {
  const cycle =
    options.cycle === undefined ? undefined : parseWith(cycleSchema, options.cycle, '--cycle')
  const session = await openReading(run, options, 'reporters')
  try {
    const view = await readReporterView(session, cycle)
    return { json: view, lines: linesOf(view) }
  } finally {
    await session.close()
  }
}

function linesOf(view: ReporterView): string[] {
  const rows = view.reporters.map(({ seat, reporter, state, from, to }) => [
    String(seat),
    reporter,
    state,
    shownTerm(from, to),
  ])
  return [
    shownSet(view.reporters),
    ...table(['seat', 'reporter', 'state', ''], rows),
    ...(view.openCycle === 0 ? ['The first cycle has not opened yet.'] : []),
    ...view.cycles.flatMap(cycleLines),
  ]
}

function shownTerm(from: number, to: number | null): string {
  if (to === null) return from < 2 ? 'from the start' : `from cycle ${from} on`
  return to < from ? 'never served' : `cycles ${from} … ${to}`
}

function shownSet(reporters: readonly ReporterLine[]): string {
  const set = reporters.filter(({ state }) => state !== 'removed' && state !== 'pending')
  const majority = majorityOf(set.length)
  const silent = set.filter(({ state }) => state === 'expelled').length
  const expelled = silent > 0 ? `; ${silent} of them expelled` : ''
  return `${plural(set.length, 'reporter')}, ${majority} make a majority${expelled}`
}

function cycleLines({ cycle, reporters, over, counted }: ReporterCycle): string[] {
  // One alone is never outvoted.
  const isSet = reporters.length > 1
  const rows = reporters.map(({ reporter, expelled, pushed, late, bits, differing }) => [
    expelled ? `${reporter} (expelled)` : reporter,
    String(pushed),
    String(late.length),
    String(bits),
    ...(isSet ? [String(differing.up), String(differing.down)] : []),
  ])
  const outvoted = isSet ? ['outvoted up', 'outvoted down'] : []
  const head = ['reporter', 'pushed', 'late', 'bits set', ...outvoted]
  return [
    '',
    `cycle ${cycle}: ${plural(over, 'hour')} over, ${counted} of them counted`,
    ...table(head, rows),
    ...reporters.flatMap(({ reporter, missing, expelled }) =>
      missing.length === 0 || expelled
        ? []
        : [`  ${reporter} has not pushed ${shownHours(missing)}`],
    ),
    ...reporters.flatMap(aboutLines),
  ]
}

function aboutLines({ reporter, about, aboutFound }: ReporterCycle['reporters'][number]): string[] {
  if (aboutFound === 0) return []
  const shown = about.slice(0, MAX_ABOUT_SHOWN).map(({ index, node, up, down }) => {
    const said = [
      ...(up.length > 0 ? [`up in ${plural(up.length, 'hour')}`] : []),
      ...(down.length > 0 ? [`not up in ${plural(down.length, 'hour')}`] : []),
    ]
    return `    validator ${index} (${node ?? 'not on the roster'}): ${said.join(', ')}`
  })
  const more = aboutFound - shown.length
  return [
    `  ${reporter} differs from what counted about ${plural(aboutFound, 'validator')}:`,
    ...shown,
    ...(more > 0 ? [`    … and ${more} more (--json has a hundred)`] : []),
  ]
}

export async function addReporterCommand(
  run: Run,
  _options: object,
  [text = '']: string[],
): Promise<Report> {
  return changeSet(run, 'addReporter', parseWith(addressSchema, text, 'reporter'))
}

export async function removeReporterCommand(
  run: Run,
  _options: object,
  [text = '']: string[],
): Promise<Report> {
  return changeSet(run, 'removeReporter', parseWith(addressSchema, text, 'reporter'))
}

async function changeSet(
  run: Run,
  name: 'addReporter' | 'removeReporter',
  reporter: Address,
): Promise<Report> {
  return reportAdminCalls(run, async (session) => {
    const { set, isIn } = await newestSet(session, reporter)
    const isAdding = name === 'addReporter'
    if (isAdding === isIn) {
      const what = `${reporter} is ${isIn ? 'a reporter already' : 'not a reporter'}`
      throw new KeeperError('NOTHING_CHANGES', { what })
    }
    const after = set.length + (isAdding ? 1 : -1)
    if (after === 0) {
      const what = `${reporter} is the only reporter: add another first`
      throw new KeeperError('NOTHING_CHANGES', { what })
    }
    const call = { contract: 'registry', name, args: [reporter] } as const
    return { calls: [call], notes: notesOf(after) }
  })
}

// From any cycle that is far enough away on, the newest set is in force.
const FAR_CYCLE = 2 ** 32 - 2

async function newestSet(
  session: Session,
  reporter: Address,
): Promise<{ set: Address[]; isIn: boolean }> {
  const terms = reportersIn(await readReporters(session), FAR_CYCLE)
  const set = terms.map((term) => term.reporter)
  return { set, isIn: set.includes(reporter) }
}

/** An even number only adds one more that must not fail. */
function notesOf(after: number): string[] {
  if (after === 1) return ['1 reporter then: it decides alone, and an hour that it misses is lost']
  const majority = majorityOf(after)
  const spare = after - majority
  const mayFail = spare === 0 ? 'none of them may fail' : `${spare} of them may fail`
  const hint = after % 2 === 0 ? `; ${after + 1} would let one more fail` : ''
  return [
    `${plural(after, 'reporter')} then: an hour counts when ${majority} pushed it, so ${mayFail}${hint}`,
  ]
}

/** At once, by the guardian: what it pushed for open cycles counts no more. */
export async function expelReporterCommand(
  run: Run,
  _options: object,
  [text = '']: string[],
): Promise<Report> {
  const reporter = parseWith(addressSchema, text, 'reporter')
  const session = await openSendingSession(run, 'guardian')
  try {
    const { isIn } = await requireKnown(session, reporter)
    const { registry, deployment } = session.contracts
    const data = registry.interface.encodeFunctionData('expelReporter', [reporter]) as Hex
    const to = deployment.registry
    const key = `${reporter}/${run.clock.nowMs()}`
    const tx = await sendCall(session, { kind: 'expel', key, to, data })
    const lines = [
      `expelled ${reporter}: its pushes for open cycles count no more`,
      `  ${tx.hash}`,
      ...(isIn
        ? [`Its seat and the majority stay until: muster reporters remove ${reporter}`]
        : []),
    ]
    return { json: { reporter, hash: tx.hash }, lines }
  } finally {
    await session.close()
  }
}

/** An expelled or unknown one is told so before anything is sent. */
async function requireKnown(session: Session, reporter: Address): Promise<{ isIn: boolean }> {
  const terms = await readReporters(session)
  const term = terms.findLast((each) => each.reporter === reporter)
  if (term && !term.expelled) return newestSet(session, reporter)
  const what = `${reporter} is ${term ? 'expelled already' : 'not a reporter'}`
  throw new KeeperError('NOTHING_CHANGES', { what })
}
