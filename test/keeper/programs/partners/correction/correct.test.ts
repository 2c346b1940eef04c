import { expect } from 'chai'
import fc from 'fast-check'
import { sum } from '../../../../../keeper/base/amount.ts'
import { startOfHour } from '../../../../../keeper/base/time.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { rejectionOf } from '../../../../helpers/errors.ts'
import { oracleHour } from '../../../../helpers/partners-oracle.ts'
import {
  corrected,
  correctedOne,
  footprint,
  landLate,
  oracleVotes,
  poolsOf,
  sharesOf,
  storedShares,
  useReconciledDb,
} from '../../../../helpers/partner-corrections.ts'
import {
  FIRST,
  accruedOf,
  landed,
  partnersRoom,
  rulesetOf,
  votesOf,
} from '../../../../helpers/partners-room.ts'
import type { TestVote } from '../../../../helpers/partners-room.ts'

const CC = 10n ** 18n
// Each is an hour of its own in one store, all of one day that is not over.
const RANDOM_HOURS = 20

describe('corrections of an hour', function () {
  this.timeout(60_000)
  const own = useReconciledDb()
  let db: Db
  beforeEach(() => {
    db = own()
  })

  it('D-09 any votes that come late have no effect by themselves, and all of it once they are corrected', async () => {
    const vote = fc.record({ voter: fc.nat({ max: 14 }), isLate: fc.boolean() })
    let hour = FIRST - 1
    await fc.assert(
      fc.asyncProperty(fc.array(vote, { maxLength: 60 }), async (votes) => {
        hour += 1
        await lateHour(hour, votes)
      }),
      { numRuns: RANDOM_HOURS },
    )
  })

  async function lateHour(hour: number, votes: { voter: number; isLate: boolean }[]) {
    const all = votes.map(({ voter, isLate }) => {
      return { partner: `p${voter}`, at: startOfHour(hour) + voter, isLate }
    })
    const late = all.filter(({ isLate }) => isLate)
    const before = await poolsOf(db)
    const had = await accruedBy(all)
    await landed(
      db,
      all.filter(({ isLate }) => !isLate).map(({ partner, at }) => ({ partner, at })),
    )
    await runPartners(partnersRoom(db), { hour })
    const first = await footprint(db)
    expect(await landLate(partnersRoom(db), late)).to.equal(late.length)
    if (late.length === 0) expect(await footprint(db)).to.deep.equal(first)

    const { isNew } = await correctedOne(db, { hour })
    expect(isNew).to.equal(late.length > 0)
    const pool = before.hour + (BigInt(all.length) * CC) / 4n
    const expected = oracleHour(pool, oracleVotes(all))
    expect(await storedShares(db, 'hour', hour)).to.deep.equal(sharesOf(expected))
    const got = await accruedBy(all)
    for (const [partner, amounts] of expected.amounts) {
      expect((got[partner] ?? 0n) - (had[partner] ?? 0n)).to.equal(sum(Object.values(amounts)))
    }
    const after = await poolsOf(db)
    expect(after.hour).to.equal(expected.carry)
    expect(after.day - before.day + after.late).to.equal((BigInt(all.length) * CC * 3n) / 4n)
  }

  async function accruedBy(votes: readonly TestVote[]): Promise<Record<string, bigint>> {
    const partners = [...new Set(votes.map(({ partner }) => partner))]
    const each = partners.map(async (partner) => [partner, await accruedOf(db, partner)] as const)
    return Object.fromEntries(await Promise.all(each))
  }

  it('a second correction posts nothing', async () => {
    await distributed(votesOf(3, FIRST))
    await landLate(partnersRoom(db), [{ partner: 'p9', at: startOfHour(FIRST), cc: 50 }])
    const first = await correctedOne(db, { hour: FIRST })
    expect(first).to.include({ isNew: true, revision: 1 })
    const after = await footprint(db)

    const second = await correctedOne(db, { hour: FIRST })
    expect(second).to.include({ isNew: false, revision: 1, given: 0n, correction: undefined })
    expect(await footprint(db)).to.deep.equal(after)
  })

  it('votes that come late again are a second revision, over what the first one left', async () => {
    const onTime = votesOf(3, FIRST).map(({ partner, at }) => ({ partner, at }))
    const late = [1, 2].map((n) => ({ partner: `late${n}`, at: startOfHour(FIRST) + n }))
    await distributed(onTime)
    for (const [index, vote] of late.entries()) {
      await landLate(partnersRoom(db), [vote])
      expect(await correctedOne(db, { hour: FIRST })).to.include({ revision: index + 1 })
    }
    const all = oracleHour((5n * CC) / 4n, oracleVotes([...onTime, ...late]))
    expect(await storedShares(db, 'hour', FIRST)).to.deep.equal(sharesOf(all))
  })

  it('a dry run says what would change and leaves nothing', async () => {
    await distributed(votesOf(3, FIRST))
    await landLate(partnersRoom(db), [{ partner: 'p9', at: startOfHour(FIRST), cc: 50 }])
    const before = await footprint(db)
    const dry = await corrected(db, { hour: FIRST }, { dryRun: true })
    expect(await footprint(db)).to.deep.equal(before)

    const real = await corrected(db, { hour: FIRST })
    expect([dry.isDry, real.isDry]).to.deep.equal([true, false])
    expect(dry.periods[0]?.lines).to.deep.equal(real.periods[0]?.lines)
  })

  it('what later hours have shared of its carry is not given a second time', async () => {
    const ruleset = rulesetOf({ ccRate: '1' })
    // A quarter of 16 units does not divide by five; the hour after has no voters, and the one after that shares it.
    await landed(db, [{ partner: 'a', at: startOfHour(FIRST), cc: 16 }])
    await landed(db, [{ partner: 'a', at: startOfHour(FIRST + 2), cc: 4 }])
    const room = partnersRoom(db, { ruleset })
    const done = [
      ...(await runPartners(room, { hour: FIRST })),
      ...(await runPartners(room, { hour: FIRST + 2 })),
    ]
    expect(done.map(({ paid, carry }) => [paid, carry])).to.deep.equal([
      [0n, 4n],
      [0n, 4n],
      [5n, 0n],
    ])
    await landLate(partnersRoom(db), [{ partner: 'b', at: startOfHour(FIRST + 1), cc: 40 }])

    const { after } = await correctedOne(db, { hour: FIRST + 1 })
    expect(after).to.include({ pool: 10n, paid: 10n, carry: 0n, revision: 1 })
    expect(await accruedOf(db, 'b')).to.equal(10n)
    expect(await poolsOf(db)).to.include({ hour: 0n, day: 45n })
  })

  it('what is left of its carry is shared again', async () => {
    const ruleset = rulesetOf({ ccRate: '1' })
    await landed(db, [{ partner: 'a', at: startOfHour(FIRST), cc: 16 }])
    await runPartners(partnersRoom(db, { ruleset }), { hour: FIRST })
    await runPartners(partnersRoom(db, { ruleset }), { hour: FIRST + 1 })
    await landLate(partnersRoom(db), [{ partner: 'b', at: startOfHour(FIRST), cc: 28 }])
    // 11 units: two each for five categories, all but the top 10 % of them halved.
    const { after } = await correctedOne(db, { hour: FIRST })
    expect(after).to.include({ carried: 0n, pool: 11n, paid: 10n, carry: 1n })
    expect(await poolsOf(db)).to.include({ hour: 1n })
    await landed(db, [{ partner: 'a', at: startOfHour(FIRST + 2), cc: 16 }])
    const [next] = await runPartners(partnersRoom(db, { ruleset }), { hour: FIRST + 2 })
    expect(next).to.include({ carried: 1n, pool: 5n, paid: 5n })
  })

  it('votes or shares that somebody changed are no basis: nothing is posted', async () => {
    await distributed(votesOf(3, FIRST))
    await landLate(partnersRoom(db), [{ partner: 'p9', at: startOfHour(FIRST) }])
    const changeVote = (cc: number) =>
      db.query(`update partner_vote set cc = $1 where partner = 'p2'`, [cc])
    await changeVote(7)
    const before = await footprint(db)
    const error = await rejectionOf(correctedOne(db, { hour: FIRST }))
    expect(error).to.include({ code: 'PARTNERS_CORRECTION_UNSAFE' })
    expect(error.message).to.contain('cc 6, now 11')
    expect(await footprint(db)).to.deep.equal(before)
    await changeVote(2)
  })

  it('what the shadow gave, or nobody yet, is not corrected', async () => {
    await landed(db, votesOf(3, FIRST))
    const codeOf = async (changes = {}): Promise<string | undefined> =>
      (await rejectionOf(corrected(db, { hour: FIRST }, changes))).code
    expect(await codeOf()).to.equal('PARTNERS_NOT_DISTRIBUTED')
    await runPartners(partnersRoom(db, { shadow: true }), { hour: FIRST })
    expect(await codeOf()).to.equal('PARTNERS_CORRECTION_SHADOW')
    expect(await codeOf({ shadow: true })).to.equal('PARTNERS_CORRECTION_SHADOW')
  })

  it('D-17 the second database gets the corrected sum of a special partner as the next revision', async () => {
    const special = new Set(['p1'])
    await landed(db, votesOf(2, FIRST))
    await runPartners(partnersRoom(db, { special }), { hour: FIRST })
    await landLate(partnersRoom(db), [{ partner: 'p3', at: startOfHour(FIRST), cc: 9 }])
    await corrected(db, { hour: FIRST }, { special })
    const rows = await db.query<{ revision: number; cc_reward: string }>(
      'select partner, revision, cc_reward from partner_outbox order by id',
    )
    expect(rows.map(({ revision }) => revision)).to.deep.equal([0, 1])
    expect(BigInt(rows[1]?.cc_reward ?? 0)).to.equal(await accruedOf(db, 'p1'))
  })

  async function distributed(votes: readonly TestVote[]): Promise<void> {
    await landed(db, votes)
    await runPartners(partnersRoom(db), { hour: FIRST })
  }
})
