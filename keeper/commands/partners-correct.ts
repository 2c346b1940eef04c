import { trackProcess } from '../base/processes.ts'
import { KeeperError } from '../base/errors.ts'
import { correct } from '../programs/partners/correction/correct.ts'
import type { Wanted } from '../programs/partners/correction/correct.ts'
import type { CorrectionRoom } from '../programs/partners/correction/correction.ts'
import type { Report, Run } from './command.ts'
import { limitOf, officeCommand, textOf } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { correctionJson, correctionLines } from './partners-correct-tables.ts'
import { assetOf, partnersAsset, partnersRoom } from './partners-room.ts'
import { hourIn } from './partners-run.ts'
import { showProgress } from './progress.ts'

const COMMAND = 'partners correct'

export interface PartnersCorrectOptions {
  hour?: string
  day?: string
  dryRun?: boolean
  top: string
}

/** In the running keeper where there is one: its store is its own. */
export async function partnersCorrectCommand(
  run: Run,
  options: PartnersCorrectOptions,
): Promise<Report> {
  wantedOf({ ...options })
  const asset = await partnersAsset(run)
  const untrack = trackProcess(run.config.home, COMMAND, run.clock)
  const progress = showProgress('correcting', run.clock)
  const here: OfficeOrder = (office, _args, given) =>
    correctAsked(office, given, { signal: run.signal, onProgress: progress.update })
  try {
    return await officeCommand(COMMAND, here)(run, { ...options, ...asset }, [])
  } finally {
    progress.stop()
    untrack()
  }
}

export const partnersCorrectOrder: OfficeOrder = (office, _args, options) =>
  correctAsked(office, options)

async function correctAsked(
  office: Office,
  options: Record<string, unknown>,
  more: Pick<CorrectionRoom, 'signal' | 'onProgress'> = {},
): Promise<Report> {
  const { asset, ...unit } = assetOf(options)
  const limit = limitOf(options['top'], COMMAND)
  const { alerts, actor } = office
  const room: CorrectionRoom = {
    ...(await partnersRoom(office, { asset })),
    ...more,
    ...(alerts ? { alerts } : {}),
    by: actor.name,
  }
  const dryRun = options['dryRun'] === true
  const correction = await correct(room, wantedOf(options), { dryRun })
  return {
    json: correctionJson(correction, limit),
    lines: correctionLines(correction, { unit, limit }),
  }
}

function wantedOf(options: Record<string, unknown>): Wanted {
  const [hour, day] = [textOf(options['hour']), textOf(options['day'])]
  if (hour !== undefined && day === undefined) return { hour: hourIn(hour, COMMAND) }
  if (day !== undefined && hour === undefined) return { day }
  throw new KeeperError('USAGE', { what: 'name one period: --hour or --day', command: COMMAND })
}
