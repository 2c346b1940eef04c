import { expect } from 'chai'
import { toJson } from '../../../keeper/base/json.ts'
import type { Address } from '../../../keeper/base/schema.ts'
import { startOfHour } from '../../../keeper/base/time.ts'
import type { Report } from '../../../keeper/commands/command.ts'
import type { Office } from '../../../keeper/commands/office.ts'
import { partnersWhyOrder } from '../../../keeper/commands/partners-why.ts'
import { paymentLines } from '../../../keeper/commands/why-lines.ts'
import { tellStories } from '../../../keeper/commands/why-programs.ts'
import { settle } from '../../../keeper/payouts/settlement.ts'
import { explain } from '../../../keeper/payouts/why.ts'
import { partnersProgram } from '../../../keeper/programs/partners/program.ts'
import { explainPartner, periodOfRef } from '../../../keeper/programs/partners/why.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { COIN } from '../../helpers/ledger.ts'
import { corrected, landLate } from '../../helpers/partner-corrections.ts'
import { openPartnersDay } from '../../helpers/partners-audit.ts'
import { DAY, FIRST, partnersRoom } from '../../helpers/partners-room.ts'
import { payeeAt } from '../../helpers/paying.ts'
import { freshDb } from '../../helpers/store.ts'

describe('why a partner got what he got', function () {
  this.timeout(60_000)
  let db: Db
  before(async () => {
    db = await freshDb()
    await openPartnersDay(db)
  })
  after(() => db.close())

  async function linesOf(ref: string): Promise<string[]> {
    const why = await explain(db, ref)
    const stories = await tellStories(db, why)
    return paymentLines(why, { receipts: [], kept: undefined }, stories)
  }

  it('is each of his five amounts of an hour: category, members, share and remainder', async () => {
    const lines = await linesOf(`h${FIRST}/p3`)

    expect(lines).to.include.members([
      `hour ${FIRST} (2026-11-20 00:00 UTC): p3 has position 3 of 23; rules 5ea95def025eb271`,
      '  2 votes of 42 CC',
      '  top10p 18,400,000,000,000,000,064: position 3 is among the first 3: 55200000000000000193 / 3, rest 1',
      '  top10 5,520,000,000,000,000,019: position 3 is among the first 10: 55200000000000000193 / 10, rest 3',
      '  together 31,120,000,000,000,000,107',
    ])
    const of = lines.findIndex((line) => line.startsWith('hour '))
    const amounts = lines.slice(of).filter((line) => /^ {2}(top\w+|all) /.test(line))
    expect(amounts).to.have.length(5)
  })

  it('is each of his eight amounts of a day, with votes too few, weight, cap and bonus', async () => {
    const text = (await linesOf(`partners:d${DAY}/p1`)).join('\n')

    expect(text).to.match(/top10 0: position 1 .* but 4 votes are less than 5/)
    expect(text).to.match(/top10p_ecc [\d,]+: ECC 2000000000000000000 is within the cap/)
    expect(text).to.match(/cc_market [\d,]+: .* because the budget is short/)
    expect(text).to.include('2026-11-20 23:00 UTC: 496 CC × 2,000,000,000,000,000,007')
    expect(text).to.match(/pool [\d,]+ of carried 0 and inflow 1,614,000,000,000,000,005,649/)
  })

  it('adds up to the award of every partner, and is what is on record of each amount', async () => {
    for (const [ref, partners] of [
      [`h${FIRST}`, 23],
      [`d${DAY}`, 31],
    ] as const) {
      for (let n = 1; n <= partners; n += 1) {
        const asked = periodOfRef(`${ref}/p${n}`)
        const why = asked && (await explainPartner(db, asked.partner, asked))
        expect(why?.amounts.map(({ amount }) => amount)).to.deep.equal(
          why?.amounts.map(({ stored }) => stored),
        )
        expect((await explain(db, `${ref}/p${n}`)).awards[0]?.amount).to.equal(why?.total)
      }
    }
  })

  const office = () => ({ db }) as Office
  const ask = (partner: string, options: object = {}): Promise<Report> =>
    partnersWhyOrder(office(), [partner], { ...options })

  it('can be asked by partner and period; without one it is the last day', async () => {
    const ofDay = await ask('p1')
    const ofHour = await ask('p1', { hour: '2026-11-20T01:00Z' })

    expect(ofDay.json).to.deep.include({ kind: 'day', period: DAY })
    expect(ofHour.json).to.deep.include({ kind: 'hour', period: String(FIRST + 1) })
    const told = JSON.parse(toJson(ofDay.json)) as { amounts: object[]; total: string }
    expect(told.total).to.equal('85247154434047850461')
    expect(told.amounts[5]).to.deep.include({
      category: 'top10p_ecc',
      amount: '23388965217391304429',
      stored: '23388965217391304429',
      members: 4,
      remainder: '3',
    })
  })

  it('is refused by name where he has no share, and where both periods are named', async () => {
    expect((await rejectionOf(ask('nobody'))).code).to.equal('PARTNERS_SHARE_UNKNOWN')
    expect((await rejectionOf(ask('p31', { hour: String(FIRST) }))).code).to.equal(
      'PARTNERS_SHARE_UNKNOWN',
    )
    const both = ask('p1', { hour: '5', day: DAY })
    expect((await rejectionOf(both)).code).to.equal('USAGE')
  })

  it('is told once a period for a payout that binds hours and a day', async () => {
    const reach = async (_t: Db, _program: string, payees: readonly string[]) =>
      new Map(payees.map((payee, at) => [payee, { address: payeeAt(at) as Address }]))
    await settle({ ...partnersRoom(db), reach }, partnersProgram(COIN))
    const { payout } = await explain(db, `h${FIRST}/p1`)
    const whole = await explain(db, payout?.key ?? '')
    const stories = await tellStories(db, whole)

    const periods = [`h${FIRST}/p1`, `h${FIRST + 1}/p1`, `h${FIRST + 23}/p1`, `d${DAY}/p1`]
    expect(stories.map(({ ref }) => ref)).to.have.members(periods)
  })

  it('has late votes that wait, and after their correction before and after, taken and due', async () => {
    const at = startOfHour(FIRST) + 9
    await landLate(partnersRoom(db), [{ partner: 'p11', at, cc: 3 }])
    expect(await linesOf(`h${FIRST}/p11`)).to.include(
      '    1 vote more came late and wait for a correction',
    )
    await corrected(db, { hour: FIRST })
    const gained = (await linesOf(`h${FIRST}/p11`)).join('\n')
    const lost = (await linesOf(`h${FIRST}:c1/p11`)).join('\n')

    expect(gained).to.match(/correction 1 \(.*, cli:test\): 1 late vote of 3 CC/)
    expect(gained).to.match(/before position 11, [\d,]+; after position 10, [\d,]+; difference/)
    expect(gained).to.match(/top10 0 → [\d,]+/)
    expect(gained).to.include('3 votes of 29 CC, 1 of them late and corrected')
    expect(lost).to.include(`hour ${FIRST} (2026-11-20 00:00 UTC): p11 has position 10 of 23`)
    expect((await ask('p10', { hour: String(FIRST) })).lines.join('\n')).to.match(
      /difference -[\d,]+: [\d,]+ taken back, [\d,]+ due/,
    )
  })

  it('says so where what is on record is not what the rules give', async () => {
    await db.query(
      `update partner_hour_share set top10 = top10 + 1 where hour = ${FIRST} and partner = 'p3'`,
    )
    const lines = await linesOf(`h${FIRST}/p3`)

    expect(
      lines.some((line) => /top10 .*ON RECORD [\d,]+: \.\/muster reconcile/.test(line)),
    ).to.equal(true)
  })

  it('reads an id with slashes, and no reference of another shape', () => {
    expect(periodOfRef('h7:c12:due/a/b:due')).to.deep.equal({ hour: 7, partner: 'a/b:due' })
    expect(periodOfRef('carry/abc')).to.equal(undefined)
    expect(periodOfRef(`d${DAY}/x`)).to.deep.equal({ day: DAY, partner: 'x' })
  })
})
