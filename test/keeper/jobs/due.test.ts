import { expect } from 'chai'
import { parseIso } from '../../../keeper/base/time.ts'
import { dueSlots } from '../../../keeper/jobs/due.ts'
import type { DueFacts } from '../../../keeper/jobs/due.ts'

const DAILY = { every: 'day', zone: 'UTC', time: '18:00' } as const
const at = (text: string): number => parseIso(`2026-11-${text}Z`)

function due(facts: Partial<DueFacts>): ReturnType<typeof dueSlots> {
  const usual = { schedule: DAILY, now: at('21T18:00:00'), lastFinished: undefined, open: [] }
  return dueSlots({ ...usual, policy: 'run', ...facts })
}

describe('which slots are due', () => {
  it('on the first start the latest one, and none before', () => {
    expect(due({}).run).to.deep.equal([at('21T18:00:00')])
    expect(due({ now: at('21T17:59:59') }).run).to.deep.equal([at('20T18:00:00')])
  })

  it('the one after the last finished, once it has come', () => {
    const lastFinished = at('20T18:00:00')
    expect(due({ lastFinished, now: at('21T17:59:59') }).run).to.deep.equal([])
    expect(due({ lastFinished }).run).to.deep.equal([at('21T18:00:00')])
  })

  it('every missed one, in order, after three days (S-37, Z-55)', () => {
    const lastFinished = at('18T18:00:00')
    const { run, skip } = due({ lastFinished, now: at('21T18:07:00') })
    expect(run).to.deep.equal([at('19T18:00:00'), at('20T18:00:00'), at('21T18:00:00')])
    expect(skip).to.deep.equal([])
  })

  it('with the policy to skip only the latest; the others are reported (S-37, Z-55)', () => {
    const lastFinished = at('18T18:00:00')
    const { run, skip } = due({ lastFinished, now: at('21T18:07:00'), policy: 'skip' })
    expect(run).to.deep.equal([at('21T18:00:00')])
    expect(skip.map(({ slot }) => slot)).to.deep.equal([at('19T18:00:00'), at('20T18:00:00')])
  })

  it('one that was begun stays due, also when skipping (S-01)', () => {
    const begun = at('20T18:00:00')
    const facts = { lastFinished: at('19T18:00:00'), open: [begun], policy: 'skip' } as const
    expect(due(facts).run).to.deep.equal([begun, at('21T18:00:00')])
  })

  it('none twice when the clock goes back (S-40)', () => {
    expect(due({ lastFinished: at('21T18:00:00'), now: at('21T16:00:00') }).run).to.deep.equal([])
  })

  it('an hour whose window is over is skipped with that reason', () => {
    const facts: Partial<DueFacts> = {
      schedule: { every: 'hour' },
      lastFinished: at('21T10:00:00'),
      usefulSeconds: 14_400,
      now: at('21T18:00:00'),
    }
    const { run, skip } = due(facts)
    expect(run).to.deep.equal(['14', '15', '16', '17', '18'].map((hour) => at(`21T${hour}:00:00`)))
    expect(skip.map(({ slot }) => slot)).to.deep.equal(
      ['11', '12', '13'].map((hour) => at(`21T${hour}:00:00`)),
    )
  })

  it('follow the zone through both changes of the clock, one a day (S-39)', () => {
    const schedule = { every: 'day', zone: 'Europe/Berlin', time: '18:00' } as const
    const lastFinished = parseIso('2026-03-27T17:00:00Z')
    const now = parseIso('2026-03-30T16:00:00Z')
    expect(due({ schedule, lastFinished, now }).run).to.deep.equal(
      ['28T17', '29T16', '30T16'].map((text) => parseIso(`2026-03-${text}:00:00Z`)),
    )
  })

  it('after years of silence the newest 400, so that a start ends', () => {
    const lastFinished = parseIso('2016-01-01T18:00:00Z')
    const { run } = due({ lastFinished })
    expect(run).to.have.length(400)
    expect(run.at(-1)).to.equal(at('21T18:00:00'))
  })
})
