import { expect } from 'chai'
import { loadFixture } from '../../helpers/contracts.ts'
import { Run } from '../../helpers/model-run.ts'
import { onCoin, onToken } from '../../helpers/model-world.ts'
import { auditSystem, sentencesOf } from '../../helpers/verifying.ts'

const CASES = [
  { asset: 'coin, with three reporters', world: onCoin, seed: 11 },
  { asset: 'a token, with one reporter', world: onToken, seed: 12 },
]

describe('what is derived from the events of five random cycles', function () {
  this.timeout(240_000)

  for (const { asset, world, seed } of CASES) {
    it(`in ${asset}, is what the chain decided, paid and holds (S-47)`, async () => {
      const { system } = await loadFixture(world)
      const run = new Run(await loadFixture(world), seed)
      await run.go()
      const audit = await auditSystem(system)
      expect(sentencesOf(audit)).to.deep.equal([])
      expect(audit.hasOldBalances).to.equal(true)
      expect(audit.state.cycles.size).to.equal(5)
      expect(audit.state.books.totals.pool).to.equal(run.model.pool)
    })
  }
})
