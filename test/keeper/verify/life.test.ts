import { expect } from 'chai'
import { loadFixture } from '../../helpers/contracts.ts'
import { LAST_CYCLE, liveLife } from '../../helpers/life.ts'
import { auditSystem, sentencesOf } from '../../helpers/verifying.ts'

const coin = async () => liveLife(false)
const token = async () => liveLife(true)

describe('every rule of the contracts, each at its limit', function () {
  this.timeout(120_000)

  for (const [asset, life] of [
    ['coin', coin],
    ['a token', token],
  ] as const) {
    it(`in ${asset}, is derived from the events to the same end`, async () => {
      const { system } = await loadFixture(life)
      const audit = await auditSystem(system)
      expect(sentencesOf(audit)).to.deep.equal([])
      expect(audit.state.cycles.size).to.equal(LAST_CYCLE)
      const { funded, paid, withdrawn, credits, unpaid, pool, returned } = audit.state.books.totals
      expect(funded).to.equal(paid + withdrawn + credits + unpaid + pool + returned)
      expect(withdrawn > 0n && credits > 0n && returned > 0n).to.equal(true)
    })
  }
})
