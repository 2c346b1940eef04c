import type { Accrued } from '../payouts/accrual.ts'
import type { PayoutsRoom } from '../payouts/room.ts'
import { KeeperError } from '../base/errors.ts'
import { payNow, takeInFile } from '../jobs/queue/take-in.ts'
import type { ProgramQueue } from '../jobs/queue/queue.ts'
import type { Report } from './command.ts'
import { grouped, money, plural } from './print.ts'
import type { Asset } from './print.ts'

/** How the running keeper pays programs. */
export interface ProgramsDesk {
  room: PayoutsRoom
  /** Undefined: it could not be started, and the log says why. */
  queue: Promise<ProgramQueue | undefined>
}

/** A file that somebody gives to the running keeper: taken into the books now, paid by its next jobs. */
export async function payoutAtDesk(
  programs: ProgramsDesk | undefined,
  [file = '']: string[],
  options: Record<string, unknown>,
): Promise<Report> {
  const queue = await programs?.queue
  if (!programs || !queue) throw new KeeperError('PAYER_ELSEWHERE', {})
  refuseChoices(options)
  const { room } = programs
  const { unit, assetId } = room.contracts
  const asset = { assetId, decimals: unit.decimals }
  const accrued = await takeInFile(room, file, asset)
  const job = await payNow(queue)
  return takenIn({ accrued, unit, by: 'The running keeper pays it', job })
}

/** How many and by which way is the payer's own choice. */
export function refuseChoices({
  payments,
  method,
}: {
  payments?: unknown
  method?: unknown
}): void {
  if (payments === undefined && (method === undefined || method === 'auto')) return
  const what = 'a keeper pays it, as the program is set: leave out --payments and --method'
  throw new KeeperError('USAGE', { what, command: 'program set' })
}

export interface TakenIn {
  accrued: Accrued
  unit: Asset
  by: string
  job?: string
}

export function takenIn({ accrued, unit, by, job }: TakenIn): Report {
  const { awards, amount, known } = accrued
  return {
    json: { accrued, takenIn: true, ...(job === undefined ? {} : { job }) },
    lines: [
      `${plural(awards, 'new award')} of ${money(amount, unit)} taken into the books, ${grouped(known)} on record before`,
      `${by}: muster program list shows how far it is, muster jobs what failed.`,
    ],
  }
}
