import { expect } from 'chai'
import fc from 'fast-check'
import { canonicalJson, toJson } from '../../../keeper/base/json.ts'
import type { Json } from '../../../keeper/base/json.ts'

describe('canonical JSON', () => {
  it('sorts the keys at every depth', () => {
    const value = { b: [{ d: 1n, c: null }], a: { 10: 'x', 9: 'y', z: undefined } }

    expect(canonicalJson(value)).to.equal('{"a":{"9":"y","10":"x"},"b":[{"c":null,"d":"1"}]}')
  })

  it('is the text of its own value, whatever the order of the keys was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value)
        expect(JSON.parse(text)).to.deep.equal(JSON.parse(toJson(value)))
        expect(canonicalJson(turned(value as Json))).to.equal(text)
      }),
    )
  })

  it('nothing is null', () => {
    expect(canonicalJson(undefined)).to.equal('null')
  })
})

/** The same value with its keys the other way round. */
function turned(value: Json): Json {
  if (Array.isArray(value)) return value.map(turned)
  if (value === null || typeof value !== 'object') return value
  const fields = Object.entries(value).toReversed()
  return Object.fromEntries(fields.map(([key, each]) => [key, turned(each)]))
}
