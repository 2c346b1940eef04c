import { expect } from 'chai'
import { parseHour, readOnline } from '../../../keeper/heartbeat/input.ts'
import type { OnlineInput } from '../../../keeper/heartbeat/input.ts'
import { toWords, wordToHex } from '../../../keeper/heartbeat/words.ts'
import { codeOf, rejectionOf } from '../../helpers/errors.ts'
import { withFile } from '../../helpers/files.ts'

const A = '0x000a1a29626eDb27d61cf98049C5CDD18175238B'.toLowerCase()
const B = '0xff5d24de2756ede6ee8e2f83bdd80cb9fc24cf0c'
const HOUR = 481_194

async function formOf(name: string, text: string): Promise<OnlineInput> {
  return withFile(name, text, (file) => readOnline(file, HOUR))
}

describe('the forms of a snapshot', () => {
  it('a list of node addresses is read as text, as CSV and as JSON, each node once (Z-03)', async () => {
    const texts = [
      `${A}\n${B}\n${A}\n`,
      `# up\n${A}\n${B}`,
      `index,node\n0,${A}\n1,${B}`,
      JSON.stringify([A, B, A]),
    ]
    for (const text of texts) {
      const input = await formOf('up.txt', text)
      expect(
        input.form === 'list' && input.nodes.map((node) => node.toLowerCase()),
        text,
      ).to.deep.equal([A, B])
    }
  })

  it('an empty list is nobody up, which is a snapshot too (Z-04)', async () => {
    const input = await formOf('up.json', '[]')
    expect(input.form === 'list' && input.nodes).to.deep.equal([])
  })

  it('beats give who meets the hourly rule in that hour', async () => {
    const rows = [`${A},${HOUR},80,47`, `${B},${HOUR},80,46`]
    const text = ['validator,hour,beats_expected,beats_seen', ...rows].join('\n')
    const input = await formOf('beats.csv', text)
    expect(input.form === 'beats' && input.nodes).to.have.length(1)
    const error = await withFile('beats.csv', text, (file) =>
      rejectionOf(readOnline(file, HOUR + 1)),
    )
    expect(error.code).to.equal('SNAPSHOT_INPUT_INVALID')
  })

  it('a bitmap is read as its words', async () => {
    const words = toWords([3, 256], 2)
    const input = await formOf('map.hex', words.map(wordToHex).join('\n'))
    expect(input.form === 'bitmap' && input.words).to.deep.equal(words)
  })

  it('anything else is refused with every line that is no address', async () => {
    const read = (file: string): ReturnType<typeof rejectionOf> =>
      rejectionOf(readOnline(file, HOUR))
    const error = await withFile('up.txt', `${A}\nx\n${B}\ny\n`, read)
    expect(error.code).to.equal('SNAPSHOT_INPUT_INVALID')
    expect(error.facts['faults']).to.deep.equal([
      'line 2: "x" is not an address',
      'line 4: "y" is not an address',
    ])
    expect((await withFile('up.json', '[1', read)).code).to.equal('SNAPSHOT_INPUT_INVALID')
    expect((await read('/nowhere')).code).to.equal('FILE_UNREADABLE')
  })

  it('an hour is its number, its unix seconds or its ISO time (R-01)', () => {
    for (const text of [String(HOUR), String(HOUR * 3_600), '2024-11-22T18:00:00Z']) {
      expect(parseHour(text), text).to.equal(HOUR)
    }
  })

  it('a moment inside an hour is misaligned, and nonsense is no hour', () => {
    expect(codeOf(() => parseHour('2024-11-22T18:00:01Z'))).to.equal('HOUR_MISALIGNED')
    expect(codeOf(() => parseHour(String(HOUR * 3_600 + 1)))).to.equal('HOUR_MISALIGNED')
    expect(codeOf(() => parseHour('yesterday'))).to.equal('HOUR_INVALID')
  })
})
