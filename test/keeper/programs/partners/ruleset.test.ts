import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DEFAULT_RULES,
  parseRuleset,
  readRuleset,
} from '../../../../keeper/programs/partners/ruleset.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { withFile } from '../../../helpers/files.ts'

const DOCS = join(import.meta.dirname, '..', '..', '..', '..', 'docs')
const FILE = join(DOCS, 'partners-rules.json')

/** The defaults with some keys replaced, as text. */
function withKeys(keys: object): string {
  return JSON.stringify({ ...DEFAULT_RULES, ...keys })
}

async function faultsOf(text: string): Promise<unknown> {
  const error = await withFile('rules.json', text, (file) => rejectionOf(readRuleset(file)))
  expect(error.code).to.equal('PARTNERS_RULES_INVALID')
  return error.facts['faults']
}

/** splitBps.fixed, splitBps.ecc, … */
function keysOf(value: object, path: string[] = []): string[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null
      ? keysOf(inner, [...path, key])
      : [[...path, key].join('.')],
  )
}

describe('partners: the ruleset', () => {
  it('docs/partners-rules.json is what holds without a file', async () => {
    expect(JSON.parse(readFileSync(FILE, 'utf8'))).to.deep.equal(DEFAULT_RULES)
    expect(await readRuleset(FILE)).to.deep.equal(await readRuleset())
  })

  it('the page beside it says what each key means and what its default is', () => {
    const page = readFileSync(join(DOCS, 'partners-rules.md'), 'utf8')
    for (const key of keysOf(DEFAULT_RULES)) {
      const value = key
        .split('.')
        .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], DEFAULT_RULES)
      const line = page
        .split('\n')
        .find((each) => each.startsWith(`| \`${key}\` | \`${String(value)}\` |`))
      expect(line, key).not.to.equal(undefined)
    }
  })

  it('D-12 D-13 the defaults share the pool in thirds of 10,000 bps, and a higher tier wants more votes', async () => {
    const { daily, ccRate, unknownEcc } = await readRuleset()
    expect(daily.splitBps).to.deep.equal({ fixed: 3_334, ecc: 3_333, top50: 3_333 })
    expect(Object.values(daily.minimumVotes)).to.deep.equal([5, 4, 3, 2, 1])
    expect(ccRate).to.equal(10n ** 18n)
    expect(unknownEcc).to.equal(10n ** 18n)
  })

  it('the version is of what the rules say: another order or spelling keeps it, another number does not', () => {
    const { version } = parseRuleset(JSON.stringify(DEFAULT_RULES), 'a')
    const reordered = Object.fromEntries(Object.entries(DEFAULT_RULES).toReversed())
    expect(version).to.match(/^[0-9a-f]{16}$/)
    expect(parseRuleset(JSON.stringify(reordered, null, 4), 'b').version).to.equal(version)
    expect(parseRuleset(withKeys({ unknownEcc: '1.0' }), 'c').version).to.equal(version)
    expect(parseRuleset(withKeys({ unknownEcc: '1.1' }), 'd').version).not.to.equal(version)
  })

  it('D-12 a split that is not 10,000 bps is refused and names its key', async () => {
    const splitBps = { fixed: 5_000, ecc: 3_000, top50: 1_999 }
    expect(await faultsOf(withKeys({ splitBps }))).to.deep.equal([
      'splitBps: the three are 9999 bps together, not 10000',
    ])
  })

  it('names every bad key by its path: unknown, missing, and of the wrong kind', async () => {
    const minimumVotes = { top10: 0, top100: 4, top1000: 3, all: 1, top5: 1 }
    const bonus = { bps: 500, referenceRate: '1.5', capPerPartner: 7 }
    const faults = await faultsOf(withKeys({ minimumVotes, bonus, unknownEcc: '-1' }))
    expect((faults as string[]).map((fault) => fault.split(':')[0])).to.have.members([
      'bonus.capPerPartner',
      'bonus.referenceRate',
      'minimumVotes.top10',
      'minimumVotes.top10000',
      'minimumVotes.top5',
      'unknownEcc',
    ])
  })

  it('refuses what is no JSON, no object, or no file', async () => {
    for (const text of ['{', '[]', 'null', '"x"', `{}${' '.repeat(70_000)}`]) await faultsOf(text)
    const missing = join(DOCS, 'no-such-file.json')
    expect((await rejectionOf(readRuleset(missing))).code).to.equal('FILE_UNREADABLE')
  })
})
