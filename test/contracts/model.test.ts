import { loadFixture } from '../helpers/contracts.ts'
import { Run } from '../helpers/model-run.ts'
import { onCoin, onToken } from '../helpers/model-world.ts'

const RULES = 'R-11 R-13 R-20 R-21 R-24 R-30 R-31 R-33 R-40'

describe('a random run of five cycles', () => {
  it(`${RULES} in coin, with three reporters, equals the naive twin`, async () => {
    await new Run(await loadFixture(onCoin), 1).go()
  })

  it(`${RULES} in a token, with one reporter, equals the naive twin`, async () => {
    await new Run(await loadFixture(onToken), 2).go()
  })
})
