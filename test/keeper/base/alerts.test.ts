import { expect } from 'chai'
import {
  ALERTS,
  MAX_ACTIVE,
  REPEAT_SECONDS,
  logAlerts,
  openAlerts,
} from '../../../keeper/base/alerts.ts'
import type { Alerts, Notice } from '../../../keeper/base/alerts.ts'
import { createLogger } from '../../../keeper/base/log.ts'
import { testClock } from '../../helpers/clock.ts'

const API_KEY = 'Zk3v9QpL7tYw2RbN8mXc'

describe('alerts', () => {
  let clock: ReturnType<typeof testClock>
  let told: Notice[]
  let alerts: Alerts

  beforeEach(() => {
    clock = testClock(1_000)
    told = []
    alerts = openAlerts({ clock, sinks: [(notice) => told.push(notice)] })
  })
  const states = (): string[] => told.map(({ state, key }) => `${state} ${key}`)

  it('the same alert raised again within an hour is counted, not told again', () => {
    alerts.raise('endpoint-down', { key: 'a', failures: 3 })
    alerts.raise('endpoint-down', { key: 'b' })
    clock.advance(REPEAT_SECONDS - 1)
    alerts.raise('endpoint-down', { key: 'a', failures: 9 })
    expect(states()).to.deep.equal(['raised a', 'raised b'])
    const [first] = alerts.active()
    expect(first).to.deep.include({ count: 2, since: 1_000, severity: 'warning' })
    expect(first?.facts['failures']).to.equal(9)
  })

  it('one that lasts is told again once an hour, with its count', () => {
    alerts.raise('queue-stopped', { key: 'keeper' })
    clock.advance(REPEAT_SECONDS)
    alerts.raise('queue-stopped', { key: 'keeper' })
    alerts.raise('queue-stopped', { key: 'keeper' })
    expect(states()).to.deep.equal(['raised keeper', 'lasting keeper'])
    expect(told[1]?.count).to.equal(2)
  })

  it('its end is told once, by key or for the whole kind, and a new one is told anew', () => {
    for (const key of ['a', 'b', 'c']) alerts.raise('endpoint-down', { key })
    alerts.clear('endpoint-down', 'b')
    alerts.clear('endpoint-down', 'b')
    alerts.clear('endpoint-down')
    alerts.clear('fee-hold')
    alerts.raise('endpoint-down', { key: 'a' })
    const after = ['cleared b', 'cleared a', 'cleared c', 'raised a']
    expect(states().slice(3)).to.deep.equal(after)
  })

  it(`keeps at most ${MAX_ACTIVE} apart: further keys of a kind are one alert`, () => {
    for (let i = 0; i < MAX_ACTIVE + 50; i += 1) alerts.raise('slot-late', { key: `slot ${i}` })
    expect(alerts.active()).to.have.length(MAX_ACTIVE + 1)
    expect(told).to.have.length(MAX_ACTIVE + 1)
    expect(alerts.active().at(-1)).to.deep.include({ key: '(more)', count: 50 })
  })

  it('a channel that throws stops neither the caller nor the next channel', () => {
    const broken = (): never => {
      throw new TypeError('broken')
    }
    const both = openAlerts({ clock, sinks: [broken, (notice) => told.push(notice)] })
    both.raise('low-pool', {})
    expect(states()).to.deep.equal(['raised '])
  })

  it('S-48 a URL in the facts loses its key before any channel sees it', () => {
    const url = `https://rpc.example/v3/${API_KEY}`
    alerts.raise('endpoint-down', { key: url, url })
    alerts.clear('endpoint-down', url)
    expect(told).to.have.length(2)
    expect(JSON.stringify(told)).to.not.include(API_KEY)
  })

  it('the log has each as one line, critical ones as errors', () => {
    const lines: string[] = []
    const log = createLogger({ level: 'info', clock, write: (line) => lines.push(line) })
    const logged = logAlerts(log, clock)
    logged.raise('queue-stopped', { key: 'keeper', nonce: 7 })
    logged.raise('fee-hold', {})
    logged.clear('queue-stopped')
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(parsed.map(({ level, event, kind }) => [level, event, kind])).to.deep.equal([
      ['error', 'alert-raised', 'queue-stopped'],
      ['warn', 'alert-raised', 'fee-hold'],
      ['info', 'alert-cleared', 'queue-stopped'],
    ])
    expect(parsed[0]).to.include({ says: ALERTS['queue-stopped'].says, nonce: 7 })
  })
})
