import { accrue } from './accrual.ts'
import type { Accrued } from './accrual.ts'
import { payOut } from './payout.ts'
import type { PaidOut } from './payout.ts'
import type { Period, Program } from './program.ts'
import type { PayoutsRoom } from './room.ts'
import { settle } from './settlement.ts'
import type { Settled } from './settlement.ts'

export interface ProgramRun {
  accrued: Accrued
  settled: Settled
  paidOut: PaidOut
}

/** From the program's awards to final receipts. May die anywhere and be run again: each step finds what is done. */
export async function runProgram(
  room: PayoutsRoom,
  program: Program,
  period: Period,
): Promise<ProgramRun> {
  const accrued = await accrue(room, program, period)
  await room.onStep?.('accrued')
  const settled = await settle(room, program)
  await room.onStep?.('settled')
  return { accrued, settled, paidOut: await payOut(room, program) }
}
