import type { Alerts } from '../base/alerts.ts'
import type { Clock } from '../base/time.ts'
import type { Keeper } from '../keeper.ts'
import type { Db } from '../store/db.ts'
import { readRunway } from '../validators/runway.ts'
import type { JobFigures } from './gauges.ts'

export interface SelfCheck {
  /** Called every few seconds; raises and clears what no step of the sending path would notice. */
  look(keeper: Keeper): Promise<void>
}

// A node that restarts is back by then, and so is one that was cut off by a burst of refusals.
export const DOWN_AFTER_MS = 60_000
// What is spent in a day does not change within ten minutes.
const POOL_EVERY_MS = 10 * 60_000
// A job has been tried for two hours before it is one of them.
const JOBS_EVERY_MS = 60_000
// Below one cycle the next settlement pays less than the last ones.
const MIN_RUNWAY_CYCLES = 1

export function openSelfCheck(
  alerts: Alerts,
  clock: Clock,
  readJobs: (db: Db) => Promise<JobFigures>,
): SelfCheck {
  const downSinceMs = new Map<string, number>()
  let [poolReadAtMs, jobsReadAtMs] = [-Infinity, -Infinity]
  return {
    look: async (keeper) => {
      await lookAtEndpoints(keeper, alerts, clock, downSinceMs)
      if (clock.nowMs() - jobsReadAtMs >= JOBS_EVERY_MS) {
        lookAtJobs(await readJobs(keeper.db), alerts)
        jobsReadAtMs = clock.nowMs()
      }
      // A monitor pays nobody: the pool is looked after by who settles.
      const isPayer = keeper.roles.includes('keeper')
      if (!isPayer || clock.nowMs() - poolReadAtMs < POOL_EVERY_MS) return
      await lookAtPool(keeper, alerts)
      poolReadAtMs = clock.nowMs()
    },
  }
}

async function lookAtEndpoints(
  { client }: Keeper,
  alerts: Alerts,
  clock: Clock,
  downSinceMs: Map<string, number>,
): Promise<void> {
  const isDown = client.endpoints().some(({ state }) => state !== 'closed')
  // A circuit closes by a question that is answered, and between two slots nobody else asks.
  if (isDown) await client.blockNumber().catch(() => {})
  for (const { url, state, failures, lastError } of client.endpoints()) {
    if (state === 'closed') {
      if (downSinceMs.delete(url)) alerts.clear('endpoint-down', url)
      continue
    }
    const since = downSinceMs.get(url) ?? clock.nowMs()
    downSinceMs.set(url, since)
    if (clock.nowMs() - since < DOWN_AFTER_MS) continue
    alerts.raise('endpoint-down', { key: url, failures, lastError, quorum: client.quorum })
  }
}

function lookAtJobs({ deadLettersTotal: deadLetters }: JobFigures, alerts: Alerts): void {
  if (deadLetters === 0) return alerts.clear('job-dead')
  alerts.raise('job-dead', { deadLetters, way: '`muster jobs`, then `muster jobs redrive ID`' })
}

async function lookAtPool(keeper: Keeper, alerts: Alerts): Promise<void> {
  const cycles = await readRunway(keeper)
  if (cycles === undefined || cycles >= MIN_RUNWAY_CYCLES) return alerts.clear('low-pool')
  const { symbol } = keeper.contracts.deployment
  alerts.raise('low-pool', { cycles, symbol, way: '`muster fund AMOUNT` before the cut' })
}
