import { expect } from 'chai'
import { CATALOGUE, EXIT } from '../../../keeper/base/error-catalogue.ts'
import { KeeperError, describe as describeError, exitCodeOf } from '../../../keeper/base/errors.ts'

describe('errors', () => {
  it('carries the code, the facts, a sentence, a way out and an exit code', () => {
    const error = new KeeperError('CHAIN_ID_WRONG', { url: 'http://n', found: 1, expected: 31_337 })
    expect(describeError(error)).to.deep.equal({
      code: 'CHAIN_ID_WRONG',
      message: 'The node at http://n is on chain 1, but the keeper works on 31337.',
      wayOut: 'Correct MUSTER_RPC_URL or MUSTER_CHAIN_ID.',
      facts: { url: 'http://n', found: 1, expected: 31_337 },
      exitCode: EXIT.config,
    })
  })

  it('a programming fault is INTERNAL with exit code 70', () => {
    expect(exitCodeOf(new TypeError('x is not a function'))).to.equal(EXIT.internal)
    expect(describeError(new TypeError('x is not a function')).code).to.equal('INTERNAL')
  })

  it('every row of the catalogue is two whole sentences with a known exit code', () => {
    const codes = Object.values(EXIT) as number[]
    for (const [code, row] of Object.entries(CATALOGUE)) {
      expect(row.sentence, code).to.match(/[.)]$/)
      expect(row.wayOut, code).to.match(/[.)]$/)
      expect(codes, code).to.include(row.exitCode)
    }
  })
})
