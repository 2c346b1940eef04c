import { expect } from 'chai'
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../../../keeper/base/time.ts'
import { readClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { migrate } from '../../../../keeper/store/migrate.ts'
import { openStore } from '../../../../keeper/store/open-store.ts'
import { openPostgres } from '../../../../keeper/store/postgres.ts'
import { ON_POSTGRES, createSchema } from '../../../helpers/store.ts'
import type { TallyOrder } from '../../../helpers/tally-child.ts'
import { HOUR, NODES, START, tallyBench } from '../../../helpers/tallying.ts'

const CHILD = fileURLToPath(new URL('../../../helpers/tally-child.ts', import.meta.url))
const FLUSH_MS = 200

describe('a process that counts and is killed', function () {
  this.timeout(120_000)
  let order: TallyOrder
  let children: ChildProcessWithoutNullStreams[]

  beforeEach(async () => {
    children = []
    const home = await mkdtemp(join(tmpdir(), 'muster-tally-'))
    order = { home, startMs: START * 1_000, flushMs: FLUSH_MS }
    if (!ON_POSTGRES) return
    const { url, schema } = await createSchema()
    order = { ...order, databaseUrl: url, schema }
  })
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    await rm(order.home, { recursive: true, force: true })
    if (order.databaseUrl === undefined) return
    const db = await openPostgres(order.databaseUrl)
    await db.exec(`drop schema ${order.schema} cascade`)
    await db.close()
  })

  function startChild(more: Partial<TallyOrder> = {}): {
    beat(): Promise<number[]>
    kill(): Promise<void>
    died: Promise<unknown>
  } {
    const child = spawn(process.execPath, [CHILD, JSON.stringify({ ...order, ...more })])
    children.push(child)
    child.stderr.pipe(process.stderr)
    const died = once(child, 'exit')
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return {
      beat: async () => {
        child.stdin.write('beat\n')
        const { value } = await lines.next()
        return String(value).split(' ').map(Number)
      },
      kill: async () => {
        child.kill('SIGKILL')
        await died
      },
      died,
    }
  }

  async function openDb(): Promise<Db> {
    const { home, databaseUrl, schema } = order
    const db = databaseUrl
      ? await openPostgres(databaseUrl, schema)
      : await openStore({ home, clock: systemClock })
    await migrate(db, systemClock)
    return db
  }

  it('keeps what is older than one write, and goes on from there', async () => {
    const first = startChild()
    for (let beat = 1; beat <= 10; beat += 1) expect((await first.beat())[0]).to.equal(beat)
    // A second is five writes, on a machine with others at work.
    await systemClock.sleep(1_000)
    await first.beat()
    await first.kill()

    const later = { startMs: (START + 15 * 60) * 1_000 }
    const second = startChild(later)
    const counts = await second.beat()
    // The eleventh was written, or it was not: then it is lost, and nothing else is.
    for (const count of counts) expect(count).to.be.within(11, 12)
  })

  // Each statement of the closing, and of what follows it.
  const STEPS = [
    'select expected, closed_at from tally_hour',
    'insert into tally (hour, node, seen, online)',
    'update tally set online',
    'closed_at = $2',
    'select distinct hour from tally',
  ]
  for (const dieAt of STEPS) {
    it(`before "${dieAt}" leaves an hour that the next one closes whole`, async () => {
      const before = await openDb()
      const bench = tallyBench(START - 120)
      const tally = await bench.open(before)
      for (let second = 0; second < 120 + 3_600; second += 45) {
        for (const node of NODES.slice(0, second < 46 * 45 ? 2 : 1)) {
          tally.count(node, bench.clock.nowMs())
        }
        bench.clock.advance(45)
      }
      await tally.stop()
      await before.close()

      const dying = startChild({ startMs: (START + 3_605) * 1_000, dieAt })
      const [, signal] = (await dying.died) as [number | null, string | null]
      expect(signal).to.equal('SIGKILL')

      const db = await openDb()
      const next = tallyBench(START + 3_700)
      const closing = await next.open(db)
      await closing.wake()
      const closed = await readClosedHour(db, HOUR)
      expect(closed?.rows.map(({ online }) => online)).to.deep.equal([
        true,
        false,
        false,
        false,
        false,
      ])
      expect(closed?.rows).to.have.length(NODES.length)
      await closing.stop()
      await db.close()
    })
  }
})
