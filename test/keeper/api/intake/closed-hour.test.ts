import { expect } from 'chai'
import { hourOf, scaledClock, startOfHour, systemClock } from '../../../../keeper/base/time.ts'
import type { ClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import { checkReceipt } from '../../../../keeper/heartbeat/receipts/receipt.ts'
import { nodeKey } from '../../../helpers/intake-desk.ts'
import { connectNode, openBench, postBeat } from '../../../helpers/intake-service.ts'
import type { Bench } from '../../../helpers/intake-service.ts'
import { FIRST_CUT } from '../../../helpers/muster.ts'

// An hour in six seconds.
const FACTOR = 600
const HOUR = hourOf(FIRST_CUT) + 1

describe('an hour that is closed', function () {
  this.timeout(60_000)
  let bench: Bench
  const closed: ClosedHour[] = []
  const { promise: isClosed, resolve } = Promise.withResolvers<void>()

  before(async () => {
    const clock = scaledClock({ startMs: startOfHour(HOUR) * 1_000 - 60_000, factor: FACTOR })
    bench = await openBench({
      at: startOfHour(HOUR),
      clock,
      paceFactor: FACTOR,
      onHour: (hour) => {
        closed.push(hour)
        if (hour.hour === HOUR) resolve()
      },
    })
    clock.start()
  })
  after(() => bench.close())

  it('is told to who pushes, signed, and each node that is connected gets its receipt at once; the others later', async () => {
    const silent = await connectNode(bench.url)
    await silent.login(nodeKey(0))
    while (hourOf(bench.keeper.clock.now()) < HOUR) await systemClock.sleep(20)
    expect((await postBeat(bench, nodeKey(1))).json).to.deep.equal({ hour: HOUR, count: 1 })
    await isClosed
    const hour = closed.find((each) => each.hour === HOUR)
    expect(hour?.expected).to.be.within(60, 80)
    expect(hour?.rows.map(({ seen, online }) => [seen, online])).to.have.deep.members([
      [0, false],
      [1, false],
      [0, false],
    ])
    expect(await bench.service.evidence.nodesIn(HOUR)).to.deep.equal([])
    let receipt = checkReceipt((await silent.next('receipt')).receipt)
    if (receipt.hour !== HOUR) receipt = checkReceipt((await silent.next('receipt')).receipt)
    expect(receipt).to.include({ hour: HOUR, node: nodeKey(0).address, seen: 0, online: false })
    expect(receipt.reporter).to.equal(bench.keeper.reporter.address)
    const answer = await fetch(`${bench.url}/v1/receipts/${nodeKey(1).address}?from=${HOUR}`)
    const { receipts } = (await answer.json()) as { receipts: unknown[] }
    expect(checkReceipt(receipts[0])).to.include({ hour: HOUR, seen: 1, online: false })
    silent.end()
  })
})
