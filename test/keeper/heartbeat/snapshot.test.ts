import { expect } from 'chai'
import { hourOf, startOfHour } from '../../../keeper/base/time.ts'
import { listSnapshots, pushHour } from '../../../keeper/heartbeat/snapshot.ts'
import { toWords } from '../../../keeper/heartbeat/words.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { wordsFor, wordsFrom } from '../../../keeper/validators/push-hours.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { FIRST_CUT, createWorld, makeMembers } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

const FIRST = hourOf(FIRST_CUT)
const MEMBERS = 5

describe('the push of a closed hour', function () {
  this.timeout(60_000)
  let world: World
  let keeper: Keeper

  // A chain, a store and a side log for each: none may remember what the others have forgotten.
  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS) })
    keeper = await world.open()
  })
  afterEach(async () => {
    await closeKeeper(keeper)
    await world.close()
  })

  const push = (hour: number, online: number[] = [0, 2]): ReturnType<typeof pushHour> =>
    pushHour(keeper, { hour, words: toWords(online, 1), source: 'test' })
  const codeOf = async (hour: number, online?: number[]): Promise<string> =>
    (await rejectionOf(push(hour, online))).code

  it('stores the hour, sends its words and is done once; again it sends nothing (Z-41, Z-02)', async () => {
    await world.moveTo(startOfHour(FIRST + 1))
    const first = await push(FIRST)
    expect([first.status, first.online, first.tx?.state]).to.deep.equal(['pushed', 2, 'final'])
    const { registry } = world.muster
    expect(await registry.snapshotOf(FIRST, keeper.reporter.address)).to.deep.equal([5n])
    expect((await push(FIRST)).status).to.equal('already')
    expect(await listSnapshots(keeper.db, 1)).to.have.length(1)
    expect(await registry['snapshotCount(uint32)'](1)).to.equal(1n)
  })

  it('with a new store asks the chain and sends nothing (Z-49)', async () => {
    await world.moveTo(startOfHour(FIRST + 1))
    await push(FIRST)
    await keeper.db.exec('delete from snapshot')
    expect((await push(FIRST)).status).to.equal('already')
  })

  it('with nobody up is a snapshot too (Z-04)', async () => {
    await world.moveTo(startOfHour(FIRST + 1))
    expect((await push(FIRST, [])).status).to.equal('pushed')
    expect(await world.muster.registry['snapshotCount(uint32)'](1)).to.equal(1n)
  })

  it('is refused while the block is before the end of the hour, whatever our clock says (R-03)', async () => {
    await world.moveTo(startOfHour(FIRST + 1) - 1)
    expect(await codeOf(FIRST)).to.equal('HOUR_NOT_OVER')
    await world.moveTo(startOfHour(FIRST + 1))
    expect((await push(FIRST)).status).to.equal('pushed')
  })

  it('is refused when its window is over, and before the first cut (R-01, R-03)', async () => {
    await world.moveTo(startOfHour(FIRST + 1) + world.muster.deployment.pushWindow)
    expect(await codeOf(FIRST)).to.equal('HOUR_TOO_OLD')
    expect(await codeOf(FIRST - 1)).to.equal('HOUR_BEFORE_FIRST_CUT')
  })

  it('is refused with another set for an hour that is closed', async () => {
    await world.moveTo(startOfHour(FIRST + 1))
    await push(FIRST)
    expect(await codeOf(FIRST, [0, 1])).to.equal('SNAPSHOT_DIFFERS')
  })

  it('is refused with too many words, and with bits beyond the roster', async () => {
    await world.moveTo(startOfHour(FIRST + 1))
    const words = toWords([0], 2)
    const wrong = pushHour(keeper, { hour: FIRST, words, source: 'test' })
    expect((await rejectionOf(wrong)).code).to.equal('WORD_COUNT_WRONG')
    const input = { form: 'bitmap', words: toWords([MEMBERS], 1), file: 'map' } as const
    const beyond = await rejectionOf(wordsFrom(keeper, FIRST, input))
    expect([beyond.code, beyond.facts['indices']]).to.deep.equal(['BITS_BEYOND_ROSTER', [MEMBERS]])
  })

  it('leaves the hour open when the contract refuses it, so that the right set can follow', async () => {
    await world.moveTo(startOfHour(FIRST + 1))
    const beyond = MEMBERS + 1
    expect(await codeOf(FIRST, [0, beyond])).to.equal('TX_WOULD_REVERT')
    expect((await push(FIRST, [0, 2])).status).to.equal('pushed')
  })

  it('takes node addresses of the roster and refuses any other by name', async () => {
    const nodes = makeMembers(MEMBERS + 1).map(({ node }) => node as `0x${string}`)
    const known = nodes.slice(1, 3)
    expect(await wordsFor(keeper, { hour: FIRST, nodes: known })).to.deep.equal([6n])
    const error = await rejectionOf(wordsFor(keeper, { hour: FIRST, nodes }))
    expect([error.code, error.facts['total']]).to.deep.equal(['SNAPSHOT_UNKNOWN_NODES', 1])
  })

  it('is refused for a cycle in which nobody was registered', async () => {
    const empty = await createWorld({ members: [], pool: 0n })
    try {
      await empty.moveTo(startOfHour(FIRST + 1))
      const own = await empty.open()
      const pushed = pushHour(own, { hour: FIRST, words: [], source: 'test' })
      expect((await rejectionOf(pushed)).code).to.equal('EMPTY_ROSTER')
      await closeKeeper(own)
    } finally {
      await empty.close()
    }
  })
})
