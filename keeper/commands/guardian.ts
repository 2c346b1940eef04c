import { KeeperError } from '../base/errors.ts'
import { cycleSchema, parseWith } from '../base/schema.ts'
import type { Hex } from '../base/schema.ts'
import type { Report, Run } from './command.ts'
import { shownTime } from './print.ts'
import { sendCall } from './send.ts'
import { openSendingSession } from './session.ts'

const HOUR = 3_600
// The contract's own limit of one pause.
const MAX_PAUSE_HOURS = 72

export async function pauseCommand(
  run: Run,
  { hours = '24' }: { hours?: string },
): Promise<Report> {
  if (!/^\d{1,2}$/.test(hours) || Number(hours) < 1 || Number(hours) > MAX_PAUSE_HOURS) {
    const what = `a pause is 1 to ${MAX_PAUSE_HOURS} hours, not "${hours}"`
    throw new KeeperError('USAGE', { what, command: 'pause' })
  }
  return guardianCall(run, 'pause', 'pauseFor', [Number(hours) * HOUR])
}

export async function unpauseCommand(run: Run): Promise<Report> {
  return guardianCall(run, 'unpause', 'unpause', [])
}

export async function voidCommand(
  run: Run,
  _options: object,
  [cycle = '']: string[],
): Promise<Report> {
  return guardianCall(run, 'void', 'voidCycle', [parseWith(cycleSchema, cycle, 'cycle')])
}

async function guardianCall(
  run: Run,
  kind: string,
  name: 'pauseFor' | 'unpause' | 'voidCycle',
  args: readonly number[],
): Promise<Report> {
  const session = await openSendingSession(run, 'guardian')
  try {
    const { rewards, deployment } = session.contracts
    const data = rewards.interface.encodeFunctionData(name as never, args as never) as Hex
    const key = kind === 'void' ? String(args[0]) : String(run.clock.nowMs())
    const tx = await sendCall(session, { kind, key, to: deployment.rewards, data })
    const pausedUntil = Number(await rewards.pausedUntil())
    const time = (await session.client.block('latest'))?.timestamp ?? 0
    const state = pausedUntil > time ? `paused until ${shownTime(pausedUntil)}` : 'not paused'
    const done =
      kind === 'void' ? `cycle ${args[0]} is void; its money is in the pool again` : state
    return { json: { kind, hash: tx.hash, pausedUntil }, lines: [done, `  ${tx.hash}`] }
  } finally {
    await session.close()
  }
}
