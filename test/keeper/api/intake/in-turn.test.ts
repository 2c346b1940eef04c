import { expect } from 'chai'
import { inTurn } from '../../../../keeper/api/intake/in-turn.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { codeOf, rejectionOf } from '../../../helpers/errors.ts'

const isHere = (): boolean => false

describe('work that waits its turn', () => {
  it('is done one after the other, with a pause as long as the work between', async () => {
    const turn = inTurn('receipts')
    const said: string[] = []
    const work = (name: string) => async (): Promise<void> => {
      said.push(`${name} begins`)
      await systemClock.sleep(40)
      said.push(`${name} ends`)
    }
    const startMs = performance.now()
    await Promise.all([turn(work('a'), isHere), turn(work('b'), isHere)])
    expect(said).to.deep.equal(['a begins', 'a ends', 'b begins', 'b ends'])
    expect(performance.now() - startMs).to.be.at.least(115)
  })

  it('that fails harms nobody behind it; for whoever is gone it is not done', async () => {
    const turn = inTurn('receipts')
    const failed = turn(() => Promise.reject(new RangeError('no')), isHere).catch((error) => error)
    let isDone = false
    const gone = rejectionOf(
      turn(
        async () => {
          isDone = true
        },
        () => true,
      ),
    )
    const last = turn(async () => 'done', isHere)
    expect(await failed).to.be.instanceOf(RangeError)
    expect((await gone).code).to.equal('RATE_LIMITED')
    expect(await last).to.equal('done')
    expect(isDone).to.equal(false)
  })

  it('is refused when the queue is full, and taken again afterwards', async () => {
    const turn = inTurn('receipts')
    const all = Array.from({ length: 256 }, () => turn(async () => 1, isHere))
    expect(codeOf(() => turn(async () => 1, isHere))).to.equal('RATE_LIMITED')
    await Promise.all(all)
    expect(await turn(async () => 2, isHere)).to.equal(2)
  })
})
