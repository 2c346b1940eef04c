import type { Alerts } from '../../base/alerts.ts'
import type { Keeper } from '../../keeper.ts'
import { makeMonthsAhead } from '../../ledger/months.ts'
import { partnerJobs } from './partner-jobs.ts'
import { payJobs } from './pay-jobs.ts'
import type { ProgramJob } from './queue.ts'

/** What is done for the programs while the keeper leads: by program, and by lane of it. */
export function programJobs(keeper: Keeper, alerts: Alerts): ProgramJob[] {
  const { db, clock, log } = keeper
  return [
    {
      program: 'ledger',
      lane: 'months',
      // At night, and not with the many that do things at the full hour.
      every: '17 3 * * *',
      run: async () => {
        const made = await makeMonthsAhead(db, clock)
        log.info({ made }, 'ledger-months')
      },
    },
    ...payJobs(keeper, alerts),
    ...partnerJobs(keeper, alerts),
  ]
}
