import type { Alerts } from '../../base/alerts.ts'
import { describe } from '../../base/errors.ts'
import type { Keeper } from '../../keeper.ts'
import { programJobs } from './program-jobs.ts'
import { openQueue } from './queue.ts'
import type { ProgramQueue } from './queue.ts'

/** The validators' day does not wait for the programs: what keeps their queue from starting is logged. */
export async function startQueue(
  keeper: Keeper,
  alerts: Alerts,
): Promise<ProgramQueue | undefined> {
  const { db, log, config } = keeper
  const jobs = programJobs(keeper, alerts)
  try {
    return await openQueue({ db, log, jobs, stopLimitMs: config.stopLimitMs, isAlone: true })
  } catch (error) {
    log.error(describe(error), 'queue-not-started')
    return undefined
  }
}
