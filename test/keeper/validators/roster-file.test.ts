import { expect } from 'chai'
import type { Roster } from '../../../keeper/validators/roster.ts'
import { FOREVER } from '../../../keeper/validators/roster.ts'
import {
  parseRosterFile,
  readRosterFile,
  refuseKnown,
  rosterCsv,
  toBatches,
} from '../../../keeper/validators/roster-file.ts'
import type { RosterRow } from '../../../keeper/validators/roster-file.ts'
import type { KeeperError } from '../../../keeper/base/errors.ts'
import { codeOf, rejectionOf } from '../../helpers/errors.ts'

const A = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
const B = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'
const ZERO = '0x0000000000000000000000000000000000000000'

function errorOf(text: string): KeeperError {
  try {
    parseRosterFile(text, 'roster')
  } catch (error) {
    return error as KeeperError
  }
  throw new Error('accepted')
}

const rows = (count: number): RosterRow[] =>
  Array.from({ length: count }, () => ({ node: A, fund: A, weight: 1n }))

describe('a roster file', () => {
  it('is CSV or JSON with the same meaning; nodes may share a fund address (Z-10)', () => {
    const csv = parseRosterFile(`node,fund,weight\n${A},${B},5\n${B},${B},1\n`, 'roster.csv')
    const entries = [
      { node: A, fund: B, weight: '5' },
      { node: B, fund: B },
    ]
    expect(parseRosterFile(JSON.stringify(entries), 'roster.json')).to.deep.equal(csv)
    expect(csv).to.deep.equal([
      { node: A, fund: B, weight: 5n },
      { node: B, fund: B, weight: 1n },
    ])
  })

  it('with faults is refused whole, with every fault and its line', () => {
    const text = [
      'node,fund,weight',
      `${A},${B},1`,
      `${A},${B},1`,
      `${ZERO},${B},1`,
      `${A.replace('aAe', 'AAe')},${B},1`,
      `${B},0x12,1`,
      `${B},${B},-1`,
    ].join('\n')
    const error = errorOf(text)
    expect(error.code).to.equal('CSV_INVALID')
    const faults = error.facts['faults'] as { line: number; fault: string }[]
    expect(faults.map(({ line }) => line)).to.deep.equal([3, 4, 5, 6, 7])
    const expected = ['in line 2 already', 'zero address', 'checksum', 'not an address', '2^96']
    for (const [i, part] of expected.entries()) expect(faults[i]?.fault).to.contain(part)
  })

  it('in JSON names the entry of every fault', () => {
    const error = errorOf(
      JSON.stringify([{ node: A, fund: A }, { node: A }, { node: A, fund: ZERO }]),
    )
    expect(error.code).to.equal('ROSTER_INVALID')
    expect(error.facts['faults']).to.deep.equal([
      'entry 2: fund: is missing',
      'entry 3: fund: the zero address',
    ])
  })

  it('that is empty, broken or missing is refused', async () => {
    for (const text of ['', 'node,fund,weight\n', '[]', '[', '{}']) {
      expect(
        codeOf(() => parseRosterFile(text, 'roster')),
        text,
      ).to.equal('ROSTER_INVALID')
    }
    expect((await rejectionOf(readRosterFile('/nowhere'))).code).to.equal('FILE_UNREADABLE')
  })

  it('is sent in batches that end where a roster word of 256 ends', () => {
    const sizes = (count: number, first: number): number[] =>
      toBatches(rows(count), first).map((batch) => batch.length)
    expect(sizes(0, 0)).to.deep.equal([])
    expect(sizes(900, 0)).to.deep.equal([256, 256, 256, 132])
    expect(sizes(900, 250)).to.deep.equal([6, 256, 256, 256, 126])
    expect(sizes(1, 255)).to.deep.equal([1])
  })

  it('with a node that is registered is refused; one that was removed may come back', () => {
    const entry = { index: 0, node: A, fund: B, weight: 1n, activeFrom: 1, activeTo: FOREVER }
    const roster = (activeTo: number): Roster => {
      const entries = [{ ...entry, activeTo }] as Roster['entries']
      return { block: 1, entries, byNode: new Map(entries.map((each) => [each.node, each])) }
    }
    expect(codeOf(() => refuseKnown(rows(1), roster(FOREVER)))).to.equal('NODE_KNOWN')
    refuseKnown(rows(1), roster(3))
    expect(rosterCsv(roster(FOREVER))).to.equal(`node,fund,weight\n${A},${B},1\n`)
    expect(rosterCsv(roster(3))).to.equal('node,fund,weight\n')
  })
})
