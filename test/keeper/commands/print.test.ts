import { expect } from 'chai'
import { shownHours, table } from '../../../keeper/commands/print.ts'

describe('what commands print', () => {
  const HOUR = Date.UTC(2024, 10, 26, 3) / 3_600_000

  it('names hours that follow each other by the first and the last one', () => {
    expect(shownHours([])).to.equal('')
    expect(shownHours([HOUR])).to.equal('2024-11-26 03:00 UTC')
    expect(shownHours([HOUR, HOUR + 1, HOUR + 2, HOUR + 5])).to.equal(
      '2024-11-26 03:00 … 2024-11-26 05:00 UTC (3), 2024-11-26 08:00 UTC',
    )
  })

  it('puts numbers to the right and everything else to the left', () => {
    const rows = [
      ['transfer', '7'],
      ['fund', '12'],
    ]
    expect(table(['kind', 'id'], rows)).to.deep.equal([
      '  kind      id',
      '  transfer   7',
      '  fund      12',
    ])
  })
})
