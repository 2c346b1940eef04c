import { expect } from 'chai'
import { listJournal } from '../keeper/chain/journal/journal.ts'
import { readBeats } from '../keeper/heartbeat/beats.ts'
import { listSnapshots } from '../keeper/heartbeat/snapshot.ts'
import { listActions } from '../keeper/validators/action-log.ts'
import { replayDay } from '../keeper/validators/replay.ts'
import { readStatus } from '../keeper/validators/status.ts'
import { createWorld, withKeeper } from './helpers/muster.ts'
import type { World } from './helpers/muster.ts'

const DATA = new URL('../data/validators_beats_a.csv.gz', import.meta.url).pathname

describe('the life of one reward', function () {
  this.timeout(120_000)
  let world: World

  afterEach(() => world.close())

  it('a beat becomes a snapshot, a rate, an amount, a payment and a row of the journal (Z-41, Z-43, Z-50, Z-54)', async () => {
    const beats = await readBeats(DATA)
    // Twenty of the real validators over the real first cycle, 22 → 23 November 2024.
    const nodes = [...beats.nodes].slice(0, 20)
    world = await createWorld({ members: nodes.map((node) => ({ node, fund: node })) })
    await withKeeper(world, async (keeper) => {
      const day = await replayDay(keeper, { beats })
      expect(day.snapshots).to.equal(24)
      expect(day.pool).to.equal(day.paid + day.credited + day.carried)
      expect(day.unpaid).to.equal(0)
      expect(await listSnapshots(keeper.db, 1)).to.have.length(24)
      const kinds = (await listJournal(keeper.db)).map(({ kind, state }) => `${kind} ${state}`)
      expect(kinds.filter((kind) => kind === 'snapshot final')).to.have.length(24)
      expect(kinds.filter((kind) => kind === 'extract final')).to.have.length(1)
      expect(kinds.filter((kind) => kind === 'transfer final')).to.have.length(day.batches)
      const actions = await listActions(keeper.db)
      expect(actions.every(({ status, txHash }) => status === 'done' && txHash)).to.equal(true)
      expect(actions).to.have.length(25 + day.batches)
      const status = await readStatus(keeper)
      expect(status.isConserved).to.equal(true)
      expect(status.books.paid).to.equal(day.paid)
    })
  })
})
