import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { SECONDS_PER_CYCLE, SECONDS_PER_HOUR } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import { checkZoneAgainstGrid, nextSlotInstant } from '../base/zone.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'

/** Parameters of the rewards contract, in force from the first cycle on. */
export interface RewardParams {
  rateBps: number
  minSnapshots: number
  weighted: boolean
  payAll: boolean
  maxRefused: number
  stipend: number
  grace: number
  settleDelay: number
  cap: bigint
}

/** Everything that the deployment fixes. */
export interface DeployPlan {
  chainId: number
  deployer: Address
  admin: Address
  guardian: Address
  reporter: Address
  keeper: Address
  sponsor: Address
  asset: Address
  timelockDelay: number
  firstCut: UnixSeconds
  pushWindow: number
  params: RewardParams
}

/** two days in which everybody sees what the admin is about to do. */
export const PUBLIC_TIMELOCK_DELAY = 48 * SECONDS_PER_HOUR
// four hours to repair a late push, and too few to rewrite a day.
export const DEFAULT_PUSH_WINDOW = 4 * SECONDS_PER_HOUR
// an hour in which the guardian can take a wrong extract back; none on a test chain.
export const PUBLIC_SETTLE_DELAY = SECONDS_PER_HOUR
/** The most that fits is no limit. */
export const NO_CAP = 2n ** 128n - 1n
// a splitter that only books needs less; a token's transfer needs the second.
const NATIVE_STIPEND = 30_000
const TOKEN_STIPEND = 150_000
const DEFAULT_RATE_BPS = 8_000
const DEFAULT_MIN_SNAPSHOTS = 20
const DEFAULT_MAX_REFUSED = 16
const DEFAULT_GRACE = 24 * SECONDS_PER_HOUR

export function defaultTimelockDelay(chainId: number): number {
  return chainId === LOCAL_CHAIN_ID ? 0 : PUBLIC_TIMELOCK_DELAY
}

export function defaultParams(chainId: number, isNative: boolean): RewardParams {
  return {
    rateBps: DEFAULT_RATE_BPS,
    minSnapshots: DEFAULT_MIN_SNAPSHOTS,
    weighted: false,
    payAll: false,
    maxRefused: DEFAULT_MAX_REFUSED,
    stipend: isNative ? NATIVE_STIPEND : TOKEN_STIPEND,
    grace: DEFAULT_GRACE,
    settleDelay: chainId === LOCAL_CHAIN_ID ? 0 : PUBLIC_SETTLE_DELAY,
    cap: NO_CAP,
  }
}

/** The next slot of the zone, or the next cut that fits the zone all the year round. */
export function defaultFirstCut(zone: string, time: string, now: UnixSeconds): UnixSeconds {
  const slot = nextSlotInstant(zone, time, now)
  try {
    checkZoneAgainstGrid(zone, time, slot, now)
    if (slot % SECONDS_PER_HOUR === 0) return slot
  } catch (error) {
    if (!isKeeperError(error, 'ZONE_GRID_MISFIT')) throw error
    const hour = /^(\d\d):00Z$/.exec(String(error.facts['suggestedCut']))?.[1]
    if (hour === undefined) throw error
    return nextAt(Number(hour) * SECONDS_PER_HOUR, now)
  }
  // A slot off the hour (Kolkata's is 12:30Z): the cut is at the full hour before it.
  return slot - (slot % SECONDS_PER_HOUR)
}

function nextAt(secondOfDay: number, now: UnixSeconds): UnixSeconds {
  const today = now - (now % SECONDS_PER_CYCLE) + secondOfDay
  return today > now ? today : today + SECONDS_PER_CYCLE
}

/** Every fault of a plan at once; nothing is sent while there is one. */
export function checkPlan(plan: DeployPlan, zone: string, time: string, now: UnixSeconds): void {
  const faults = [...keyFaults(plan), ...gridFaults(plan, now), ...rangeFaults(plan)]
  if (faults.length > 0) throw new KeeperError('DEPLOY_PARAMS_INVALID', { faults })
  checkZoneAgainstGrid(zone, time, plan.firstCut, now)
}

function keyFaults(plan: DeployPlan): string[] {
  const faults: string[] = []
  const roles = ['admin', 'guardian', 'reporter', 'keeper'] as const
  for (const [index, role] of roles.entries()) {
    for (const other of roles.slice(index + 1)) {
      if (plan[role] === plan[other]) faults.push(`${role} and ${other} are the same key`)
    }
    if (plan[role] === plan.deployer) faults.push(`${role} is the deployer, who must keep no power`)
  }
  return faults
}

// The constructors' own limits: asked before, a fault costs no coin and is named with the others.
export const RANGES = {
  pushWindow: [SECONDS_PER_HOUR, 12 * SECONDS_PER_HOUR],
  rateBps: [1, 10_000],
  minSnapshots: [1, 24],
  maxRefused: [1, 32],
  stipend: [15_000, 500_000],
  grace: [SECONDS_PER_HOUR, 3 * SECONDS_PER_CYCLE],
  settleDelay: [0, 3 * SECONDS_PER_CYCLE],
} as const

function rangeFaults({ pushWindow, params }: DeployPlan): string[] {
  const given: Record<keyof typeof RANGES, number> = { pushWindow, ...params }
  const names = Object.keys(RANGES) as (keyof typeof RANGES)[]
  const faults = names.flatMap((name) => {
    const [min, max] = RANGES[name]
    const isInside = given[name] >= min && given[name] <= max
    return isInside ? [] : [`${name} ${given[name]} is not within ${min} … ${max}`]
  })
  return params.cap === 0n ? [...faults, 'with a cap of 0 nobody would ever be paid'] : faults
}

function gridFaults({ chainId, firstCut, timelockDelay }: DeployPlan, now: UnixSeconds): string[] {
  const faults: string[] = []
  if (firstCut % SECONDS_PER_HOUR !== 0) faults.push(`first cut ${firstCut} is not on a full hour`)
  if (firstCut + SECONDS_PER_CYCLE <= now) faults.push('the first cycle would be over already')
  if (timelockDelay < SECONDS_PER_HOUR && chainId !== LOCAL_CHAIN_ID) {
    faults.push(`a timelock of ${timelockDelay} s is none: at least one hour on a public chain`)
  }
  return faults
}

/** Who may do what: one line a power, as it is printed before anything is sent. */
export function powersOf(plan: DeployPlan): string[][] {
  const { admin, guardian, reporter, keeper, deployer, sponsor } = plan
  const wait =
    plan.timelockDelay === 0 ? 'at once (test chain)' : `after ${hours(plan.timelockDelay)}`
  return [
    ['admin', admin, `roster, parameters, roles: through the timelock, ${wait}`],
    ['guardian', guardian, 'pause, void, revoke, lower the cap: at once; nothing else'],
    ['reporter', reporter, 'push the hourly snapshots'],
    ['keeper', keeper, 'extract, transfer'],
    ['sponsor', sponsor, 'gets the pool back after 90 days of silence'],
    ['deployer', deployer, 'nothing after the deployment'],
  ]
}

export function hours(seconds: number): string {
  if (seconds === 0) return 'none'
  const whole = seconds / SECONDS_PER_HOUR
  return Number.isInteger(whole) ? `${whole} h` : `${seconds} s`
}
