import { EXIT } from '../base/error-catalogue.ts'
import { readQueue } from '../jobs/queue/read-queue.ts'
import { redriveLetter } from '../jobs/queue/redrive.ts'
import type { OfficeOrder } from './office.ts'
import { plural, table } from './print.ts'

/** A dead letter waits for a person: then the exit code is 1. */
export const jobsOrder: OfficeOrder = async ({ db }) => {
  const figures = await readQueue(db)
  const { lanes, deadLetters, deadLettersTotal } = figures
  const rows = lanes.map(({ lane, waiting, running, retrying, done }) => [
    lane,
    ...[waiting, running, retrying, done].map(String),
  ])
  const dead = deadLetters.map(({ id, lane, failed, retries, reason }) => [
    id,
    lane,
    failed,
    String(retries),
    reason,
  ])
  return {
    json: figures,
    lines: [
      lanes.length === 0 ? 'no program has had a job yet' : plural(lanes.length, 'lane'),
      ...(rows.length > 0 ? table(['lane', 'waiting', 'running', 'retrying', 'done'], rows) : []),
      `${plural(deadLettersTotal, 'dead letter')}: jobs that failed for good`,
      ...(dead.length > 0 ? table(['id', 'lane', 'failed', 'retries', 'reason'], dead) : []),
    ],
    exitCode: deadLettersTotal > 0 ? EXIT.failed : EXIT.ok,
  }
}

/** Once its cause is gone. */
export const redriveOrder: OfficeOrder = async ({ db, actor, clock }, [id = '']) => {
  const { lane, id: job } = await redriveLetter(db, id, { actor, now: clock.now() })
  return {
    json: { redriven: id, lane, job },
    lines: [`${lane} is tried again as job ${job}, by the keeper that leads`],
  }
}
