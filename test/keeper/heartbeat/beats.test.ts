import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { onlineIn, readBeats } from '../../../keeper/heartbeat/beats.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { withFile } from '../../helpers/files.ts'

const A = '0x000a1a29626edb27d61cf98049c5cdd18175238b'
const B = '0xff5d24de2756ede6ee8e2f83bdd80cb9fc24cf0c'
const HEADER = 'validator,hour,beats_expected,beats_seen'
const GOOD = [HEADER, `${A},481194,10,6`, `${B},481194,10,5`, `${A},481195,9,9`].join('\n')

describe('a beats file', () => {
  it('is read plain and gzipped, by hour', async () => {
    for (const [name, content] of [
      ['beats.csv', GOOD],
      ['beats.csv.gz', gzipSync(GOOD)],
    ] as const) {
      const beats = await withFile(name, content, readBeats)
      expect([beats.rows, beats.firstHour, beats.lastHour]).to.deep.equal([3, 481_194, 481_195])
      expect(onlineIn(beats.of(481_194) ?? [])).to.have.length(1)
      expect(beats.of(481_196)).to.equal(undefined)
    }
  })

  it('with faults is refused whole, every fault with its line', async () => {
    const text = [
      HEADER,
      `${A},481194,10,6`,
      `nobody,481194,10,6`,
      `${A},now,10,6`,
      `${A},481195,10,11`,
      `${A},481194,10,6`,
      `${B},481194,-1,0`,
      `${B},481194,10`,
    ].join('\n')
    const error = await withFile('beats.csv', text, (file) => rejectionOf(readBeats(file)))
    expect(error.code).to.equal('BEATS_INVALID')
    const faults = error.facts['faults'] as { line: number; fault: string }[]
    expect(faults.map(({ line }) => line)).to.deep.equal([3, 4, 5, 6, 7, 8])
    expect(faults[3]?.fault).to.contain('twice')
  })

  it('without its columns or rows is refused with one sentence', async () => {
    for (const text of ['node,hour\n1,2\n3,4', '', HEADER]) {
      const error = await withFile('beats.csv', text, (file) => rejectionOf(readBeats(file)))
      expect(error.code, text).to.equal('BEATS_INVALID')
      expect(error.facts['total'], text).to.equal(1)
    }
  })

  it('that is not there, or no gzip, is named', async () => {
    expect((await rejectionOf(readBeats('/nowhere/beats.csv'))).code).to.equal('FILE_UNREADABLE')
    const error = await withFile('x.csv.gz', 'plain', (file) => rejectionOf(readBeats(file)))
    expect(error.code).to.equal('FILE_UNREADABLE')
  })
})
