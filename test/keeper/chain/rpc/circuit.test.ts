import { expect } from 'chai'
import fc from 'fast-check'
import {
  CLOSED,
  FAILURES_TO_OPEN,
  FIRST_OPEN_MS,
  MAX_OPEN_MS,
  asked,
  failed,
  mayAsk,
  openMsOf,
  opened,
  succeeded,
} from '../../../../keeper/chain/rpc/circuit.ts'
import type { Circuit } from '../../../../keeper/chain/rpc/circuit.ts'

const openAt = (nowMs: number): Circuit =>
  Array.from({ length: FAILURES_TO_OPEN }).reduce<Circuit>(
    (circuit) => failed(circuit, nowMs),
    CLOSED,
  )

describe("an endpoint's circuit", () => {
  it('S-31 opens after three failures in a row, and one success forgets them', () => {
    const almost = failed(failed(CLOSED, 0), 0)
    expect(almost).to.include({ state: 'closed', failures: 2 })
    expect(succeeded(almost)).to.equal(CLOSED)
    expect(failed(almost, 7)).to.deep.equal({
      state: 'open',
      failures: 3,
      openings: 1,
      openedMs: 7,
    })
  })

  it('S-31 keeps questions away for the wait, then lets one through as a trial', () => {
    const open = openAt(100)
    expect(mayAsk(open, 100 + FIRST_OPEN_MS - 1)).to.equal(false)
    const trial = asked(open, 100 + FIRST_OPEN_MS)
    expect(trial.state).to.equal('half-open')
    expect(mayAsk(trial, 100 + FIRST_OPEN_MS)).to.equal(false)
    expect(succeeded(trial)).to.equal(CLOSED)
  })

  it('S-31 a trial that fails opens it again for twice as long, up to the limit', () => {
    const waits: number[] = []
    let circuit = openAt(0)
    for (let nowMs = 0; waits.length < 8; nowMs = circuit.openedMs) {
      waits.push(openMsOf(circuit))
      const dueMs = nowMs + openMsOf(circuit)
      circuit = failed(asked(circuit, dueMs), dueMs)
    }
    expect(waits).to.deep.equal([1, 2, 4, 8, 16, 30, 30, 30].map((s) => s * 1_000))
  })

  it('a late failure of an earlier question does not make the wait longer', () => {
    const open = openAt(0)
    expect(failed(open, 900)).to.deep.include({ openedMs: 0, openings: 1, failures: 4 })
  })

  it('an endpoint that is not what it was taken for is given up at once', () => {
    expect(opened(CLOSED, 5)).to.include({ state: 'open', openedMs: 5 })
  })

  const act = fc.oneof(
    fc.record({ kind: fc.constantFrom('ask', 'fail', 'succeed') }),
    fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 0, max: 40_000 }) }),
  ) as fc.Arbitrary<{ kind: 'ask' | 'fail' | 'succeed' | 'wait'; ms?: number }>

  it('S-31 whatever happens, it is asked again within half a minute and never twice at once on trial', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        let circuit = CLOSED
        let nowMs = 0
        for (const { kind, ms = 0 } of acts) {
          const before = circuit
          if (kind === 'wait') nowMs += ms
          if (kind === 'succeed') circuit = succeeded(circuit)
          if (kind === 'fail') circuit = failed(circuit, nowMs)
          if (kind === 'ask' && mayAsk(circuit, nowMs)) {
            circuit = asked(circuit, nowMs)
            if (before.state === 'open')
              expect(mayAsk(circuit, nowMs + MAX_OPEN_MS)).to.equal(false)
          }
          if (circuit.state === 'closed') expect(circuit.failures).to.be.below(FAILURES_TO_OPEN)
          if (circuit.state === 'open') {
            expect(openMsOf(circuit)).to.be.within(FIRST_OPEN_MS, MAX_OPEN_MS)
            expect(mayAsk(circuit, circuit.openedMs + MAX_OPEN_MS)).to.equal(true)
            expect(circuit.openedMs).to.be.at.most(nowMs)
          }
          if (circuit.state === 'half-open') {
            expect(['open', 'half-open']).to.include(before.state)
            expect(succeeded(circuit).state).to.equal('closed')
            expect(failed(circuit, nowMs).state).to.equal('open')
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
