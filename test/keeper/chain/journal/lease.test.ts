import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { systemClock } from '../../../../keeper/base/time.ts'
import { withLease } from '../../../../keeper/chain/journal/journal-writer.ts'
import { acquireLease, readLeases, unlockLease } from '../../../../keeper/chain/journal/lease.ts'
import type { Lease } from '../../../../keeper/chain/journal/lease.ts'
import { migrate } from '../../../../keeper/store/migrate.ts'
import { openPostgres } from '../../../../keeper/store/postgres.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import {
  CHAIN_ID,
  journalOf,
  plan,
  sign,
  signer,
  waitForLease,
} from '../../../helpers/journaling.ts'
import type { LeaseOrder } from '../../../helpers/lease-child.ts'
import { expectJournalWhole } from '../../../helpers/oracle.ts'
import { tcpProxy } from '../../../helpers/tcp-proxy.ts'
import { ON_POSTGRES, createSchema, freshDb } from '../../../helpers/store.ts'

const LEASE_MS = 1_200
const seat = (holder: string): Parameters<typeof acquireLease>[1] => {
  return { chainId: CHAIN_ID, sender: signer.address, holder, leaseMs: LEASE_MS }
}

async function held(db: Db, holder: string): Promise<Lease> {
  const lease = await acquireLease(db, seat(holder))
  if (!lease) throw new Error(`${holder} did not get the lease`)
  return lease
}

describe(`the lease (${ON_POSTGRES ? 'PostgreSQL' : 'PGlite'})`, function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  it('S-42 each new holder has the next epoch, and a write with an older one is refused', async () => {
    const first = await held(db, 'first')
    const early = withLease(journalOf(db), first)
    const planned = await plan(early, 'a')
    await first.check()
    await first.release()
    const second = await held(db, 'second')
    expect(second.epoch).to.equal(first.epoch + 1n)
    const refusal = await rejectionOf(sign(early, planned))
    expect([refusal.code, refusal.exitCode]).to.deep.equal(['LEASE_LOST', 75])
    expect((await rejectionOf(first.check())).code).to.equal('LEASE_LOST')
    expect([first.isHeld(), first.lost.aborted]).to.deep.equal([false, true])
    await sign(withLease(journalOf(db), second), planned)
    await expectJournalWhole(db)
    await second.release()
  })

  it('S-42 nobody writes for a sender without its lease while another one holds it', async () => {
    const lease = await held(db, 'first')
    expect((await rejectionOf(plan(journalOf(db), 'a'))).code).to.equal('LEASE_LOST')
    expect(await db.query('select * from tx')).to.deep.equal([])
    await lease.release()
    await plan(journalOf(db), 'a')
  })

  it('a transaction of the caller is fenced, too', async () => {
    const stale = withLease(journalOf(db), await held(db, 'first'))
    await stale.lease?.release()
    const second = await held(db, 'second')
    const refusal = await rejectionOf(db.begin((t) => plan(stale, 'a', {}, t)))
    expect(refusal.code).to.equal('LEASE_LOST')
    await second.release()
  })

  it('who holds it is seen, and a dead holder is unlocked', async () => {
    expect(await unlockLease(db, seat('x'))).to.equal(false)
    const lease = await held(db, 'host/7')
    const [row] = await readLeases(db)
    expect(row).to.include({ holder: 'host/7', epoch: 1n, isStale: false, chainId: CHAIN_ID })
    if (ON_POSTGRES) {
      const refusal = await rejectionOf(unlockLease(db, seat('x')))
      expect([refusal.code, refusal.facts['holder']]).to.deep.equal(['LEASE_HELD', 'host/7'])
      expect(await acquireLease(db, seat('other'))).to.equal(undefined)
    } else {
      // Whoever has the directory's lock knows that the holder is dead.
      expect(await unlockLease(db, seat('x'))).to.equal(true)
      expect((await readLeases(db))[0]?.holder).to.equal(undefined)
    }
    await lease.release()
  })
})

const CHILD = fileURLToPath(new URL('../../../helpers/lease-child.ts', import.meta.url))

interface Holder {
  process: ChildProcess
  said: string[]
  /** Resolves with the first line that begins so, and when it came. */
  says(start: string): Promise<{ line: string; atMs: number }>
}

