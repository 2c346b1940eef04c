import { expect } from 'chai'
import { artifacts } from 'hardhat'
import { GOALS, isMet, METRICS } from '../../scripts/gas/goals.ts'
import { measureAll } from '../../scripts/gas/measure.ts'
import type { Measured } from '../../scripts/gas/measure.ts'
import { changesSince, readSnapshot } from '../../scripts/gas/snapshot.ts'

/** EIP-170. */
const MAX_CODE_BYTES = 24_576

describe('gas', () => {
  let measured: Measured

  before(async function () {
    this.timeout(120_000)
    measured = await measureAll()
  })

  for (const metric of METRICS) {
    const goal: number | undefined = GOALS[metric]
    if (goal === undefined) continue
    it(`${metric}: at most ${goal.toLocaleString('en-US')}`, () => {
      expect(isMet(metric, measured.figures[metric]), String(measured.figures[metric])).to.equal(
        true,
      )
    })
  }

  it('R-30 one bad payee in 100 leaves 99 paid and one credited, whatever it does', () => {
    for (const [kind, { paid, credited }] of Object.entries(measured.badPayees)) {
      expect({ paid, credited }, kind).to.deep.equal({ paid: 99, credited: 1 })
    }
  })

  it('is as snapshots/gas.json says; `npm run gas` writes it anew', () => {
    expect(changesSince(readSnapshot(), measured.figures)).to.deep.equal([])
  })
})

describe('contract size', () => {
  for (const name of [
    'HeartbeatRegistry',
    'ValidatorRewards',
    'Extraction',
    'ProgramPayouts',
    'ProgramClaims',
  ]) {
    it(`${name} fits EIP-170`, async () => {
      const { deployedBytecode } = await artifacts.readArtifact(name)
      expect(deployedBytecode.length / 2 - 1).to.be.at.most(MAX_CODE_BYTES)
    })
  }
})
