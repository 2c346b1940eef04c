import { expect } from 'chai'
import { boardLines, openBoard, stripOf } from '../../../keeper/commands/live-board.ts'
import type { BoardRow } from '../../../keeper/commands/live-board.ts'
import { parseIso } from '../../../keeper/base/time.ts'

const row = (given: Partial<BoardRow>): BoardRow => ({
  name: 'ada',
  about: '',
  closed: [],
  count: 0,
  isRunning: true,
  ...given,
})

describe('the board of a live day', () => {
  it('has a cell an hour: his, not his, the one that fills, and those to come', () => {
    const strip = stripOf({ closed: [true, true, false], count: 6 }, 12)

    expect(strip).to.equal('██░▄·· ······ ······ ······')
  })

  it('fills the running hour with its beats, from nothing to nearly full', () => {
    const cells = [0, 1, 3, 6, 9, 11, 12].map((count) => stripOf({ closed: [], count }, 12)[0])

    expect(cells.join('')).to.equal('  ▂▄▆▇▇')
  })

  it('names the hour, what is on the chain, and who is down', () => {
    const rows = [
      row({ closed: [true], count: 5 }),
      row({ name: 'finn', closed: [false], isRunning: false, about: 'killed for 5 h' }),
    ]
    const time = parseIso('2024-11-25T19:30:00Z')

    const lines = boardLines({ time, rows, most: 12, least: 8, pushed: 1 })

    expect(lines).to.deep.equal([
      '2024-11-25 19:30 UTC  hour  2 of 24   1 pushed  8 of 12 beats make an hour',
      '',
      '  ada     █▃···· ······ ······ ······   1 h  up     5/12',
      '  finn    ░ ···· ······ ······ ······   0 h  down   0/12  killed for 5 h',
    ])
  })

  it('fits into eighty columns with the longest row', () => {
    const rows = [row({ name: 'abcdef', about: 'killed for 5 h', closed: [], count: 12 })]
    const facts = { time: parseIso('2024-11-25T19:30:00Z'), rows, most: 12, least: 8, pushed: 24 }

    for (const line of boardLines(facts)) expect(line.length, line).to.be.at.most(80)
  })

  it('is not drawn where there is no terminal, nor on one that is too narrow', () => {
    const stream = (given: object): NodeJS.WriteStream => given as NodeJS.WriteStream

    expect(openBoard(stream({ isTTY: false }))).to.equal(undefined)
    expect(openBoard(stream({ isTTY: true, columns: 60 }))).to.equal(undefined)
  })
})
