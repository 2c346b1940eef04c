import { expect } from 'chai'
import { systemClock } from '../../../keeper/base/time.ts'
import type { ChainClient } from '../../../keeper/chain/rpc/client.ts'
import { giveOrder } from '../../../keeper/commands/desk.ts'
import type { Desk } from '../../../keeper/commands/desk.ts'
import { loadConfig } from '../../../keeper/config.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { CHAIN_ID, journalOf, plan } from '../../helpers/journaling.ts'
import { freshDb } from '../../helpers/store.ts'

describe('the desk where orders are carried out', function () {
  this.timeout(30_000)
  let db: Db

  before(async () => {
    db = await freshDb()
  })
  after(() => db.close())

  const deskAt = (chainId: number): Desk => {
    const client = { chainId } as ChainClient
    return { db, client, senders: [], config: loadConfig({}), clock: systemClock }
  }

  it("refuses another chain's transaction (TX_OTHER_CHAIN): a nonce there says nothing here", async () => {
    const { id } = await plan(journalOf(db), 'a')
    for (const name of ['bump', 'cancel', 'resume'] as const) {
      for (const dryRun of [true, false]) {
        const order = giveOrder(deskAt(CHAIN_ID + 1), name, [String(id)], { dryRun })
        const { code, facts } = await rejectionOf(order)
        expect(code).to.equal('TX_OTHER_CHAIN')
        expect(facts).to.deep.equal({ id, of: CHAIN_ID, chainId: CHAIN_ID + 1 })
      }
    }
  })

  it('a dry run of a cancellation says that a nonce nobody signed with is free again', async () => {
    const { id } = await plan(journalOf(db), 'b')
    const report = await giveOrder(deskAt(CHAIN_ID), 'cancel', [String(id)], { dryRun: true })
    expect(report.lines[0]).to.contain('which nobody signed')
    const order = giveOrder(deskAt(CHAIN_ID), 'bump', [String(id)], {})
    expect((await rejectionOf(order)).code).to.equal('SENDER_NOT_OPEN')
  })
})
