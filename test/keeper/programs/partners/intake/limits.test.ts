import { expect } from 'chai'
import { faultsOfRow } from '../../../../../keeper/programs/partners/intake/land.ts'
import { MAX_CC } from '../../../../../keeper/programs/partners/intake/check-rows.ts'
import { distributeDay } from '../../../../../keeper/programs/partners/rules/daily.ts'
import { MAX_ECC } from '../../../../../keeper/programs/partners/rules/ecc.ts'
import {
  MAX_UNITS_PER_CC,
  splitInflow,
} from '../../../../../keeper/programs/partners/rules/pools.ts'
import { INTAKE_NOW } from '../../../../helpers/partner-intake.ts'
import { rulesetOf } from '../../../../helpers/partners-room.ts'
import { codeOf } from '../../../../helpers/errors.ts'

// The store's numeric(78, 0).
const ROOM = 10n ** 78n

describe('the largest numbers that are taken in', () => {
  it('D-25 give amounts that the books have room for: none of them stops the hours after it', () => {
    const inflow = splitInflow(MAX_CC * 10n ** 9n * 24n, MAX_UNITS_PER_CC)
    expect(inflow.inflow < ROOM).to.equal(true)
    const voter = { partner: 'p', cc: MAX_CC, votes: 1, ecc: MAX_ECC }
    const market = { unitsPerCc: MAX_UNITS_PER_CC, budget: 0n }
    const { ecc } = distributeDay(inflow.daily, [voter], rulesetOf().daily, market)
    expect(ecc.capDown < ROOM).to.equal(true)
  })

  it('are the largest: a rate or a coefficient above is a fault, in a row and in the rules', () => {
    const rate = { from: INTAKE_NOW, unitsPerCc: MAX_UNITS_PER_CC }
    const ecc = { partner: 'p', day: '2024-10-15', ecc: MAX_ECC }
    expect(faultsOfRow('rate', rate, INTAKE_NOW)).to.deep.equal([])
    expect(faultsOfRow('ecc', ecc, INTAKE_NOW)).to.deep.equal([])
    const [more, most] = [MAX_UNITS_PER_CC + 1n, MAX_ECC + 1n]
    expect(faultsOfRow('rate', { ...rate, unitsPerCc: more }, INTAKE_NOW)).to.deep.equal([
      'unitsPerCc: not from 0 to 10^50',
    ])
    expect(faultsOfRow('ecc', { ...ecc, ecc: most }, INTAKE_NOW)).to.deep.equal([
      'ecc: not from 0 to 10^70',
    ])
    for (const rules of [{ ccRate: String(more) }, { unknownEcc: String(most) }]) {
      expect(codeOf(() => rulesetOf(rules))).to.equal('PARTNERS_RULES_INVALID')
    }
  })
})
