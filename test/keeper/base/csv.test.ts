import { expect } from 'chai'
import { z } from 'zod'
import { parseCsv } from '../../../keeper/base/csv.ts'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { addressSchema } from '../../../keeper/base/schema.ts'

const NODE = '0x52908400098527886E0F7030069857D2E4169EE7'
const rowSchema = z.object({ node: addressSchema, weight: z.coerce.number().nonnegative() })
const options = { file: 'validators.csv', rowSchema }

function faultsOf(text: string): unknown {
  try {
    return parseCsv(text, options)
  } catch (error) {
    if (error instanceof KeeperError && error.code === 'CSV_INVALID') return error.facts['faults']
    throw error
  }
}

describe('csv', () => {
  it('gives each row with its line, empty lines and a byte order mark aside', () => {
    const rows = parseCsv(`\ufeffnode,weight\n\n${NODE.toLowerCase()}, 3\n`, options)
    expect(rows).to.deep.equal([{ line: 3, value: { node: NODE, weight: 3 } }])
  })

  it('names every fault with its line and gives no row at all', () => {
    const faults = faultsOf(`node,weight\n${NODE},1\n0x12,-1\n${NODE}\n${NODE},x\n`)
    expect((faults as { line: number }[]).map(({ line }) => line)).to.deep.equal([3, 3, 4, 5])
  })

  it('refuses a quote that never ends and names the line', () => {
    expect(faultsOf(`node,weight\n"${NODE},1\n`)).to.have.length(1)
  })

  it('faults seen only across rows are listed with the others', () => {
    const check = (rows: { line: number }[]) => rows.map(({ line }) => ({ line, fault: 'again' }))
    expect(() => parseCsv(`node,weight\n${NODE},1\n`, { ...options, check })).to.throw(KeeperError)
  })
})
