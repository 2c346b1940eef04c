import { expect } from 'chai'
import type { Address } from '../../../keeper/base/schema.ts'
import { journalFolder } from '../../../keeper/commands/ignite.ts'
import { payeeOf } from '../../helpers/payouts.ts'

describe('the folder of a deployment', () => {
  it('is the same for a second run, and another one for what takes its place', () => {
    const first = journalFolder('deployments', 'chain-1-payouts', undefined)
    const address = payeeOf(1) as Address

    expect(first).to.equal('deployments/ignition/chain-1-payouts')
    expect(journalFolder('deployments', 'chain-1-payouts', undefined)).to.equal(first)
    expect(journalFolder('deployments', 'chain-1-payouts', address)).to.equal(
      `${first}-after-${address.toLowerCase()}`,
    )
  })
})
