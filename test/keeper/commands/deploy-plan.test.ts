import { expect } from 'chai'
import { KeeperError } from '../../../keeper/base/errors.ts'
import type { Address } from '../../../keeper/base/schema.ts'
import { isoTime } from '../../../keeper/base/time.ts'
import { checkZoneAgainstGrid } from '../../../keeper/base/zone.ts'
import type { DeployPlan } from '../../../keeper/commands/deploy-plan.ts'
import {
  checkPlan,
  defaultFirstCut,
  defaultParams,
  defaultTimelockDelay,
  powersOf,
} from '../../../keeper/commands/deploy-plan.ts'
import { codeOf } from '../../helpers/errors.ts'

const NOW = Date.UTC(2026, 10, 21, 9) / 1000
const address = (n: number): Address => `0x${String(n).repeat(40)}`

function plan(changes: Partial<DeployPlan> = {}): DeployPlan {
  return {
    chainId: 1,
    deployer: address(1),
    admin: address(2),
    guardian: address(3),
    reporter: address(4),
    keeper: address(5),
    sponsor: address(1),
    asset: address(6),
    timelockDelay: defaultTimelockDelay(1),
    firstCut: defaultFirstCut('UTC', '18:00', NOW),
    pushWindow: 14_400,
    params: defaultParams(1, true),
    ...changes,
  }
}

function faultsOf(changes: Partial<DeployPlan>): string[] {
  try {
    checkPlan(plan(changes), 'UTC', '18:00', NOW)
  } catch (error) {
    if (error instanceof KeeperError) return error.facts['faults'] as string[]
    throw error
  }
  return []
}

describe('the plan of a deployment', () => {
  it('R-01 opens the first cycle at the next 18:00 UTC', () => {
    expect(isoTime(defaultFirstCut('UTC', '18:00', NOW))).to.equal('2026-11-21T18:00:00Z')
    const at18 = Date.UTC(2026, 10, 21, 18) / 1000
    expect(isoTime(defaultFirstCut('UTC', '18:00', at18))).to.equal('2026-11-22T18:00:00Z')
  })

  it('R-02 opens it where the zone fits all the year round', () => {
    const cuts = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata'].map((zone) => {
      const cut = defaultFirstCut(zone, '18:00', NOW)
      expect(checkZoneAgainstGrid(zone, '18:00', cut, NOW).maxLagSeconds).to.be.at.most(6 * 3_600)
      expect(cut).to.be.greaterThan(NOW)
      return isoTime(cut).slice(11, 17)
    })
    expect(cuts).to.deep.equal(['16:00:', '22:00:', '12:00:'])
  })

  it('R-50 waits 48 hours on a public chain and not at all on the test chain', () => {
    expect(defaultTimelockDelay(1)).to.equal(48 * 3_600)
    expect(defaultTimelockDelay(31_337)).to.equal(0)
    expect(faultsOf({ timelockDelay: 60 })).to.have.length(1)
    expect(faultsOf({})).to.deep.equal([])
  })

  it('R-50 keeps the keys apart and leaves the deployer nothing', () => {
    expect(faultsOf({ keeper: address(4) })).to.deep.equal(['reporter and keeper are the same key'])
    expect(faultsOf({ admin: address(1), guardian: address(5) })).to.have.length(2)
    const powers = powersOf(plan()).map(([who]) => who)
    expect(powers).to.deep.equal(['admin', 'guardian', 'reporter', 'keeper', 'sponsor', 'deployer'])
  })

  it('refuses a cut off the hour, one long past, and one that does not fit the zone', () => {
    expect(faultsOf({ firstCut: NOW + 1_800 })).to.have.length(1)
    expect(faultsOf({ firstCut: NOW - 90_000 })).to.have.length(1)
    const cut = Date.UTC(2026, 10, 22, 3) / 1000
    const code = codeOf(() => checkPlan(plan({ firstCut: cut }), 'UTC', '18:00', NOW))
    expect(code).to.equal('ZONE_GRID_MISFIT')
  })
})
