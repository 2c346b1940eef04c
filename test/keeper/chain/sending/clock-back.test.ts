import { expect } from 'chai'
import { systemClock } from '../../../../keeper/base/time.ts'
import { watchFinal } from '../../../../keeper/chain/sending/final-watch.ts'
import { contextOf } from '../../../../keeper/chain/sending/send-context.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { signer } from '../../../helpers/journaling.ts'
import { useBench, sendingOptions } from '../../../helpers/sending.ts'

describe('a clock that was set back by two hours', function () {
  this.timeout(60_000)
  const TWO_HOURS_MS = 7_200_000
  const bench = useBench()
  const { senderWith, intent } = bench
  let backMs: number
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - backMs }

  beforeEach(() => {
    backMs = 0
  })

  it('S-40 does not make an old count of the chain a new one: nothing is signed at a used nonce', async () => {
    const sender = senderWith({ clock })
    await sender.send(intent('a'))
    backMs = TWO_HOURS_MS
    await foreignTransaction(bench.node, 1)
    expect((await rejectionOf(sender.send(intent('b')))).code).to.equal('QUEUE_STOPPED')
    expect(await bench.db.query('select hash from tx_attempt')).to.have.length(1)
  })

  it('S-40 does not put off the look at what is final', async () => {
    const context = contextOf(sendingOptions(bench.db, bench.node.client, { clock }))
    const memory = { finalCheckedAtMs: clock.nowMs() }
    backMs = TWO_HOURS_MS
    await watchFinal(context, memory)
    expect(memory.finalCheckedAtMs).to.be.at.most(clock.nowMs())
  })
})

async function foreignTransaction(node: TestNode, nonce: number): Promise<void> {
  const bare = { to: signer.address, data: '0x', value: 0n, gasLimit: 21_000n } as const
  const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n }
  const { chainId } = node.client
  await node.client.sendRaw(await signer.signTransaction({ chainId, nonce, ...bare, ...fees }))
}
