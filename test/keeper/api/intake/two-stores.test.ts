import { expect } from 'chai'
import { hourOf, startOfHour, systemClock } from '../../../../keeper/base/time.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import { pushHour } from '../../../../keeper/heartbeat/snapshot.ts'
import { closeKeeper } from '../../../../keeper/keeper.ts'
import type { Keeper } from '../../../../keeper/keeper.ts'
import { KEYS } from '../../../helpers/deploy.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { testLog } from '../../../helpers/logs.ts'
import { FIRST_CUT, createWorld, makeMembers } from '../../../helpers/muster.ts'
import type { World } from '../../../helpers/muster.ts'

const HOUR = hourOf(FIRST_CUT)
// The chain's count is asked for again after a second.
const COUNT_IS_FRESH_MS = 1_100

/** A mistake of an operator: the same reporter key in two places that know nothing of each other. */
describe('two intakes with one reporter key and two stores', function () {
  this.timeout(60_000)
  let world: World
  const keepers: Keeper[] = []
  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(3), pool: 0n })
    await world.moveTo(startOfHour(HOUR + 2) + 1)
  })
  afterEach(async () => {
    for (const keeper of keepers.splice(0)) await closeKeeper(keeper)
    await world.close()
  })

  async function open(home: string): Promise<Keeper> {
    const signers = { reporter: walletSigner(KEYS.reporter) }
    const keeper = await world.open({ roles: ['reporter'], signers, log: testLog }, home)
    keepers.push(keeper)
    return keeper
  }

  const push = (keeper: Keeper, hour: number, word: bigint) =>
    pushHour(keeper, { hour, words: [word], source: 'test' })

  async function bitsOf(hour: number): Promise<bigint> {
    const { reporter } = world.muster.deployment
    const words = await world.muster.registry.snapshotOf(hour, reporter)
    // Empty before it pushed that hour; an index beyond the end of a result throws.
    return words.length === 0 ? 0n : (words[0] ?? 0n)
  }

  it('the contract has the union of what they push, and the first that finds a nonce it did not use stops and says so', async () => {
    const first = await open(world.home)
    await push(first, HOUR, 0b011n)
    const second = await open(`${world.home}/other`)
    // Its store is new: what the chain has counted is all it knows.
    await push(second, HOUR, 0b110n)
    expect(await bitsOf(HOUR)).to.equal(0b111n)
    await systemClock.sleep(COUNT_IS_FRESH_MS)
    const refused = await rejectionOf(push(first, HOUR + 1, 0b001n))
    expect(refused.code).to.equal('QUEUE_STOPPED')
    expect(await bitsOf(HOUR + 1)).to.equal(0n)
    // A restart does not help: a person has to find out who else has the key.
    await closeKeeper(first)
    keepers.shift()
    const again = await rejectionOf(push(await open(world.home), HOUR + 1, 0b001n))
    expect(again.code).to.equal('QUEUE_STOPPED')
    await push(second, HOUR + 1, 0b100n)
    expect(await bitsOf(HOUR + 1)).to.equal(0b100n)
  })
})
