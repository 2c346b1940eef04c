import { expect } from 'chai'
import { startOfHour } from '../../../keeper/base/time.ts'
import { sentenceOf } from '../../../keeper/verify/divergence.ts'
import { judge } from '../../../keeper/verify/judge-receipt.ts'
import type { Court, Judgement } from '../../../keeper/verify/judge-receipt.ts'
import type { Claim } from '../../../keeper/verify/receipt-claim.ts'
import {
  FIRST_CUT,
  FIRST_HOUR,
  R1,
  R2,
  R3,
  STRANGER,
  WINDOW,
  added,
  claimOf,
  courtOf,
  expelled,
  pushed,
} from '../../helpers/receipt-court.ts'
import { nodeAt } from '../../helpers/receipts.ts'

const END = startOfHour(FIRST_HOUR + 1)
const CLOSED = END + WINDOW
const WITH = 0b010n
const WITHOUT = 0b101n
const OFFLINE = { online: false, seen: 12 }

function told(court: Court, changes: Partial<Claim> = {}): string {
  const { outcome, divergence }: Judgement = judge(claimOf(changes), court)
  return divergence ? `${outcome} ${divergence.kind}` : outcome
}

describe('a receipt held against the chain', () => {
  it('is kept when the reporter pushed what it signed, online or not', () => {
    expect(told(courtOf(CLOSED, pushed(R1, FIRST_HOUR, WITH)))).to.equal('kept')
    expect(told(courtOf(CLOSED, pushed(R1, FIRST_HOUR, WITHOUT)), OFFLINE)).to.equal('kept')
  })

  it('is kept when a second push of the hour brought the bit', () => {
    const [first, second] = [WITHOUT, 0b111n].map((word) => pushed(R1, FIRST_HOUR, word))
    if (!first || !second) throw new Error('no pushes')
    expect(told(courtOf(CLOSED, first, second))).to.equal('kept')
    expect(told(courtOf(CLOSED, second, first))).to.equal('kept')
  })

  it('contradicts a reporter that left the validator out', () => {
    const judged = judge(claimOf(), courtOf(CLOSED, pushed(R1, FIRST_HOUR, WITHOUT)))
    expect(judged.outcome).to.equal('contradicted')
    expect(judged.divergence).to.include({ layer: 'receipts', kind: 'left-out', cycle: 1 })
    expect(judged.divergence && sentenceOf(judged.divergence)).to.equal(
      `cycle 1: validator 1 (${nodeAt(1)}) has a receipt for hour 489000, 2025-10-14T00:00:00Z` +
        ` (60 of 80 beats, online): expected its bit in what ${R1} pushed,` +
        ' found a push without it, and its window is over.',
    )
  })

  it('contradicts nobody while the hour can still be pushed, and everybody one second later', () => {
    for (const steps of [[], [pushed(R1, FIRST_HOUR, WITHOUT)]]) {
      expect(told(courtOf(CLOSED - 1, ...steps))).to.equal('pending')
      expect(told(courtOf(CLOSED, ...steps))).to.match(/^contradicted/)
    }
  })

  it('contradicts a reporter that lost the hour: a receipt for online, and no push', () => {
    expect(told(courtOf(CLOSED))).to.equal('contradicted never-pushed')
    expect(told(courtOf(CLOSED), OFFLINE)).to.equal('not-pushed')
  })

  it('is no longer pending once its cycle is decided, window or not', () => {
    const last = FIRST_HOUR + 23
    const cut = FIRST_CUT + 86_400
    const before = courtOf(cut + 60, pushed(R1, last, WITHOUT))
    expect(told(before, { hour: last })).to.equal('pending')
    const decided = courtOf(cut + 60, pushed(R1, last, WITHOUT), [
      'RecordCleared',
      { cycle: 1 },
      cut + 30,
    ])
    expect(told(decided, { hour: last })).to.equal('contradicted left-out')
  })

  it('contradicts a reporter that pushed as online what it signed as not online, at once', () => {
    const court = courtOf(END + 60, pushed(R1, FIRST_HOUR, WITH))
    expect(told(court, OFFLINE)).to.equal('contradicted denied-online')
  })

  describe('of one of three reporters', () => {
    const three = [added(R2, 1), added(R3, 2)]
    const others = (word: bigint) => [pushed(R2, FIRST_HOUR, word), pushed(R3, FIRST_HOUR, word)]

    it('is no contradiction when the majority did not see it', () => {
      const court = courtOf(CLOSED, ...three, pushed(R1, FIRST_HOUR, WITH), ...others(WITHOUT))
      expect(told(court)).to.equal('outvoted')
    })

    it('waits for the others while they can still push', () => {
      const court = courtOf(END + 60, ...three, pushed(R1, FIRST_HOUR, WITH))
      expect(told(court)).to.equal('pending')
      const second = courtOf(
        END + 60,
        ...three,
        pushed(R1, FIRST_HOUR, WITH),
        pushed(R2, FIRST_HOUR, WITH),
      )
      expect(told(second)).to.equal('kept')
    })

    it('is held against its own reporter, not against the majority', () => {
      const steps = [...three, pushed(R1, FIRST_HOUR, WITHOUT), ...others(WITH)]
      const judged = judge(claimOf(), courtOf(CLOSED, ...steps))
      expect(judged.divergence?.kind).to.equal('left-out')
      expect(judged.reason).to.match(/the others had it, so the hour counts/)
      expect(told(courtOf(CLOSED, ...steps), { reporter: R2 })).to.equal('kept')
    })

    it('by a reporter that was expelled is held against what it pushed before', () => {
      const out = expelled(R1, 0, END + 600)
      const with1 = courtOf(CLOSED, ...three, pushed(R1, FIRST_HOUR, WITH), out, ...others(WITH))
      expect(told(with1)).to.equal('kept')
      const without = courtOf(CLOSED, ...three, pushed(R1, FIRST_HOUR, WITHOUT), out)
      expect(told(without)).to.equal('contradicted left-out')
      expect(told(courtOf(CLOSED, ...three, out))).to.equal('not-pushed')
    })
  })

  it('by a key that was no reporter in that cycle is a stranger’s word', () => {
    const court = courtOf(CLOSED, added(R2, 1, 2), pushed(R1, FIRST_HOUR, WITH))
    expect(told(court, { reporter: STRANGER })).to.equal('contradicted strange-signer')
    expect(told(court, { reporter: R2 })).to.equal('contradicted strange-signer')
    expect(told(court, { reporter: R2, hour: FIRST_HOUR + 24 })).to.equal('pending')
  })

  it('of a node without a bit in that cycle asks for nothing', () => {
    const court = courtOf(CLOSED, pushed(R1, FIRST_HOUR, WITHOUT))
    expect(told(court, { node: nodeAt(7) })).to.equal('no-bit')
    expect(told(court, { hour: FIRST_HOUR - 1 })).to.equal('no-bit')
  })

  it('of a node that came back is held against the index it had in that cycle', () => {
    const next = FIRST_HOUR + 24
    const court = courtOf(
      FIRST_CUT + 2 * 86_400,
      ['ValidatorRemoved', { index: 1, activeTo: 1 }, FIRST_CUT + 60],
      [
        'ValidatorAdded',
        { index: 3, node: nodeAt(1), fund: nodeAt(1), weight: 1n, activeFrom: 2 },
        FIRST_CUT + 120,
      ],
      pushed(R1, FIRST_HOUR, 0b0010n),
      pushed(R1, next, 0b1000n),
      pushed(R1, next + 1, 0b0010n),
    )
    expect(told(court)).to.equal('kept')
    expect(told(court, { hour: next })).to.equal('kept')
    expect(told(court, { hour: next + 1 })).to.equal('contradicted left-out')
  })
})
