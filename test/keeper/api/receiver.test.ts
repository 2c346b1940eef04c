import { expect } from 'chai'
import { systemClock } from '../../../keeper/base/time.ts'
import { shared, within } from '../../../keeper/api/deadline.ts'
import { post } from '../../../keeper/api/receiver.ts'
import { loadConfig } from '../../../keeper/config.ts'
import { codeOf, rejectionOf } from '../../helpers/errors.ts'
import { startReceiver } from '../../helpers/receiver.ts'
import type { Receiver } from '../../helpers/receiver.ts'

describe('a receiver of messages', () => {
  let receiver: Receiver
  beforeEach(async () => {
    receiver = await startReceiver()
  })
  afterEach(() => receiver.close())

  it('a refusal is told apart from a failure that may end: only the latter is worth another try', async () => {
    for (const [status, isFinal] of [
      [400, true],
      [404, true],
      [302, true],
      [408, false],
      [429, false],
      [503, false],
    ] as const) {
      receiver.answers.push(status)
      const { code, facts } = await rejectionOf(post({ url: receiver.url, body: {} }))
      expect([code, facts['isFinal']], String(status)).to.deep.equal(['RECEIVER_FAILED', isFinal])
    }
    receiver.answers.push('reset')
    const cut = await rejectionOf(post({ url: receiver.url, body: {} }))
    expect([cut.code, cut.facts['isFinal']]).to.deep.equal(['RECEIVER_FAILED', false])
  })

  it('a message that is too long is cut, and stays JSON', async () => {
    await post({ url: receiver.url, body: { facts: 'x'.repeat(50_000) } })
    const [{ body } = { body: {} }] = receiver.calls
    expect(body).to.include({ cut: true })
    expect(JSON.stringify(body).length).to.be.below(16_384)
  })

  it('an address that is not of the web is refused with the settings', () => {
    for (const name of ['MUSTER_ALERT_URL', 'MUSTER_PING_URL']) {
      expect(codeOf(() => loadConfig({ [name]: 'ftp://a.example/x' }))).to.equal('SETTING_INVALID')
      expect(codeOf(() => loadConfig({ [name]: 'https://a.example/x' }))).to.equal('no error')
    }
    expect(codeOf(() => loadConfig({ MUSTER_OPS_PORT: '70000' }))).to.equal('SETTING_INVALID')
  })
})

describe('answers in time', () => {
  it('a reading that hangs is given up after its deadline', async () => {
    const hang = (): Promise<never> => new Promise(() => {})
    const { code } = await rejectionOf(within(20, 'a reading', hang))
    expect(code).to.equal('DEADLINE_PASSED')
    expect(await within(1_000, 'a reading', async () => 7)).to.equal(7)
  })

  it('questions at the same time, or soon after, share one reading; a failed one is shared, too', async () => {
    let readings = 0
    const read = shared(50, async () => {
      readings += 1
      await systemClock.sleep(10)
      if (readings > 1) throw new TypeError('down')
      return readings
    })
    expect(await Promise.all([read(), read(), read()])).to.deep.equal([1, 1, 1])
    expect(await read()).to.equal(1)
    await systemClock.sleep(60)
    const results = await Promise.allSettled([read(), read()])
    expect(results.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    expect(readings).to.equal(2)
  })
})
