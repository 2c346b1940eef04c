import { expect } from 'chai'
import { answerAtDesk } from '../../../keeper/commands/desk.ts'
import type { Desk } from '../../../keeper/commands/desk.ts'
import { loadConfig } from '../../../keeper/config.ts'
import { verifyToken } from '../../../keeper/office/tokens.ts'
import { readTrail } from '../../../keeper/office/trail.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { noteSecret } from '../../helpers/canaries.ts'
import { testClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { NOW } from '../../helpers/office.ts'
import { freshDb } from '../../helpers/store.ts'

describe('administration in the running keeper', function () {
  this.timeout(60_000)
  let db: Db
  let desk: Desk
  beforeEach(async () => {
    db = await freshDb()
    // No order of these asks the chain or has a key.
    const client = {} as Desk['client']
    desk = { db, client, senders: [], config: loadConfig({}), clock: testClock(NOW) }
  })
  afterEach(() => db.close())

  it('an order is carried out for the user who gave it', async () => {
    const options = { role: 'viewer', user: 'bob' }
    const { json } = await answerAtDesk(desk, { name: 'tokens add', args: ['alice'], options })

    const text = noteSecret((json as { token: string }).token)
    expect(await verifyToken(db, text, NOW)).to.deep.equal({ name: 'token:alice', role: 'viewer' })
    expect((await readTrail(db, { limit: 9 }))[0]).to.include({ actor: 'cli:bob', target: 'alice' })
  })

  it('a secret without a key to seal it is refused', async () => {
    const options = { value: noteSecret('canary-of-a-value-at-the-desk'), user: 'bob' }
    const order = { name: 'secrets set', args: ['a.key'], options }

    expect((await rejectionOf(answerAtDesk(desk, order))).code).to.equal('CONFIG_KEYS_MISSING')
  })

  it('jobs and the trail are answered from its store', async () => {
    const jobs = await answerAtDesk(desk, { name: 'jobs', args: [], options: {} })
    expect(jobs.exitCode).to.equal(0)
    const trail = await answerAtDesk(desk, { name: 'trail', args: [], options: { limit: '5' } })
    expect(trail.json).to.deep.equal({ entries: [] })
    const check = await answerAtDesk(desk, { name: 'trail check', args: [], options: {} })
    expect(check.json).to.deep.include({ entries: 0n, findings: [] })
  })
})
