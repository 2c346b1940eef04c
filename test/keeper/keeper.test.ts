import { expect } from 'chai'
import { readBeats } from '../../keeper/heartbeat/beats.ts'
import { closeKeeper, openKeeper, openReader } from '../../keeper/keeper.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { replayDay } from '../../keeper/validators/replay.ts'
import { readStatus } from '../../keeper/validators/status.ts'
import { KEYS } from '../helpers/deploy.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { createWorld, makeMembers, testDeps, withKeeper } from '../helpers/muster.ts'
import type { World } from '../helpers/muster.ts'

const DATA = new URL('../../data/validators_beats_a.csv.gz', import.meta.url).pathname

describe('the keeper', function () {
  this.timeout(60_000)
  let world: World

  before(async () => {
    world = await createWorld({ members: makeMembers(3) })
  })
  after(() => world.close())

  it('refuses one key for both roles (Z-50, R-50)', async () => {
    const signers = { reporter: walletSigner(KEYS.keeper), keeper: walletSigner(KEYS.keeper) }
    const error = await rejectionOf(openKeeper(world.config, { ...testDeps(), signers }))
    expect([error.code, error.exitCode]).to.deep.equal(['KEYS_NOT_SEPARATE', 78])
  })

  it('opens no key that the command does not need, and refuses to sign with it (Z-50)', async () => {
    const deps = { ...testDeps(), roles: ['reporter'] } as const
    await withKeeper(
      world,
      async (keeper) => {
        const refused = await rejectionOf(keeper.keeper.resume())
        expect([refused.code, refused.facts['role']]).to.deep.equal([
          'KEY_NOT_CONFIGURED',
          'keeper',
        ])
      },
      deps,
    )
  })

  it('is refused on another chain, and where nothing is deployed (S-26)', async () => {
    const other = rejectionOf(openKeeper({ ...world.config, chainId: 1 }, testDeps()))
    expect((await other).code).to.equal('CHAIN_ID_WRONG')
    const none = openKeeper({ ...world.config, deploymentsDir: '/nowhere' }, testDeps())
    expect((await rejectionOf(none)).code).to.equal('DEPLOYMENT_MISSING')
  })

  it('is refused where another one holds the store, and the first goes on (S-43)', async () => {
    const first = await world.open()
    expect((await rejectionOf(world.open())).code).to.equal('STORE_LOCKED')
    expect(await first.db.query('select 1 as one')).to.deep.equal([{ one: 1 }])
    await closeKeeper(first)
  })

  it('replays past days on a local chain only', async () => {
    const beats = await readBeats(DATA)
    await withKeeper(world, async (keeper) => {
      const client = { ...keeper.client, chainId: 1 }
      const error = await rejectionOf(replayDay({ ...keeper, client }, { beats }))
      expect([error.code, error.exitCode]).to.deep.equal(['REPLAY_NOT_LOCAL', 78])
      const late = await rejectionOf(replayDay(keeper, { beats, cycle: 9 }))
      expect(late.code).to.equal('REPLAY_NO_BEATS')
    })
  })

  it('status needs no key and no store; missing hours and the next cut are in it', async () => {
    const reader = await openReader(world.config, testDeps())
    const status = await readStatus(reader)
    expect([status.openCycle, status.nextCycle, status.validators]).to.deep.equal([0, 1, 3])
    expect([status.isConserved, status.runway.cycles]).to.deep.equal([true, undefined])
    reader.close()
  })
})