if (ON_POSTGRES) {
  describe('two keepers on one PostgreSQL', function () {
    this.timeout(60_000)
    let url: string
    let schema: string
    let db: Db
    const running: ChildProcess[] = []

    beforeEach(async () => {
      ;({ url, schema } = await createSchema())
      db = await openPostgres(url, schema)
      await migrate(db, systemClock)
    })
    afterEach(async () => {
      for (const child of running.splice(0)) child.kill('SIGKILL')
      await db.exec(`drop schema ${schema} cascade`)
      await db.close()
    })

    function start(holder: string, changes: Partial<LeaseOrder> = {}): Holder {
      const order: LeaseOrder = { databaseUrl: url, schema, holder, leaseMs: LEASE_MS, ...changes }
      const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      running.push(child)
      const said: string[] = []
      const times: number[] = []
      child.stdout.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().trim().split('\n')) {
          said.push(line)
          times.push(performance.now())
        }
      })
      const says = async (from: string): Promise<{ line: string; atMs: number }> => {
        for (;;) {
          const index = said.findIndex((line) => line.startsWith(from))
          if (index >= 0) return { line: said[index] ?? '', atMs: times[index] ?? 0 }
          await systemClock.sleep(5)
        }
      }
      return { process: child, said, says }
    }

    /** Each nonce once, each signature under the epoch of its time, nothing by the old one afterwards. */
    async function expectOneWriter(): Promise<void> {
      await expectJournalWhole(db)
      const { twice } = await db.one<{ twice: bigint }>(
        `select count(*) as twice from (select tx_id from tx_attempt group by tx_id having count(*) > 1) t`,
      )
      expect(twice).to.equal(0n)
    }

    it('S-42 the leader is killed: the stand-by takes over at once, with the next epoch', async () => {
      const leader = start('leader')
      await leader.says('stored')
      const standBy = start('standby')
      await systemClock.sleep(LEASE_MS)
      expect(standBy.said).to.deep.equal([])
      leader.process.kill('SIGKILL')
      const killedMs = performance.now()
      const { line, atMs } = await standBy.says('held')
      expect(line).to.equal('held 2')
      expect(atMs - killedMs).to.be.lessThan(LEASE_MS)
      await standBy.says('stored')
      standBy.process.kill('SIGKILL')
      await once(standBy.process, 'exit')
      await expectOneWriter()
    })

    it('S-42 a leader that stands still loses the lease within two of them, and wakes up to a refusal', async () => {
      const leader = start('leader')
      await leader.says('stored')
      const standBy = start('standby')
      await systemClock.sleep(LEASE_MS)
      leader.process.kill('SIGSTOP')
      const stoppedMs = performance.now()
      const { atMs } = await standBy.says('held 2')
      expect(atMs - stoppedMs).to.be.lessThan(2 * LEASE_MS)
      await standBy.says('stored')
      const before = leader.said.length
      const exit = once(leader.process, 'exit')
      leader.process.kill('SIGCONT')
      expect((await exit)[0]).to.equal(75)
      // One answer may have been on its way when it was stopped; no signature comes after it.
      const after = leader.said.slice(before).filter((line) => line !== 'LEASE_LOST')
      expect(after.length).to.be.at.most(1)
      expect(leader.said.at(-1)).to.equal('LEASE_LOST')
      standBy.process.kill('SIGKILL')
      await once(standBy.process, 'exit')
      await expectOneWriter()
    })

    it('S-42 a leader whose connection breaks signs nothing more', async () => {
      const proxy = await tcpProxy(url)
      const lease = await held(await openPostgres(proxy.url, schema), 'cut off')
      const journal = withLease(journalOf(db), lease)
      const planned = await plan(journal, 'a')
      proxy.cut()
      await once(lease.lost, 'abort')
      expect(lease.isHeld()).to.equal(false)
      expect((await rejectionOf(lease.check())).code).to.equal('LEASE_LOST')
      const next = await waitForLease(db, seat('next'), 2 * LEASE_MS)
      expect((await rejectionOf(sign(journal, planned))).code).to.equal('LEASE_LOST')
      await next.release()
      await proxy.close()
    })

    it('S-42 after PostgreSQL comes back the lease is taken again, by one of two', async () => {
      const proxy = await tcpProxy(url)
      const far = await openPostgres(proxy.url, schema)
      const before = await held(far, 'before')
      proxy.cut()
      await once(before.lost, 'abort')
      expect((await rejectionOf(acquireLease(far, seat('early')))).code).to.equal(
        'STORE_UNAVAILABLE',
      )
      await proxy.restore()
      const again = await waitForLease(far, seat('again'), 2 * LEASE_MS)
      expect(again.epoch).to.equal(before.epoch + 1n)
      expect(await acquireLease(db, seat('other'))).to.equal(undefined)
      await again.check()
      await again.release()
      await far.close()
      await proxy.close()
    })

    it('two stores opened on one journal write for two senders, and every event follows the one before', async () => {
      const other = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
      const second = await openPostgres(url, schema)
      const journals = [journalOf(db), journalOf(second)]
      const senders = [signer.address, other] as const
      await Promise.all(
        journals.flatMap((journal, writer) =>
          Array.from({ length: 40 }, (_, count) =>
            plan(journal, `${writer}/${count}`, {}, undefined, senders[writer]),
          ),
        ),
      )
      await expectJournalWhole(db)
      const rows = await db.query(
        'select sender, max(nonce) as last from tx group by sender order by 1',
      )
      expect(rows.map((row) => (row as { last: bigint }).last)).to.deep.equal([39n, 39n])
      await second.close()
    })
  })
}
