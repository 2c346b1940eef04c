import { expect } from 'chai'
import { isoTime, parseIso } from '../../../keeper/base/time.ts'
import {
  checkZoneAgainstGrid,
  latestSlotInstant,
  nextSlotInstant,
} from '../../../keeper/base/zone.ts'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { codeOf } from '../../helpers/errors.ts'

const NOW = parseIso('2026-01-15T00:00:00Z')

function next(zone: string, time: string, from: string): string {
  return isoTime(nextSlotInstant(zone, time, parseIso(from)))
}

function suggestion(zone: string, cut: string): unknown {
  try {
    checkZoneAgainstGrid(zone, '18:00', parseIso(`2025-01-01T${cut}:00Z`), NOW)
  } catch (error) {
    return error instanceof KeeperError && error.code === 'ZONE_GRID_MISFIT'
      ? error.facts['suggestedCut']
      : error
  }
  return 'fits'
}

describe('the slot in a zone', () => {
  it('18:00 in Berlin is 17:00Z in winter and 16:00Z in summer', () => {
    expect(next('Europe/Berlin', '18:00', '2026-01-15T00:00:00Z')).to.equal('2026-01-15T17:00:00Z')
    expect(next('Europe/Berlin', '18:00', '2026-07-15T00:00:00Z')).to.equal('2026-07-15T16:00:00Z')
  })

  it('the latest slot is at or before now and the next one is after it', () => {
    const at = parseIso('2026-01-15T18:00:00Z')
    expect(latestSlotInstant('UTC', '18:00', at)).to.equal(at)
    expect(latestSlotInstant('UTC', '18:00', at - 1)).to.equal(at - 86_400)
    expect(nextSlotInstant('UTC', '18:00', at)).to.equal(at + 86_400)
    expect(nextSlotInstant('UTC', '18:00', at - 1)).to.equal(at)
  })

  it('S-39 a time in the spring gap moves to the first instant after it: 02:30 becomes 03:00', () => {
    expect(next('America/New_York', '02:30', '2026-03-08T05:00:00Z')).to.equal(
      '2026-03-08T07:00:00Z',
    )
  })

  it('S-39 a time in the autumn overlap runs at its first instant only', () => {
    const first = next('America/New_York', '01:30', '2026-11-01T04:00:00Z')
    expect(first).to.equal('2026-11-01T05:30:00Z')
    expect(next('America/New_York', '01:30', first)).to.equal('2026-11-02T06:30:00Z')
  })

  it('S-39 a civil day that a zone skipped (Samoa, 30 December 2011) does not stop the walk', () => {
    const first = next('Pacific/Apia', '18:00', '2011-12-30T05:00:00Z')
    expect(first).to.equal('2011-12-30T10:00:00Z')
    expect(next('Pacific/Apia', '18:00', first)).to.equal('2011-12-31T04:00:00Z')
  })

  it('refuses a zone and a time that do not exist', () => {
    expect(codeOf(() => nextSlotInstant('Mars/Olympus', '18:00', NOW))).to.equal('ZONE_UNKNOWN')
    expect(codeOf(() => nextSlotInstant('UTC', '24:00', NOW))).to.equal('TIME_OF_DAY_INVALID')
  })
})

describe('the zone against the grid', () => {
  it('R-02 18:00 UTC fits a cut at 18:00Z without lag', () => {
    const cut = parseIso('2025-01-01T18:00:00Z')
    expect(checkZoneAgainstGrid('UTC', '18:00', cut, NOW)).to.deep.equal({ maxLagSeconds: 0 })
  })

  it('R-02 Berlin fits 16:00Z, New York 22:00Z, Kolkata 12:00Z', () => {
    expect(suggestion('Europe/Berlin', '16:00')).to.equal('fits')
    expect(suggestion('America/New_York', '22:00')).to.equal('fits')
    expect(suggestion('Asia/Kolkata', '12:00')).to.equal('fits')
  })

  it('R-02 a misfit is refused and names a cut that fits', () => {
    expect(suggestion('Europe/Berlin', '17:00')).to.equal('16:00Z')
    expect(suggestion('America/New_York', '23:00')).to.equal('22:00Z')
    expect(suggestion('Asia/Kolkata', '18:00')).to.equal('12:00Z')
  })

  it('R-02 a lag of 6 h is accepted, one second more is not', () => {
    expect(suggestion('UTC', '12:00')).to.equal('fits')
    expect(suggestion('UTC', '11:59')).to.equal('18:00Z')
  })
})
