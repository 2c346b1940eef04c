import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Hex } from '../../../../keeper/base/schema.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import { checkReceipt } from '../../../../keeper/heartbeat/receipts/receipt.ts'
import { signHour } from '../../../../keeper/heartbeat/receipts/sign-hour.ts'
import type { Signing } from '../../../../keeper/heartbeat/receipts/sign-hour.ts'
import { MAX_RECEIPTS, receiptsOf } from '../../../../keeper/heartbeat/receipts/stored.ts'
import { LEAVES_PER_PAGE } from '../../../../keeper/heartbeat/receipts/tree.ts'
import { readClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { ClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { TEST_KEYS } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import {
  HOUR,
  SIGNING,
  hourOfMany,
  nodeAt,
  receiptsIn,
  signAndList,
  storeHour,
} from '../../../helpers/receipts.ts'
import { freshDb } from '../../../helpers/store.ts'

const VALIDATORS = LEAVES_PER_PAGE + 3
const RANGE = { from: HOUR, to: HOUR }

describe('the hourly signature', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  /** A signer that counts how often it is asked. */
  function counting(): Signing & { asked(): number } {
    let asked = 0
    const signer: Signing['signer'] = {
      address: SIGNING.signer.address,
      signTypedData: async (typed) => {
        asked += 1
        await nextTurn()
        return SIGNING.signer.signTypedData(typed)
      },
    }
    return { ...SIGNING, signer, asked: () => asked }
  }

  async function stored(hour = HOUR): Promise<{ root: Hex; signature: Hex; pages: bigint }> {
    return db.one(
      `select root, signature, (select count(*) from receipt_page p where p.hour = h.hour) as pages
       from tally_hour h where hour = $1`,
      [hour],
    )
  }

  it('is asked for once an hour, however often and by however many', async () => {
    const closed = hourOfMany(VALIDATORS)
    await storeHour(db, closed)
    const signing = counting()
    const first = await signHour(db, closed, signing)
    const again = await signHour(db, (await readClosedHour(db, HOUR)) as ClosedHour, signing)
    expect(signing.asked()).to.equal(1)
    expect(again).to.deep.include({ root: first.root, signature: first.signature })
    expect(await stored()).to.deep.equal({
      root: first.root,
      signature: first.signature,
      pages: 2n,
    })
    expect(await receiptsIn(again)).to.deep.equal(await receiptsIn(first))
  })

  it('of two who sign at once the first one is kept by both', async () => {
    const closed = hourOfMany(VALIDATORS)
    await storeHour(db, closed)
    const other = { ...SIGNING, signer: walletSigner(TEST_KEYS[1]) }
    const both = await Promise.all([signHour(db, closed, SIGNING), signHour(db, closed, other)])
    expect(both[0].signature).to.equal(both[1].signature)
    expect(both[0].reporter).to.equal(both[1].reporter)
    expect((await stored()).pages).to.equal(2n)
  })

  it('is not given again to rows that were changed since', async () => {
    const closed = hourOfMany(VALIDATORS)
    await storeHour(db, closed)
    const { root } = await signHour(db, closed, SIGNING)
    await db.query('update tally set seen = 79, online = true where node = $1', [
      nodeAt(3).toLowerCase(),
    ])
    const signing = counting()
    const changed = (await readClosedHour(db, HOUR)) as ClosedHour
    const refusal = await rejectionOf(signHour(db, changed, signing))
    expect(refusal.code).to.equal('HOUR_SIGNED_OTHERWISE')
    expect(refusal.facts).to.include({ hour: HOUR, signed: root })
    expect(signing.asked()).to.equal(0)
  })

  it('is not given to an hour that the store has not closed', async () => {
    const refusal = await rejectionOf(signHour(db, hourOfMany(3), SIGNING))
    expect(refusal.code).to.equal('HOUR_NOT_CLOSED')
  })

  it('that the signer refuses leaves the hour unsigned, to be signed later', async () => {
    const closed = hourOfMany(VALIDATORS)
    await storeHour(db, closed)
    const signTypedData = async (): Promise<Hex> => {
      await nextTurn()
      throw new KeeperError('SIGNER_UNAVAILABLE', { signer: 'a test', reason: 'away' })
    }
    const away = { ...SIGNING, signer: { address: SIGNING.signer.address, signTypedData } }
    expect((await rejectionOf(signHour(db, closed, away))).code).to.equal('SIGNER_UNAVAILABLE')
    expect((await stored()).root).to.equal(null)
    expect(await receiptsOf(db, SIGNING, nodeAt(0), RANGE)).to.deep.equal([])
    await signHour(db, closed, SIGNING)
    expect(await receiptsOf(db, SIGNING, nodeAt(0), RANGE)).to.have.length(1)
  })

  it('makes old receipts from one page of the tally, the same as were told', async () => {
    const told = await signAndList(db, hourOfMany(VALIDATORS))
    for (const receipt of told) {
      expect(await receiptsOf(db, SIGNING, receipt.node, RANGE)).to.deep.equal([receipt])
    }
    expect(await receiptsOf(db, SIGNING, nodeAt(VALIDATORS), RANGE)).to.deep.equal([])
  })

  it('old receipts come oldest first, within the range and not more than the limit', async () => {
    for (let i = 0; i <= MAX_RECEIPTS + 1; i += 1) await signAndList(db, hourOfMany(3, HOUR + i))
    const all = { from: 0, to: 2 ** 32 - 1 }
    const first = await receiptsOf(db, SIGNING, nodeAt(1), all)
    expect(first.map(({ hour }) => hour - HOUR)).to.deep.equal([...Array(MAX_RECEIPTS).keys()])
    const after = { from: HOUR + MAX_RECEIPTS, to: HOUR + MAX_RECEIPTS }
    const [next, ...others] = await receiptsOf(db, SIGNING, nodeAt(1), after)
    expect([next?.hour, others.length]).to.deep.equal([HOUR + MAX_RECEIPTS, 0])
    expect(checkReceipt(next)).to.deep.equal(next)
  })

  it('the pages of hours whose counters are gone go with them', async () => {
    await signAndList(db, hourOfMany(VALIDATORS, HOUR))
    await db.query('delete from tally where hour = $1', [HOUR])
    await signAndList(db, hourOfMany(VALIDATORS, HOUR + 1))
    expect((await stored(HOUR)).pages).to.equal(0n)
    expect((await stored(HOUR + 1)).pages).to.equal(2n)
    expect(await receiptsOf(db, SIGNING, nodeAt(0), RANGE)).to.deep.equal([])
  })

  it('of 10,000 validators lets everybody else have a turn, tree and receipts alike', async () => {
    const closed = hourOfMany(10_000)
    await storeHour(db, closed)
    const turns = countTurns()
    const signed = await signHour(db, closed, SIGNING)
    const whileSigning = turns.count()
    let last: unknown
    for await (const receipt of signed.receipts()) last = receipt
    turns.stop()
    expect(checkReceipt(last)).to.deep.equal(last)
    expect(whileSigning).to.be.above(150)
    expect(turns.count() - whileSigning).to.be.above(150)
  })
})

/** How often somebody else could have worked. */
function countTurns(): { count(): number; stop(): void } {
  let count = 0
  let next: NodeJS.Immediate
  const turn = (): void => {
    count += 1
    next = setImmediate(turn)
  }
  next = setImmediate(turn)
  return { count: () => count, stop: () => clearImmediate(next) }
}
