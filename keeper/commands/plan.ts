import type { Wei } from '../base/amount.ts'
import { cycleSchema, parseWith } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import { initialFees } from '../chain/sending/fees.ts'
import { readMarket } from '../chain/sending/prepare.ts'
import type { Step } from '../validators/cycle.ts'
import { planDay } from '../validators/plan-day.ts'
import type { DayPlan } from '../validators/plan-day.ts'
import type { Report, Run } from './command.ts'
import { COIN, GWEI, grouped, money, plural, shownHours } from './print.ts'
import { openSession } from './session.ts'
import type { Session } from './session.ts'

interface Costs {
  /** What a unit of gas costs now; undefined: more than the ceiling. */
  feePerGas: Wei | undefined
  ceiling: Wei
  /** Of all transactions at their gas limits. */
  costAtMost: Wei
  balance: Wei
}

/** A dry run: what the day would send now, and whether the keeper can pay for it. */
export async function planCommand(run: Run, options: { cycle?: string }): Promise<Report> {
  const session = await openSession(run)
  try {
    const cycle =
      options.cycle === undefined ? undefined : parseWith(cycleSchema, options.cycle, 'cycle')
    const plan = await planDay({ ...session, batchSize: run.config.batchSize }, cycle)
    const costs = await costsOf(run, session, plan)
    return { json: { ...plan, ...costs }, lines: planLines(session, plan, costs) }
  } finally {
    await session.close()
  }
}

async function costsOf(run: Run, session: Session, { gasLimit }: DayPlan): Promise<Costs> {
  const { client, contracts } = session
  const { maxFeePerGas, minTipPerGas } = run.config
  const [market, balance] = await Promise.all([
    readMarket(client),
    client.balanceOf(contracts.deployment.keeper),
  ])
  const fees = initialFees(market, { maxFeePerGas, minTipPerGas })
  const feePerGas = fees && market.baseFee + fees.maxPriorityFeePerGas
  const costAtMost = gasLimit * (fees?.maxFeePerGas ?? maxFeePerGas)
  return { feePerGas, ceiling: maxFeePerGas, costAtMost, balance }
}

function planLines({ contracts }: Session, plan: DayPlan, costs: Costs): string[] {
  const { cycle, state, hours, extracts, payees, batches, batchSize, pool, gasLimit } = plan
  const { feePerGas, ceiling, costAtMost, balance } = costs
  const price =
    feePerGas === undefined
      ? `above the ceiling of ${money(ceiling, GWEI)}: it would wait`
      : `now ${money(feePerGas, GWEI)} a gas`
  return [
    `cycle ${cycle} (${state === 'none' ? 'undecided' : state}): ${saidOf(plan.next)}`,
    hours.length > 0 ? `  snapshots to push first: ${shownHours(hours)}` : '  no snapshot to push',
    `  extract: ${extracts === 0 ? 'done' : plural(extracts, 'transaction')}`,
    `  transfer: ${plural(payees, 'payee')} in ${plural(batches, 'batch', 'batches')} of at most ${batchSize}`,
    `  pool ${money(pool, contracts.deployment)}`,
    `  gas at most ${grouped(gasLimit)}, ${price}`,
    `  cost at most ${money(costAtMost, COIN)}; the keeper has ${money(balance, COIN)}` +
      (balance < costAtMost ? ': it may not suffice' : ''),
  ]
}

function saidOf(step: Step): string {
  switch (step.do) {
    case 'wait-for-cut':
      return `open until ${isoTime(step.until)}, nothing to send before`
    case 'settle-earlier':
      return `cycle ${step.cycle} comes first`
    case 'wait-for-evidence':
      return `waits until ${isoTime(step.until)} at the latest: ${step.reason}`
    case 'wait-for-pause':
      return `paused until ${isoTime(step.until)}`
    case 'wait-for-transfer':
      return `extracted; transfers from ${isoTime(step.until)}`
    case 'extract':
      return 'ready to extract'
    case 'continue-pages':
      return 'extract was begun: its pages go on'
    case 'transfer':
      return 'extracted: the batches are due'
    case 'done':
      return 'done, nothing would be sent'
    case 'rolled-over':
    case 'voided':
      return `${step.do}: nobody is paid, the pool carries`
    default:
      return step satisfies never
  }
}
