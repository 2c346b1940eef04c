import { askKeeper } from '../api/control.ts'
import { KeeperError, isKeeperError } from '../base/errors.ts'
import { PAY_LANE } from '../jobs/queue/pay-jobs.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import type { KnownProgram } from '../jobs/queue/program-list.ts'
import { payOut } from '../payouts/payout.ts'
import { readSettings, withSettings } from '../payouts/settings.ts'
import { settle } from '../payouts/settlement.ts'
import type { Report, Run } from './command.ts'
import type { ProgramsDesk } from './payout-desk.ts'
import { paidExitCode, paidJson, paidLines } from './paid-report.ts'
import { withPayouts } from './payout.ts'

/** Settles and pays what a program has awarded; a running keeper of this home does it by its own jobs. */
export async function payProgramCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  const known = knownProgram(name)
  const handed = await handToKeeper(run, name)
  return handed ?? payHere(run, known)
}

async function payHere(run: Run, { id, open }: KnownProgram): Promise<Report> {
  return withPayouts(run, async (room) => {
    const { unit, assetId } = room.contracts
    const program = withSettings(open(assetId), await readSettings(room.db, id))
    const settled = await settle(room, program)
    const done = { settled, paidOut: await payOut(room, program) }
    return {
      json: { program: id, ...paidJson(done) },
      lines: paidLines(done, unit, `muster program pay ${id}`),
      exitCode: paidExitCode(done),
    }
  })
}

/** One key has one writer: where a keeper of this home pays, it is told to look now. */
async function handToKeeper(run: Run, name: string): Promise<Report | undefined> {
  try {
    const asked = { name: 'program pay', args: [name], options: {} }
    return await askKeeper(run.config.home, asked, run.signal)
  } catch (error) {
    // Its store can be opened beside it, and the key of programs is not its own.
    const mayHere = isKeeperError(error, 'PAYER_ELSEWHERE') && run.config.databaseUrl !== undefined
    if (!mayHere) throw error
    return undefined
  }
}

export async function payAtDesk(
  programs: ProgramsDesk | undefined,
  [name = '']: string[],
): Promise<Report> {
  const queue = await programs?.queue
  if (!queue) throw new KeeperError('PAYER_ELSEWHERE', {})
  const { id } = knownProgram(name)
  const job = await queue.send(id, PAY_LANE)
  return {
    json: { program: id, handed: true, job },
    lines: [
      `The running keeper settles and pays ${id}: muster program list shows how far it is, muster jobs what failed.`,
    ],
  }
}
