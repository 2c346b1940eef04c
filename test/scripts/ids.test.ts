import { expect } from 'chai'
import { idsIn, linesOf } from '../../scripts/ids.ts'

describe('the list of proven ids', () => {
  it('finds every id in a sentence', () => {
    expect(idsIn('day › Z-05, R-30: a refused payment is a credit (S-04, D-09)')).to.deep.equal([
      'Z-05',
      'R-30',
      'S-04',
      'D-09',
    ])
  })

  it('finds ids in the names of Solidity tests', () => {
    expect(idsIn('RewardsTest › test_R30_Z05_refusal()')).to.deep.equal(['R-30', 'Z-05'])
    expect(idsIn('RewardsTest › invariant_R40()')).to.deep.equal(['R-40'])
  })

  it('takes no hour, bit width or hash for an id', () => {
    expect(idsIn('test_R3_x › R-300 and EIP-1559 › XR-30 › test_uintR256')).to.deep.equal([])
  })

  it('counts passed tests only, and shows a required id that has none', () => {
    const test = { file: 'a', ms: 1 }
    const report = {
      name: 'mocha',
      tests: [
        { ...test, title: 'R-01 an hour', state: 'passed' as const },
        { ...test, title: 'R-02 a slot', state: 'failed' as const },
      ],
    }

    expect(linesOf(['R-01', 'R-02'], [report])).to.deep.equal([
      { id: 'R-01', required: true, tests: ['R-01 an hour'] },
      { id: 'R-02', required: true, tests: [] },
    ])
  })
})
