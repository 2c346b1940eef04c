import { expect } from 'chai'
import { readBeats } from '../../../keeper/heartbeat/beats.ts'
import { replayDay } from '../../../keeper/validators/replay.ts'
import { auditChain } from '../../../keeper/verify/audit-chain.ts'
import { ETHER, createWorld, withKeeper } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'
import { sentencesOf } from '../../helpers/verifying.ts'

const DATA = new URL('../../../data/validators_beats_a.csv.gz', import.meta.url).pathname
/** As an implementation that shares no code with either counted them (test/contracts/real-data.test.ts). */
const ELIGIBLE = [859, 860, 859, 854, 806, 808]
const PAYEES_A_BATCH = 500
// It takes half a second; other tests may run beside it.
const MAX_MS = 5_000

describe('verify over the six real cycles', function () {
  this.timeout(600_000)
  let world: World

  after(() => world?.close())

  it('derives who of 900 validators was up, what each was due, and that it was paid', async () => {
    const beats = await readBeats(DATA)
    const members = [...beats.nodes].map((node) => ({ node, fund: node }))
    world = await createWorld({
      members,
      pool: ETHER,
      batchSize: PAYEES_A_BATCH,
      terms: { cap: 10n ** 15n },
    })
    await withKeeper(world, async (keeper) => {
      for (const cycle of ELIGIBLE.keys()) await replayDay(keeper, { beats, cycle: cycle + 1 })
      const { registry, rewards, asset } = world.muster.deployment
      const range = { from: 1, to: ELIGIBLE.length, fromBlock: 0, onProgress: () => {} }
      const started = performance.now()
      const audit = await auditChain({ client: keeper.client, registry, rewards, asset, ...range })
      expect(performance.now() - started).to.be.below(MAX_MS)
      expect(sentencesOf(audit)).to.deep.equal([])
      const cycles = [...audit.state.cycles.values()]
      expect(cycles.map(({ sharing }) => sharing.eligible)).to.deep.equal(ELIGIBLE)
      expect(audit.state.books.totals.unpaid).to.equal(0n)
    })
  })
})
