import { KeeperError } from '../base/errors.ts'
import { cycleSchema, parseWith } from '../base/schema.ts'
import type { Hex } from '../base/schema.ts'
import { startOfHour } from '../base/time.ts'
import type { HourRecord } from '../validators/record.ts'
import { readValidator } from '../validators/validator-view.ts'
import type { ValidatorCycle, ValidatorLine, ValidatorView } from '../validators/validator-view.ts'
import type { Report, Run } from './command.ts'
import { stripLines } from './hour-strip.ts'
import { openReading } from './open-reading.ts'
import type { ReadingOptions } from './open-reading.ts'
import { money, plural, shortHash, shownTime, table } from './print.ts'
import { standingOf } from './standing.ts'
import { linkOf } from './tx-link.ts'

export interface ValidatorOptions extends ReadingOptions {
  cycle?: string
  cycles: string
  explorer?: string
}

// Two months of decided cycles in one answer; older ones by --cycle.
const MAX_DECIDED = 60
// A screenful; --json has a hundred.
const MAX_PAYMENTS_SHOWN = 10

/** No key, no store, no word of ours: every line comes from the node. */
export async function validatorCommand(
  run: Run,
  options: ValidatorOptions,
  [name = '']: string[],
): Promise<Report> {
  const decided = Number(options.cycles)
  if (!/^\d{1,3}$/.test(options.cycles) || decided > MAX_DECIDED) {
    const what = `--cycles is 0 to ${MAX_DECIDED}, not "${options.cycles}"`
    throw new KeeperError('USAGE', { what, command: 'validator' })
  }
  const cycle =
    options.cycle === undefined ? undefined : parseWith(cycleSchema, options.cycle, '--cycle')
  const session = await openReading(run, options, 'validator')
  try {
    const view = await readValidator(session, name, { decided, cycle })
    const link = linkOf(view.chainId, options.explorer)
    const payments = view.payments.map((each) => ({ ...each, link: link(each.hash) ?? null }))
    return {
      json: { ...view, payments },
      lines: linesOf(view, { isDetail: cycle !== undefined, link }),
    }
  } finally {
    await session.close()
  }
}

interface Showing {
  isDetail: boolean
  link: (hash: Hex) => string | undefined
}

function linesOf(view: ValidatorView, showing: Showing): string[] {
  const [only, ...others] = view.validators
  const parts = only && others.length === 0 ? validatorLines(only, view, showing) : listLines(view)
  return [...parts, '', ...moneyLines(view), ...paymentLines(view, showing)]
}

/** Of a fund address of several nodes, or of a node that came back, a line a validator. */
function listLines(view: ValidatorView): string[] {
  const { address, validators } = view
  const rows = validators.map((line) => [
    String(line.index),
    line.node,
    line.state,
    line.cycles[0]?.standing ?? '',
    money(line.money.paid, view),
    money(line.money.unpaid, view),
  ])
  const head = ['index', 'node', 'state', 'this cycle', 'paid', 'unpaid']
  const isNode = rows.length > 0 && validators.every(({ node }) => node === address)
  const title = isNode
    ? `${address} has been registered ${rows.length} times`
    : `${address} is paid for ${plural(rows.length, 'validator')}`
  const hint = 'muster validator INDEX shows the hours of one.'
  return rows.length === 0 ? [title] : [title, ...table(head, rows), hint]
}

function validatorLines(line: ValidatorLine, view: ValidatorView, showing: Showing): string[] {
  const { index, node, fund, paidTo, weight, state, cycles } = line
  const redirected = paidTo === fund ? '' : `, redirected by ${fund}`
  const undecided = cycles.filter((each) => each.pay === null)
  const decided = cycles.filter((each) => each.pay !== null && each.isActive)
  return [
    `validator ${index}, node ${node}`,
    `  ${state} (${shownActivity(line)}), weight ${weight}`,
    `  paid to ${paidTo}${redirected}`,
    ...(view.openCycle === 0 ? ['', 'The first cycle has not opened yet.'] : []),
    ...(showing.isDetail ? cycles : undecided).flatMap((each) => cycleLines(each, line, view)),
    ...(showing.isDetail
      ? cycles.flatMap(({ hours }) => hourLines(hours, showing))
      : decidedLines(decided, view)),
  ]
}

function shownActivity({ activeFrom, activeTo }: ValidatorLine): string {
  if (activeTo === null) return `from cycle ${activeFrom} on`
  return activeTo < activeFrom ? 'never counted' : `cycles ${activeFrom} … ${activeTo}`
}

function cycleLines(cycle: ValidatorCycle, line: ValidatorLine, view: ValidatorView): string[] {
  const { opensAt, cutAt, hours } = cycle
  const title = `cycle ${cycle.cycle}, ${shownTime(opensAt)} … ${shownTime(cutAt)}: ${shownState(cycle)}`
  // Its bits mean nothing while it does not count.
  if (!cycle.isActive) return ['', title, `  ${standingOf(cycle, line)}`]
  return [
    '',
    title,
    ...stripLines(hours).map((text) => `  ${text}`),
    `  ${shownRate(cycle)}`,
    `  ${standingOf(cycle, line)}`,
    ...previewLines(cycle, view),
    ...reporterLines(cycle),
  ]
}

function shownRate({ snapshots, appearances, onlineRateBps }: ValidatorCycle): string {
  if (snapshots === 0) return 'no hour counts yet'
  const those = snapshots === 1 ? '1 hour that counts' : `${snapshots} hours that count`
  return `online in ${appearances} of the ${those} (${(onlineRateBps / 100).toFixed(2)} %)`
}

