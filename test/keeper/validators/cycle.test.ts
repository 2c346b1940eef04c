import { expect } from 'chai'
import type { CycleFacts } from '../../../keeper/validators/cycle.ts'
import { nextStep } from '../../../keeper/validators/cycle.ts'

const CUT = 1_732_384_800
const FACTS: CycleFacts = {
  cycle: 1,
  block: 9,
  now: CUT,
  cut: CUT,
  next: 1,
  state: 'none',
  isFinal: true,
  snapshots: 24,
  missing: [],
  pushWindow: 14_400,
  pausedUntil: 0,
  words: 1,
  eligible: 0,
  pool: 0n,
  allocated: 0n,
  weighted: false,
  weightSum: 0n,
  extractedAt: 0,
  transferFrom: 0,
  unpaid: [],
}
const step = (changes: Partial<CycleFacts>): object => nextStep({ ...FACTS, ...changes })
const SETTLED: Partial<CycleFacts> = {
  state: 'settled',
  unpaid: [5n],
  allocated: 9n,
  next: 2,
  transferFrom: CUT,
}

describe('what is due next in a cycle', () => {
  it('before the cut it waits; at the cut it extracts (R-01)', () => {
    expect(step({ now: CUT - 1 })).to.deep.equal({ do: 'wait-for-cut', until: CUT })
    expect(step({})).to.deep.equal({ do: 'extract' })
  })

  it('an earlier undecided cycle comes first', () => {
    expect(step({ cycle: 3, next: 2 })).to.deep.equal({ do: 'settle-earlier', cycle: 2 })
  })

  it('evidence that is not final is waited for, until the window of the last missing hour (R-04)', () => {
    const last = CUT / 3_600 - 1
    const waiting = nextStep({ ...FACTS, isFinal: false, missing: [last - 1, last] })
    expect(waiting.do === 'wait-for-evidence' && waiting.until).to.equal(CUT + 14_400)
    expect(waiting.do === 'wait-for-evidence' && waiting.reason).to.contain('2 hours')
    const slow = nextStep({ ...FACTS, isFinal: false })
    expect(slow.do === 'wait-for-evidence' && slow.until).to.equal(CUT + 1_800)
  })

  it('a pause is waited for, whether extract or transfers are due (R-51)', () => {
    const until = CUT + 60
    expect(step({ pausedUntil: until })).to.deep.equal({ do: 'wait-for-pause', until })
    expect(step({ ...SETTLED, pausedUntil: until })).to.deep.equal({ do: 'wait-for-pause', until })
  })

  it('a count that a stranger or a crash left half done is continued (R-22, R-25)', () => {
    expect(step({ state: 'counting' })).to.deep.equal({ do: 'continue-pages' })
  })

  it('transfers start after the settle delay, and end when nobody is unpaid (R-24)', () => {
    expect(step({ ...SETTLED, transferFrom: CUT + 60 })).to.deep.equal({
      do: 'wait-for-transfer',
      until: CUT + 60,
    })
    expect(step(SETTLED)).to.deep.equal({ do: 'transfer' })
    expect(step({ ...SETTLED, unpaid: [0n] })).to.deep.equal({ do: 'done' })
    expect(step({ ...SETTLED, allocated: 0n })).to.deep.equal({ do: 'done' })
  })

  it('a cycle that rolled over or was voided needs nothing (R-12, R-24)', () => {
    expect(step({ state: 'rolled-over', next: 2 })).to.deep.equal({ do: 'rolled-over' })
    expect(step({ state: 'voided', next: 2 })).to.deep.equal({ do: 'voided' })
  })
})
