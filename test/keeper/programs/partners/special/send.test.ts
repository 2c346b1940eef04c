import assert from 'node:assert/strict'
import { openAlerts } from '../../../../../keeper/base/alerts.ts'
import type { Notice } from '../../../../../keeper/base/alerts.ts'
import { KeeperError } from '../../../../../keeper/base/errors.ts'
import { rememberSecret } from '../../../../../keeper/base/redact.ts'
import { enqueueSpecial } from '../../../../../keeper/programs/partners/special/outbox.ts'
import {
  readOpen,
  readSent,
  readWaiting,
} from '../../../../../keeper/programs/partners/special/outbox-rows.ts'
import {
  STUCK_AFTER_SECONDS,
  sendSpecial,
} from '../../../../../keeper/programs/partners/special/send.ts'
import type { Sent } from '../../../../../keeper/programs/partners/special/send.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { testClock } from '../../../../helpers/clock.ts'
import type { TestClock } from '../../../../helpers/clock.ts'
import { crashingDb } from '../../../../helpers/crashing-db.ts'
import { testLog } from '../../../../helpers/logs.ts'
import { secondStore } from '../../../../helpers/second-store.ts'
import type { SecondStore } from '../../../../helpers/second-store.ts'
import { freshDb } from '../../../../helpers/store.ts'

const START = 1_700_000_000
const HOUR = 472_222

