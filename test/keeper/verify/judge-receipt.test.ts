import { expect } from 'chai'
import { sentenceOf } from '../../../keeper/verify/divergence.ts'
import { judge } from '../../../keeper/verify/judge-receipt.ts'
import type { Court } from '../../../keeper/verify/judge-receipt.ts'
import { readClaim } from '../../../keeper/verify/receipt-claim.ts'
import type { EvidenceHistory } from '../../../keeper/verify/evidence-history.ts'
import type { Receipt } from '../../../keeper/heartbeat/receipts/receipt.ts'
import type { RosterHistory } from '../../../keeper/verify/roster-history.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { R1, RECEIPT_CASES, claimOf, courtOf } from '../../helpers/receipt-court.ts'
import type { ReceiptCase } from '../../helpers/receipt-court.ts'
import { receiptMutants } from '../../helpers/receipt-mutants.ts'
import { hourOfMany, nodeAt, signAndList } from '../../helpers/receipts.ts'
import { freshDb } from '../../helpers/store.ts'
import { CLAIM_MUTANTS, RECEIPT_MUTANTS, withCopy } from '../../helpers/verify-mutants.ts'

type Judge = typeof judge

function told({ claim }: ReceiptCase, court: Court, judging: Judge = judge): string {
  const { outcome, divergence } = judging(claimOf(claim), court)
  return divergence ? `${outcome} ${divergence.kind}` : outcome
}

function caseOf(name: string): ReceiptCase {
  const found = RECEIPT_CASES.find((each) => each.it === name)
  if (!found) throw new Error(`no case "${name}"`)
  return found
}

interface Made {
  judge: Judge
  EvidenceHistory: typeof EvidenceHistory
  RosterHistory: typeof RosterHistory
}

/** A mutant may also fall over. */
function isTold(each: ReceiptCase, made: Made): boolean {
  try {
    return told(each, courtOf(each, made), made.judge) === each.told
  } catch {
    return false
  }
}

describe('a receipt held against the chain', () => {
  for (const each of RECEIPT_CASES) {
    it(each.it, () => {
      expect(told(each, courtOf(each))).to.equal(each.told)
    })
  }

  it('says in one sentence who was left out of what', () => {
    const each = caseOf('contradicts a reporter that left the validator out')
    const { divergence } = judge(claimOf(each.claim), courtOf(each))
    expect(divergence).to.include({ layer: 'receipts', cycle: 1 })
    expect(divergence && sentenceOf(divergence)).to.equal(
      `cycle 1: validator 1 (${nodeAt(1)}) has a receipt for hour 489000, 2025-10-14T00:00:00Z` +
        ` (60 of 80 beats, online): expected its bit in what ${R1} pushed,` +
        ' found a push without it, and its window is over.',
    )
  })

  it('says so when the hour counts for the validator all the same', () => {
    const each = caseOf('is held against its own reporter, although the majority has the bit')
    expect(judge(claimOf(), courtOf(each)).reason).to.match(/the others had it, so the hour counts/)
  })
})

const oneLine = (text: string): string => text.replace(/\s+/g, ' ')

describe('each rule about receipts', function () {
  this.timeout(120_000)
  let db: Db
  let receipts: Receipt[]
  before(async () => {
    db = await freshDb()
    receipts = await signAndList(db, hourOfMany(70))
  })
  after(() => db.close())

  for (const mutant of RECEIPT_MUTANTS) {
    it(`is missed when ${mutant.file} has “${oneLine(mutant.to)}” for “${oneLine(mutant.from)}”`, async () => {
      const changed = await withCopy(mutant, async (load) => {
        const parts = await Promise.all(
          ['judge-receipt.ts', 'evidence-history.ts', 'roster-history.ts'].map(load),
        )
        const made = Object.assign({}, ...parts) as Made
        return RECEIPT_CASES.filter((each) => !isTold(each, made))
      })
      expect(changed).not.to.deep.equal([])
    })
  }

  for (const mutant of CLAIM_MUTANTS) {
    it(`is missed when ${mutant.file} has “${oneLine(mutant.to)}” for “${oneLine(mutant.from)}”`, async () => {
      const [first, second] = receipts
      if (!first || !second) throw new Error('no receipts')
      const forged = receiptMutants(first, second)
      const faults = (read: typeof readClaim): string[] => [
        ...receipts
          .filter((receipt) => !isRead(read, receipt))
          .map(() => 'an honest one is refused'),
        ...forged.filter(({ value }) => isRead(read, value)).map(({ name }) => name),
      ]
      expect(faults(readClaim)).to.deep.equal([])
      const changed = await withCopy(mutant, async (load) => {
        const module = (await load('receipt-claim.ts')) as { readClaim: typeof readClaim }
        return faults(module.readClaim)
      })
      expect(changed).not.to.deep.equal([])
    })
  }

  function isRead(read: typeof readClaim, value: unknown): boolean {
    try {
      read(value)
      return true
    } catch {
      return false
    }
  }
})
