import { isoTime, startOfHour } from '../base/time.ts'
import { readStanding } from '../programs/partners/standing.ts'
import type { Standing } from '../programs/partners/standing.ts'
import type { PartnersState } from '../programs/partners/distribution/state.ts'
import type { Report, Run } from './command.ts'
import { officeCommand } from './office.ts'
import type { OfficeOrder } from './office.ts'
import { assetOf, partnersAsset } from './partners-room.ts'
import { money, plural, shownTime, table } from './print.ts'

export async function partnersStatusCommand(run: Run): Promise<Report> {
  const asset = await partnersAsset(run)
  return officeCommand('partners status', partnersStatusOrder)(run, { ...asset }, [])
}

export const partnersStatusOrder: OfficeOrder = async ({ db, config }, _args, options) => {
  const { asset, ...unit } = assetOf(options)
  const standing = await readStanding(db, asset)
  const { pools, votes, state, shadow } = standing
  const rows = [
    ['of the next hour', money(pools.hour, unit)],
    ['of the next day', money(pools.day, unit)],
    ['of the bonus', money(pools.bonus, unit)],
    ['of days to be corrected', money(pools.late, unit)],
  ]
  return {
    json: {
      mode: config.partners,
      zone: config.partnersZone,
      ...reachedJson(state),
      shadow: reachedJson(shadow),
      votes: { ...votes, lastAt: votes.lastAt === undefined ? null : isoTime(votes.lastAt) },
      pools,
    },
    lines: [
      `the keeper's mode is ${config.partners}, days are those of ${config.partnersZone}`,
      `distributed: ${reachedText(state)}`,
      ...(shadow.firstHour === undefined ? [] : [`in the shadow: ${reachedText(shadow)}`]),
      ...voteLines(votes),
      ...table(['pool', 'amount'], rows),
    ],
  }
}

function reachedJson({ firstHour, lastHour, lastDay }: PartnersState): object {
  const at = (hour: number | undefined): string | null =>
    hour === undefined ? null : isoTime(startOfHour(hour))
  return { firstHour: at(firstHour), lastHour: at(lastHour), lastDay: lastDay ?? null }
}

function reachedText({ firstHour, lastHour, lastDay }: PartnersState): string {
  if (firstHour === undefined) return 'nothing yet'
  const from = `from ${shownTime(startOfHour(firstHour))}`
  if (lastHour === undefined) return `nothing yet, ${from} on`
  const day = lastDay === undefined ? 'no day yet' : `days to ${lastDay}`
  return `${from}, hours to ${shownTime(startOfHour(lastHour))}, ${day}`
}

function voteLines({ waiting, before, late, lastAt }: Standing['votes']): string[] {
  const last = lastAt === undefined ? '' : `, the last of ${shownTime(lastAt)}`
  return [
    `${plural(waiting, 'vote')} of hours to come${last}`,
    ...(before > 0 ? [`${plural(before, 'vote')} of before the first hour: counted nowhere`] : []),
    ...(late > 0 ? [`${plural(late, 'late vote')}: muster partners correct`] : []),
  ]
}