// What a MariaDB itself does is proven in test/servers/special.test.ts; here is what only a double does on demand.
describe('the sender to the second database', () => {
  let db: Db
  let clock: TestClock
  let second: SecondStore
  let notices: Notice[]
  let send: (db?: Db) => Promise<Sent>

  beforeEach(async () => {
    db = await freshDb()
    clock = testClock(START)
    second = secondStore()
    notices = []
    const alerts = openAlerts({ clock, sinks: [(notice) => notices.push(notice)] })
    send = (own = db) => sendSpecial({ db: own, clock, log: testLog, alerts }, second.target)
  })
  afterEach(() => db.close())

  async function enqueue(totals: Record<string, bigint>, hour = HOUR): Promise<void> {
    const shares = Object.entries(totals).map(([partner, total]) => ({ partner, total }))
    await enqueueSpecial(db, hour, shares, { special: new Set(Object.keys(totals)), now: START })
  }

  const away = (): KeeperError =>
    new KeeperError('PARTNERS_DATABASE_AWAY', { what: 'it', reason: 'password hunter2hunter2' })
  const kinds = (): string[] => notices.map(({ state, kind }) => `${state} ${kind}`)

  it('brings each sum there once, oldest first (D-17)', async () => {
    await enqueue({ ann: 5n, bob: 2n ** 200n })
    await enqueue({ ann: 7n }, HOUR - 1)
    assert.deepEqual(await send(), { sent: 3, left: 0, isBusy: false })
    assert.deepEqual(second.rows(), [
      `${HOUR}/ann 5`,
      `${HOUR}/bob ${2n ** 200n}`,
      `${HOUR - 1}/ann 7`,
    ])
    assert.deepEqual(await send(), { sent: 0, left: 0, isBusy: false })
    assert.equal(second.opened, 1, 'where nothing is open it is not even called')
  })

  it('sends only the newest revision, and an older one never comes after it (D-18)', async () => {
    await enqueue({ ann: 5n })
    await enqueue({ ann: 6n })
    assert.deepEqual(await send(), { sent: 1, left: 0, isBusy: false })
    assert.deepEqual(second.writes, [`${HOUR}/ann 6`])
    await enqueue({ ann: 4n })
    await send()
    assert.deepEqual(second.rows(), [`${HOUR}/ann 4`])
    assert.equal((await readWaiting(db)).open, 0)
    assert.deepEqual(await readSent(db), { sent: 3, lastSentAt: START })
  })

  it('a correction that comes while its row is on the way is sent after it (D-18)', async () => {
    await enqueue({ ann: 5n })
    second.beforePut = async () => {
      second.beforePut = undefined
      await enqueue({ ann: 6n })
    }
    await send()
    assert.deepEqual(second.writes, [`${HOUR}/ann 5`, `${HOUR}/ann 6`])
    assert.equal((await readWaiting(db)).open, 0)
  })

  it('whoever dies at any await loses nothing and doubles nothing (D-18)', async () => {
    await enqueue({ ann: 5n, bob: 6n, cid: 7n })
    for (let diesAt = 1; ; diesAt += 1) {
      const crashing = crashingDb(db, diesAt)
      const isOver = await send(crashing.db).then(
        () => true,
        () => false,
      )
      if (isOver) break
      assert.ok(diesAt < 100)
    }
    assert.deepEqual(second.rows(), [`${HOUR}/ann 5`, `${HOUR}/bob 6`, `${HOUR}/cid 7`])
    assert.equal(second.writes.length, 3)
    assert.deepEqual((await readWaiting(db)).open, 0)
  })

  it('a commit whose answer is lost is found there and written no second time (D-18)', async () => {
    await enqueue({ ann: 5n })
    second.afterPut = () => Promise.reject(away())
    assert.deepEqual(await send(), { sent: 0, left: 1, isBusy: false })
    second.afterPut = undefined
    assert.deepEqual(await send(), { sent: 1, left: 0, isBusy: false })
    assert.deepEqual(second.writes, [`${HOUR}/ann 5`])
  })

  it('one that is refused holds up none of the others, and says why without secrets (D-18)', async () => {
    rememberSecret('hunter2hunter2')
    await enqueue({ ann: 5n, bob: 6n, cid: 7n })
    second.beforePut = (rows) => {
      if (!rows.some(({ partner }) => partner === 'bob')) return Promise.resolve()
      const facts = { what: 'it', reason: 'column too small for hunter2hunter2' }
      return Promise.reject(new KeeperError('PARTNERS_DATABASE_REFUSED', facts))
    }
    assert.deepEqual(await send(), { sent: 2, left: 1, isBusy: false })
    const [row] = await readOpen(db, 0n, 10)
    assert.equal(row?.attempts, 1)
    assert.match(row.lastError ?? '', /^PARTNERS_DATABASE_REFUSED: .*too small for \[redacted\]/)
  })

  it('a database that is away ends the run, and is told of after two hours, until it is back', async () => {
    await enqueue({ ann: 5n })
    second.onOpen = () => Promise.reject(away())
    await send()
    assert.deepEqual(kinds(), [])
    clock.advance(STUCK_AFTER_SECONDS)
    await send()
    assert.deepEqual(kinds(), ['raised partners-special-stuck'])
    assert.match(String(notices[0]?.facts['reason']), /^PARTNERS_DATABASE_AWAY/)
    assert.equal((await readOpen(db, 0n, 1))[0]?.attempts, 2)
    second.onOpen = undefined
    await send()
    assert.deepEqual(kinds().slice(1), ['cleared partners-special-stuck'])
  })

  it('without a second database the sums wait, and that is told too', async () => {
    await enqueue({ ann: 5n })
    clock.advance(STUCK_AFTER_SECONDS)
    const alerts = openAlerts({ clock, sinks: [(notice) => notices.push(notice)] })
    const sent = await sendSpecial({ db, clock, log: testLog, alerts }, undefined)
    assert.deepEqual(sent, { sent: 0, left: 1, isBusy: false })
    assert.match(String(notices[0]?.facts['reason']), /MUSTER_PARTNERS_SPECIAL_URL/)
  })

  it('of two senders at once the second stands back and counts no attempt (D-18)', async () => {
    await enqueue({ ann: 5n })
    let other: Sent | undefined
    second.beforePut = async () => {
      other = await send()
    }
    assert.deepEqual(await send(), { sent: 1, left: 0, isBusy: false })
    assert.deepEqual(other, { sent: 0, left: 1, isBusy: true })
    assert.deepEqual(second.writes, [`${HOUR}/ann 5`])
  })

  it('stops at a signal between two transactions', async () => {
    const many = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`p${at}`, 1n]))
    await enqueue(many)
    const stop = new AbortController()
    second.afterPut = async () => stop.abort()
    const room = { db, clock, log: testLog }
    const { signal } = stop
    assert.deepEqual(await sendSpecial(room, second.target, { signal }), {
      sent: 100,
      left: 150,
      isBusy: false,
    })
  })

  it('sends at most a minute, and the rest with the next run', async () => {
    const many = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`p${at}`, 1n]))
    await enqueue(many)
    second.afterPut = async () => clock.advance(40)
    assert.equal((await send()).left, 50)
    assert.equal((await send()).left, 0)
  })
})
