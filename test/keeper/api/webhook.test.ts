import { expect } from 'chai'
import { openAlerts } from '../../../keeper/base/alerts.ts'
import type { Alerts } from '../../../keeper/base/alerts.ts'
import { createLogger } from '../../../keeper/base/log.ts'
import { rememberSecretUrl } from '../../../keeper/base/redact.ts'
import { MAX_QUEUED, openWebhook } from '../../../keeper/api/webhook.ts'
import type { Webhook } from '../../../keeper/api/webhook.ts'
import { testClock } from '../../helpers/clock.ts'
import { startReceiver } from '../../helpers/receiver.ts'
import type { Receiver } from '../../helpers/receiver.ts'

const SECRET_PATH = '/hooks/T0123/B4567/Zk3v9QpL7tYw2RbN8mXc'

describe('alerts to a webhook', function () {
  // A stop waits 3 s for a receiver that hangs.
  this.timeout(10_000)
  let receiver: Receiver
  let webhook: Webhook
  let alerts: Alerts
  let lines: string[]
  let outcomes: string[]

  beforeEach(async () => {
    receiver = await startReceiver()
    const clock = testClock(1_800_000_000)
    lines = []
    outcomes = []
    const log = createLogger({ level: 'debug', write: (line) => lines.push(line) })
    const url = `${receiver.url}${SECRET_PATH}`
    rememberSecretUrl(url)
    const onOutcome = (outcome: string): void => void outcomes.push(outcome)
    webhook = openWebhook({ url, name: 'keeper-1', log, clock, onOutcome })
    alerts = openAlerts({ clock, sinks: [webhook.sink] })
  })
  afterEach(async () => {
    await webhook.close()
    await receiver.close()
  })

  it('are posted as JSON with a sentence, in order, and their end too', async () => {
    alerts.raise('queue-stopped', { key: 'keeper', nonce: 7, paid: 12n })
    alerts.clear('queue-stopped')
    await receiver.until(2)
    const [raised, cleared] = receiver.calls
    expect(raised).to.deep.equal({
      method: 'POST',
      path: SECRET_PATH,
      body: {
        text: 'critical: keeper-1: queue-stopped (keeper): a transaction needs a human; nothing is sent',
        kind: 'queue-stopped',
        severity: 'critical',
        state: 'raised',
        keeper: 'keeper-1',
        at: '2027-01-15T08:00:00Z',
        since: '2027-01-15T08:00:00Z',
        count: 1,
        key: 'keeper',
        facts: { key: 'keeper', nonce: 7, paid: '12' },
      },
    })
    expect(cleared?.body).to.include({ state: 'cleared', kind: 'queue-stopped' })
  })

  it('are posted again when the receiver is down, refuses for a while or cuts the connection', async () => {
    receiver.answers.push(503, 'reset', 429)
    alerts.raise('low-pool', {})
    await receiver.until(4)
    await webhook.close()
    expect(outcomes).to.deep.equal(['delivered'])
  })

  it('are given up at once when the address is wrong, and the log says what was not told', async () => {
    receiver.answers.push(404)
    alerts.raise('low-pool', {})
    await receiver.until(1)
    await webhook.close()
    expect([receiver.calls.length, outcomes]).to.deep.equal([1, ['failed']])
    expect(lines.join('')).to.include('alert-not-told').and.to.include('it answered 404')
  })

  it('do not hold the caller up, and a full queue drops and says so', async () => {
    receiver.answers.push('hang')
    for (let i = 0; i < MAX_QUEUED + 3; i += 1) alerts.raise('endpoint-down', { key: `e${i}` })
    expect(outcomes).to.deep.equal([])
    // One is on its way, MAX_QUEUED wait: there is no place for the ends of these alerts.
    alerts.clear('endpoint-down')
    expect(outcomes).to.include('dropped')
    expect(receiver.calls.length).to.be.at.most(1)
  })

  it('S-48 leave the address of the receiver out of the log', async () => {
    receiver.answers.push(404)
    alerts.raise('low-pool', {})
    await receiver.until(1)
    await webhook.close()
    expect(lines.join('')).to.include('127.0.0.1').and.to.not.include('Zk3v9QpL7tYw2RbN8mXc')
  })
})
