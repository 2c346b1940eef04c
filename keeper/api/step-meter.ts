import type { Metrics } from '../base/metrics.ts'
import { systemClock } from '../base/time.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import type { KeeperDeps } from '../keeper.ts'

type OnStep = NonNullable<KeeperDeps['onStep']>

/** Which state a step of the sender leaves its transaction in. */
const STATE_AFTER: Record<string, string> = {
  'intent-stored': 'planned',
  'signed-stored': 'signed',
  'broadcast-accepted': 'broadcast',
  'receipt-stored': 'included',
  final: 'final',
}

const PURPOSE_OF: Record<string, string> = {
  'signed-stored': 'send',
  'bump-stored': 'bump',
  'cancel-stored': 'cancel',
}

/** Counts the steps that the sender tells anyhow, so that the sender knows nothing of metrics. */
export function stepMeter(metrics: Metrics, then?: OnStep): OnStep {
  return async (step, tx) => {
    if (tx) count(metrics, step, tx)
    await then?.(step, tx)
  }
}

function count(metrics: Metrics, step: string, tx: TxRecord): void {
  const { kind } = tx
  const state = STATE_AFTER[step]
  if (state !== undefined) metrics.tx.inc({ kind, state: outcomeOf(state, tx) })
  const purpose = PURPOSE_OF[step]
  if (purpose !== undefined) metrics.txAttempts.inc({ purpose })
  if (step === 'receipt-stored') {
    // The journal dates in whole seconds; below a second the clocks may disagree by one.
    const seconds = systemClock.nowMs() / 1_000 - tx.createdAt
    metrics.txSeconds.observe({ kind }, Math.max(0, seconds))
  }
}

/** Deep enough to stay, but with another end than the wanted one. */
function outcomeOf(state: string, tx: TxRecord): string {
  return state === 'final' ? tx.state : state
}
