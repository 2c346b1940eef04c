import { expect } from 'chai'
import { setProgram } from '../../../keeper/commands/program-settings.ts'
import { cliActor } from '../../../keeper/office/actor.ts'
import { readTrail } from '../../../keeper/office/trail.ts'
import { readSettings, withSettings } from '../../../keeper/payouts/settings.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { NOON } from '../../helpers/ledger.ts'
import { programOf } from '../../helpers/paying.ts'
import { freshDb } from '../../helpers/store.ts'

describe('what an operator sets for a program', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  const set = (options: Record<string, string>): ReturnType<typeof setProgram> => {
    const office = { db, clock: testClock(NOON), actor: cliActor('ann') }
    return setProgram(office, 'manual', options)
  }

  it('is kept until it is set again; what is not named stays', async () => {
    await set({ minimum: '5', cap: '100', pushUpTo: '1000' })
    await set({ unit: '5', keeperPays: 'yes' })
    expect(await readSettings(db, 'manual')).to.deep.equal({
      minimum: 5n,
      capPerPayee: 100n,
      unit: 5n,
      pushUpTo: 1_000,
      keeperPays: true,
      changedAt: NOON,
      changedBy: 'cli:ann',
    })
    const { after } = await set({ cap: 'none', pushUpTo: 'own' })
    expect(after).to.deep.equal({ minimum: 5n, unit: 5n, keeperPays: true })
  })

  it('is in the trail with what it was before', async () => {
    await set({ minimum: '5' })
    await set({ minimum: '7' })
    const [last] = await readTrail(db, { limit: 1 })
    expect(last).to.include({ actor: 'cli:ann', action: 'program.set', target: 'manual' })
    expect(
      [last?.before, last?.after].map((text) => JSON.parse(text ?? '{}').minimum),
    ).to.deep.equal(['5', '7'])
  })

  it('that would keep everybody from being paid is refused, and nothing changes', async () => {
    const wrong = [{ minimum: '10', cap: '9' }, { unit: '0' }, { unit: '20', cap: '10' }]
    for (const options of wrong) {
      expect((await rejectionOf(set(options))).code).to.equal('PROGRAM_SETTINGS_INVALID')
    }
    for (const options of [{ minimum: '1.5' }, { pushUpTo: 'many' }, { keeperPays: 'maybe' }]) {
      expect((await rejectionOf(set(options))).code).to.equal('USAGE')
    }
    expect(await readSettings(db, 'manual')).to.equal(undefined)
    expect(await readTrail(db, { limit: 1 })).to.deep.equal([])
  })

  it('overrides the rules of the program, and its method by the number of payees', async () => {
    await set({ minimum: '5', pushUpTo: '10' })
    const own = programOf([])
    const program = withSettings(own, await readSettings(db, 'manual'))
    expect(program.rules()).to.deep.equal({ minimum: 5n, unit: 1n })
    expect([10, 11].map((payees) => program.method(payees))).to.deep.equal(['push', 'claim'])
    expect(withSettings(own, undefined)).to.equal(own)
  })
})
