import { leastAppearances } from '../heartbeat/online-rate.ts'
import type { CycleRecord } from '../validators/record.ts'
import { plural } from './print.ts'

interface Activity {
  activeFrom: number
  activeTo: number | null
}

/** Where a validator stands in a cycle, in one sentence. */
export function standingOf(cycle: CycleRecord, activity: Activity): string {
  const { standing, state } = cycle
  if (standing === 'out') return `out: ${whyOut(cycle, activity)}`
  if (standing === 'in') {
    const isDecided = state !== 'open' && state !== 'closed'
    return isDecided ? 'in: eligible' : 'in: eligible, whatever is still to come'
  }
  return `possible: ${whatIsNeeded(cycle)}`
}

function whyOut(cycle: CycleRecord, { activeFrom, activeTo }: Activity): string {
  const { reason, appearances, snapshots, undecided, reachable, minSnapshots, rateBps } = cycle
  if (reason === 'not-active') {
    if (activeFrom > cycle.cycle) return `it counts from cycle ${activeFrom} on`
    return activeTo !== null && activeTo < activeFrom
      ? 'it was removed before it counted'
      : `it counted until cycle ${activeTo ?? activeFrom}`
  }
  const most = snapshots + undecided
  if (reason === 'too-few-snapshots') {
    return `only ${plural(most, 'hour')} can count and ${minSnapshots} are needed; nobody is paid, the pool carries`
  }
  const least = leastAppearances(most, rateBps)
  if (undecided + reachable === 0) {
    return `online in ${appearances} of ${plural(most, 'hour')}, ${least} were needed`
  }
  return `at most ${appearances + reachable} hours online are possible, ${least} of ${most} are needed`
}

function whatIsNeeded({ needed, reachable, spare, snapshotsNeeded }: CycleRecord): string {
  if (needed > reachable) return 'only if some hours to come are lost for all'
  if (needed > 0) {
    return `needs ${needed} of the ${plural(reachable, 'hour')} that may still count, may miss ${spare}`
  }
  return `its rate is safe; the cycle needs ${plural(snapshotsNeeded, 'more snapshot')} so as not to roll over`
}
