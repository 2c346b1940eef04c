import { expect } from 'chai'
import { Wallet } from 'ethers'
import type { Address } from '../../../keeper/base/schema.ts'
import { systemClock } from '../../../keeper/base/time.ts'
import { NATIVE, openContractsAt } from '../../../keeper/chain/contracts.ts'
import { assetIdOf } from '../../../keeper/chain/program-contracts.ts'
import { balanceOf } from '../../../keeper/ledger/balances.ts'
import { sumBalances } from '../../../keeper/ledger/transfers.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { rewardsAccounts } from '../../../keeper/validators/book-names.ts'
import { bookRewards } from '../../../keeper/validators/bookings.ts'
import type { BookingRoom } from '../../../keeper/validators/bookings.ts'
import { loadFixture } from '../../helpers/contracts.ts'
import { assertBooksBalance } from '../../helpers/ledger.ts'
import { liveLife } from '../../helpers/life.ts'
import type { Life } from '../../helpers/life.ts'
import { testLog } from '../../helpers/logs.ts'
import { freshDb } from '../../helpers/store.ts'
import { contractChain } from '../../helpers/verifying.ts'

const coin = async () => liveLife(false)
const token = async () => liveLife(true)

describe("the validators' pay in the books", function () {
  this.timeout(120_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  async function roomOf({ system }: Life): Promise<BookingRoom> {
    const client = await contractChain()
    const rewards = (await system.rewards.getAddress()) as Address
    const contracts = await openContractsAt(client, { rewards, fromBlock: 0 })
    return { db, client, contracts, clock: systemClock, log: testLog }
  }

  for (const [asset, live] of [
    ['coin', coin],
    ['a token', token],
  ] as const) {
    it(`in ${asset}, has what the contract has: pool, unpaid, credits, and what left it`, async () => {
      const life = await loadFixture(live)
      const room = await roomOf(life)
      const { deployment, rewards } = room.contracts
      const head = await room.client.blockNumber()

      const booked = await bookRewards(room, head)

      expect(booked).to.be.greaterThan(20)
      const of = rewardsAccounts(deployment.rewards)
      const id = assetIdOf(room.client.chainId, deployment.asset)
      const own = deployment.rewards.toLowerCase()
      const { funded, pool, unpaid, credits, balance } = await rewards.books()
      expect(await balanceOf(db, of.pool, id)).to.equal(pool)
      expect(await sumBalances(db, id, `owed:validators:${own}:`)).to.equal(unpaid)
      expect(await sumBalances(db, id, `credit:validators:${own}:`)).to.equal(credits)
      const paid = await balanceOf(db, of.paid, id)
      expect(-(await balanceOf(db, of.funding, id)) - paid).to.equal(balance)
      expect(paid > 0n && funded > paid).to.equal(true)
    })
  }

  it('is booked once, however often and from wherever it is begun again', async () => {
    const room = await roomOf(await loadFixture(coin))
    const head = await room.client.blockNumber()
    const middle = Math.floor(head / 2)

    const first = await bookRewards(room, middle)
    const rest = await bookRewards(room, head)
    const again = await bookRewards(room, head)
    await db.query('delete from payout_event_cursor')
    const anew = await bookRewards(room, head)

    expect([first > 0, rest > 0, again, anew]).to.deep.equal([true, true, 0, 0])
  })

  it('of another contract has accounts of its own', () => {
    const [one, other] = [Wallet.createRandom().address, NATIVE]
    expect(rewardsAccounts(one).pool).to.not.equal(rewardsAccounts(other).pool)
  })
})
