import type { Alerts } from '../../base/alerts.ts'
import { describe, isKeeperError } from '../../base/errors.ts'
import { isoTime } from '../../base/time.ts'
import type { Keeper } from '../../keeper.ts'
import { payOut } from '../../payouts/payout.ts'
import type { PaidOut } from '../../payouts/payout.ts'
import type { PayoutsRoom } from '../../payouts/room.ts'
import { readSettings, withSettings } from '../../payouts/settings.ts'
import { settle } from '../../payouts/settlement.ts'
import { laneName } from './lanes.ts'
import { payoutsRoomOf } from './payouts-room.ts'
import { KNOWN_PROGRAMS } from './program-list.ts'
import type { KnownProgram } from './program-list.ts'
import type { ProgramJob } from './queue.ts'
import { isLaneFree } from './read-queue.ts'

/** One job a batch: what is due is settled, one batch is sent, followed to its final receipt and booked. */
export const PAY_LANE = 'pay'
/** Sends a job to that lane where none is, so that what waited is taken up. */
const LOOK_LANE = 'look'
// Money came, a hold ended, a pause is over: whoever waits for that waits five minutes more at most.
const LOOK_EVERY = '*/5 * * * *'

/** Two lanes a program, where the keeper has the payer's key. */
export function payJobs(keeper: Keeper, alerts: Alerts): ProgramJob[] {
  const room = payoutsRoomOf(keeper, alerts)
  if (!room) return []
  return KNOWN_PROGRAMS.flatMap((program) => [
    payJob(keeper, room, program, alerts),
    lookJob(keeper, program),
  ])
}

function payJob(
  { signal, log }: Keeper,
  room: PayoutsRoom,
  known: KnownProgram,
  alerts: Alerts,
): ProgramJob {
  const { id } = known
  return {
    program: id,
    lane: PAY_LANE,
    run: async ({ send }) => {
      try {
        const done = await payNext(room, known)
        const reason = waitsFor(done)
        if (reason === undefined) alerts.clear('program-waits', id)
        else alerts.raise('program-waits', { key: id, reason, owed: done.left })
        if (done.txs.length > 0) await send(id, PAY_LANE)
      } catch (error) {
        // The next term looks at its start, and finds in the journal what this one leaves.
        if (signal?.aborted === true) return log.info({ program: id }, 'payer-stopped')
        // What ends by itself is no failure: the next look tries again, however long it takes.
        if (!isKeeperError(error) || error.row.retry !== true) throw error
        const { code, message: reason } = describe(error)
        log.warn({ program: id, code, reason }, 'program-waits')
        alerts.raise('program-waits', { key: id, code, reason })
      }
    },
  }
}

async function payNext(room: PayoutsRoom, { id, open }: KnownProgram): Promise<PaidOut> {
  const settings = await readSettings(room.db, id)
  const program = withSettings(open(room.contracts.assetId), settings)
  await settle(room, program)
  return payOut(room, program, { batches: 1 })
}

function waitsFor({ isShort, pausedUntil }: PaidOut): string | undefined {
  if (pausedUntil !== undefined) return `the contract is paused until ${isoTime(pausedUntil)}`
  return isShort ? 'its money or its budget does not reach for the next payment' : undefined
}

function lookJob({ db }: Keeper, { id }: KnownProgram): ProgramJob {
  return {
    program: id,
    lane: LOOK_LANE,
    every: LOOK_EVERY,
    isAtStart: true,
    run: async ({ send }) => {
      if (await isLaneFree(db, laneName(id, PAY_LANE))) await send(id, PAY_LANE)
    },
  }
}
