import { expect } from 'chai'
import fc from 'fast-check'
import type { Address } from '../../../../keeper/base/schema.ts'
import type { Hour } from '../../../../keeper/base/time.ts'
import { listHours, readClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { ClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { RunningTally } from '../../../../keeper/heartbeat/tally/tally.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { faultyDb } from '../../../helpers/faulty-db.ts'
import type { FaultyDb } from '../../../helpers/faulty-db.ts'
import { freshDb } from '../../../helpers/store.ts'
import { NODES, tallyBench } from '../../../helpers/tallying.ts'
import type { TallyBench } from '../../../helpers/tallying.ts'

type Step =
  | { kind: 'beats'; nodes: number[]; times: number }
  | { kind: 'pass'; seconds: number }
  | { kind: 'write' | 'kill' | 'restart' | 'store-away' | 'store-back' }

const RUNS = 40
const MAX_SECONDS = 2_000

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('beats' as const),
      nodes: fc.subarray([0, 1, 2, 3, 4], { minLength: 1 }),
      times: fc.integer({ min: 1, max: 160 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      seconds: fc.integer({ min: 1, max: MAX_SECONDS }),
    }),
  },
  ...(['write', 'kill', 'restart', 'store-away', 'store-back'] as const).map((kind) => ({
    weight: 1,
    arbitrary: fc.constant({ kind }),
  })),
)

/** What was counted, kept apart from the tally: by hour and node, written or not yet. */
class Model {
  readonly #written = new Map<string, number>()
  readonly #unwritten = new Map<string, number>()
  readonly closed = new Map<Hour, ClosedHour>()

  count(node: Address, hour: Hour): void {
    const key = `${hour} ${node}`
    this.#unwritten.set(key, (this.#unwritten.get(key) ?? 0) + 1)
  }

  write(): void {
    for (const [key, count] of this.#unwritten) {
      this.#written.set(key, (this.#written.get(key) ?? 0) + count)
    }
    this.#unwritten.clear()
  }

  kill(): void {
    this.#unwritten.clear()
  }

  written(node: Address, hour: Hour): number {
    return this.#written.get(`${hour} ${node}`) ?? 0
  }
}

/** One life of an intake on a store, killed and started again. */
class Life {
  readonly model = new Model()
  readonly #db: Db
  readonly #bench: TallyBench = tallyBench()
  readonly #dead: RunningTally[] = []
  #store: FaultyDb
  #isAway = false
  #tally: RunningTally | undefined

  constructor(db: Db) {
    this.#db = db
    this.#store = faultyDb(db)
  }

  async take(given: Step): Promise<void> {
    this.#tally ??= await this.#bench.open(this.#store.db)
    if (given.kind === 'beats') this.#beat(given.nodes, given.times)
    if (given.kind === 'pass') this.#bench.clock.advance(given.seconds)
    if (given.kind === 'write') await this.#write()
    if (given.kind === 'kill') await this.#kill()
    if (given.kind === 'restart') await this.#restart()
    if (given.kind === 'store-away') this.#away()
    if (given.kind === 'store-back') this.#back()
  }

  async end(): Promise<void> {
    const all = [...this.#dead, this.#tally]
    await Promise.all(all.map(async (tally) => tally?.stop()))
  }

  #beat(nodes: readonly number[], times: number): void {
    for (let i = 0; i < times; i += 1) {
      for (const n of nodes) {
        const node = NODES[n] as Address
        const counted = this.#tally?.count(node, this.#bench.clock.nowMs())
        if (counted?.counted) this.model.count(node, counted.hour)
      }
      this.#bench.clock.advance(45)
    }
  }

  async #write(): Promise<void> {
    await this.#tally?.wake()
    if (this.#isAway) return
    this.model.write()
    await this.#checkClosed()
  }

  async #kill(): Promise<void> {
    // The dead one writes nothing any more; it is stopped in the end.
    this.#store.fail(/./)
    if (this.#tally) this.#dead.push(this.#tally)
    this.model.kill()
    await this.#open()
  }

  async #restart(): Promise<void> {
    this.#back()
    await this.#tally?.stop()
    this.model.write()
    await this.#open()
  }

  async #open(): Promise<void> {
    this.#isAway = false
    this.#store = faultyDb(this.#db)
    this.#tally = await this.#bench.open(this.#store.db)
    const hour = Math.floor(this.#bench.clock.now() / 3_600)
    for (const node of NODES) {
      expect(this.#tally.countOf(node, hour)).to.equal(this.model.written(node, hour))
    }
  }

  #away(): void {
    this.#isAway = true
    this.#store.fail(/./)
  }

  #back(): void {
    this.#isAway = false
    this.#store.heal()
  }

  async #checkClosed(): Promise<void> {
    for (const { hour, state } of await listHours(this.#db, 500)) {
      if (state !== 'heard') continue
      const closed = (await readClosedHour(this.#db, hour)) as ClosedHour
      const before = this.model.closed.get(hour)
      if (before) expect(closed).to.deep.equal(before)
      this.model.closed.set(hour, closed)
      for (const { node, seen, online } of closed.rows) {
        expect(seen).to.equal(this.model.written(node, hour))
        expect(seen).to.be.at.most(80)
        expect(online).to.equal(seen * 80 >= closed.expected * 47)
      }
    }
  }
}

describe('a tally that is killed and started again in any order', function () {
  this.timeout(180_000)
  let db: Db

  before(async () => {
    db = await freshDb()
  })
  after(() => db.close())

  it('loses only what it had not written, counts nothing twice, and never changes a closed hour (Z-41, Z-42)', async () => {
    let heard = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        await db.exec('delete from tally; delete from tally_hour; delete from node_status')
        const life = new Life(db)
        try {
          for (const each of steps) await life.take(each)
        } finally {
          await life.end()
        }
        heard += life.model.closed.size
      }),
      { numRuns: RUNS },
    )
    // The runs were about something.
    expect(heard).to.be.greaterThan(RUNS / 4)
  })
})
