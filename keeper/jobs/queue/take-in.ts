import { accrue } from '../../payouts/accrual.ts'
import type { Accrued } from '../../payouts/accrual.ts'
import type { BooksRoom } from '../../payouts/room.ts'
import { readPayFile } from '../../programs/manual/intake.ts'
import { MANUAL, manualProgram } from '../../programs/manual/program.ts'
import { PAY_LANE } from './pay-jobs.ts'
import type { ProgramQueue } from './queue.ts'

export interface Asset {
  /** CAIP-19. */
  assetId: string
  decimals: number
}

/** A file of payments into the books: whoever has the payer's key pays them. */
export async function takeInFile(
  room: Omit<BooksRoom, 'reach'>,
  file: string,
  { assetId: asset, decimals }: Asset,
): Promise<Accrued> {
  const rows = await readPayFile(file, decimals)
  const at = room.clock.now()
  return accrue(room, manualProgram({ rows, asset, at }), { from: 0, to: at })
}

/** As soon as the lane is free; who asks need not wait for it. */
export function payNow(queue: ProgramQueue): Promise<string> {
  return queue.send(MANUAL, PAY_LANE)
}