function shownState({ state }: ValidatorCycle): string {
  if (state === 'closed') return 'closed, waits for its decision'
  if (state === 'future') return 'not open yet'
  return state === 'counting' ? 'being decided' : state
}

function previewLines({ preview, payAll }: ValidatorCycle, view: ValidatorView): string[] {
  if (!preview) return []
  const { pool, share, eligible, active, weighted } = preview
  if (pool === 0n) return ['  the pool is empty so far']
  const least = weighted || active === 0 ? undefined : pool / BigInt(active)
  const split =
    least === undefined
      ? `shared by weight among at most ${plural(active, 'active validator')}`
      : `at least ${money(least, view)} each, if all ${active} active validators qualify`
  const now = share > 0n ? [`  decided now, ${eligible} would get ${money(share, view)} each`] : []
  return [
    `  the pool has ${money(pool, view)} so far: ${split}`,
    ...now,
    ...(payAll ? ['  with nobody eligible everybody is paid'] : []),
  ]
}

/** Silent while there is one reporter: then there is nothing to agree upon. */
function reporterLines({ reporters, majority, hours }: ValidatorCycle): string[] {
  if (reporters < 2 || hours.every(({ pushedBy }) => pushedBy === 0)) return []
  const isSplit = ({ pushedBy, seenBy }: HourRecord): boolean => seenBy > 0 && seenBy < pushedBy
  const split = hours.filter(isSplit)
  const said = split.map(
    ({ hour, seenBy, pushedBy }) => `    ${shownTime(startOfHour(hour))}: ${seenBy} of ${pushedBy}`,
  )
  const verdict =
    split.length === 0
      ? 'they agree about every hour'
      : `they differ about ${plural(split.length, 'hour')} (how many saw it up):`
  return [`  ${reporters} reporters, ${majority} make a majority; ${verdict}`, ...said]
}

/** The transactions that prove each hour. */
function hourLines(hours: readonly HourRecord[], { link }: Showing): string[] {
  const past = hours.filter(({ state }) => state !== 'ahead')
  if (past.length === 0) return []
  const rows = past.flatMap(({ hour, state, reports }) => {
    const when = shownTime(startOfHour(hour))
    if (reports.length === 0) return [[when, state, '', '', '']]
    return reports.map(({ reporter, online, hash }, i) => [
      i === 0 ? when : '',
      i === 0 ? state : '',
      reporter,
      online ? 'up' : 'not up',
      link(hash) ?? hash,
    ])
  })
  return ['', ...table(['hour', 'state', 'reporter', 'saw it', 'transaction'], rows)]
}

function decidedLines(cycles: readonly ValidatorCycle[], view: ValidatorView): string[] {
  if (cycles.length === 0) return []
  const rows = cycles.map((each) => [
    String(each.cycle),
    each.state,
    `${each.appearances} of ${each.snapshots}`,
    each.pay ? money(each.pay.earned, view) : '',
    outcomeOf(each),
  ])
  return ['', 'decided cycles', ...table(['cycle', 'state', 'online', 'earned', ''], rows)]
}

function outcomeOf({ pay, isActive, state, standing }: ValidatorCycle): string {
  if (!pay || state === 'rolled-over' || state === 'voided') return 'the pool carries'
  if (pay.unpaid > 0n) return 'unpaid'
  if (pay.refused > 0n) return 'refused by the fund address: a credit'
  if (pay.swept > 0n) return 'left for 30 days: a credit'
  if (pay.paid > 0n) return 'paid'
  if (!isActive) return 'not active'
  return standing === 'in' ? 'nothing to share' : 'not eligible'
}

function moneyLines(view: ValidatorView): string[] {
  const { earned, paid, unpaid, credited } = view.money
  const credits = view.credits.map(
    ({ account, amount }) =>
      `  credit of ${account}: ${money(amount, view)}; muster withdraw ${account} pays it out`,
  )
  const [one] = view.validators
  const unpaidHint =
    unpaid > 0n && one
      ? [`  the keeper pays it; the fund address may also take it: muster claim ${one.index}`]
      : []
  return [
    `earned ${money(earned, view)} = paid ${money(paid, view)} + unpaid ${money(unpaid, view)} + credited ${money(credited, view)}`,
    ...unpaidHint,
    ...credits,
  ]
}

function paymentLines(view: ValidatorView, { link }: Showing): string[] {
  const shown = view.payments.slice(0, MAX_PAYMENTS_SHOWN)
  if (shown.length === 0) return ['no payment yet']
  const isMany = view.validators.length > 1
  const rows = shown.map(({ at, kind, cycle, index, amount, hash }) => [
    shownTime(at),
    kind,
    cycle === null ? '' : `cycle ${cycle}`,
    ...(isMany ? [index === null ? '' : `validator ${index}`] : []),
    money(amount, view),
    link(hash) ?? shortHashOrFull(hash, isMany),
  ])
  const more = view.paymentsFound - shown.length
  const head = ['when', 'what', 'cycle', ...(isMany ? ['validator'] : []), 'amount', 'transaction']
  return ['', ...table(head, rows), ...(more > 0 ? [`  … and ${more} older`] : [])]
}

/** A hash is there to be looked up; only a wide table shortens it. */
function shortHashOrFull(hash: Hex, isWide: boolean): string {
  return isWide ? shortHash(hash) : hash
}
