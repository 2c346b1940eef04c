import { expect } from 'chai'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { createLogger } from '../../../keeper/base/log.ts'
import { systemClock } from '../../../keeper/base/time.ts'
import { openWatch } from '../../../keeper/api/watch.ts'
import type { Watch } from '../../../keeper/api/watch.ts'
import { lastSuccessFile, writeLastSuccess } from '../../../keeper/api/last-success.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { readSlotFigures } from '../../../keeper/jobs/slot-figures.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { createWorld, makeMembers, pushCycle } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

interface Page {
  status: number
  type: string
  text: string
  json: Record<string, never>
}

describe('the pages for monitors', function () {
  this.timeout(60_000)
  let world: World
  let watch: Watch
  let keeper: Keeper
  let lines: string[]

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(3) })
    lines = []
    const log = createLogger({ level: 'info', write: (line) => lines.push(line) })
    watch = await openWatch({ ...world.config, opsPort: 0 }, log)
    keeper = await world.open({ onStep: watch.onStep(undefined), alerts: watch.alerts })
  })
  afterEach(async () => {
    await watch.close()
    await closeKeeper(keeper)
    await world.close()
  })

  function follow(): void {
    watch.follow(keeper, ({ db, clock }) => readSlotFigures(db, clock.now()))
    watch.setRole('leader')
  }

  async function get(path: string, method = 'GET'): Promise<Page> {
    const response = await fetch(`http://127.0.0.1:${watch.port}${path}`, { method })
    const text = await response.text()
    const type = response.headers.get('content-type') ?? ''
    const json = (type.includes('json') && text !== '' ? JSON.parse(text) : {}) as Page['json']
    return { status: response.status, type, text, json }
  }

  /** From now on every question to the chain fails, as when no endpoint answers. */
  function silenceNode(): void {
    const fail = async (): Promise<never> => {
      throw new KeeperError('RPC_UNAVAILABLE', { url: 'x', method: 'y', reason: 'it is down' })
    }
    Object.assign(keeper.client, { block: fail, blockNumber: fail, balanceOf: fail })
  }

  /** Answers are shared for a second: a changed world shows after it. */
  const later = (): Promise<void> => systemClock.sleep(1_050)

  it('/healthz answers as soon as the process runs, /readyz only when the keeper is open', async () => {
    const health = await get('/healthz')
    expect([health.status, health.json]).to.deep.include.members([200])
    expect(health.json).to.include({ alive: true })
    const early = await get('/readyz')
    expect(early.status).to.equal(503)
    expect(early.json).to.deep.include({ ready: false, role: 'starting' })
    follow()
    await later()
    const ready = await get('/readyz')
    expect(ready.status, ready.text).to.equal(200)
    expect(Object.keys(ready.json['checks'] ?? {})).to.deep.equal([
      'role',
      'store',
      'endpoints',
      'journal',
      'queue',
    ])
  })

  it('a standby is ready: waiting is its work; one that stops is not', async () => {
    watch.setRole('standby')
    const standby = await get('/readyz')
    expect([standby.status, standby.json['role']]).to.deep.equal([200, 'standby'])
    expect((await get('/metrics')).text).to.include('muster_leader 0')
    watch.setRole('stopping')
    await later()
    expect((await get('/readyz')).status).to.equal(503)
  })

  it('/readyz is 503 and names the check when no node answers, a write failed or the queue stopped', async () => {
    follow()
    watch.alerts.raise('journal-write-failing', { reason: 'no space left on device' })
    const failing = await get('/readyz')
    expect(failing.status).to.equal(503)
    expect(failing.json['checks']).to.have.nested.property('journal.ok', false)
    expect(failing.json['alerts']).to.have.nested.property('[0].kind', 'journal-write-failing')
    watch.alerts.clear('journal-write-failing')
    await keeper.db.query(
      `insert into tx (chain_id, contract, kind, key, payload_hash, sender, nonce, data, value,
                       gas_limit, state, created_at, updated_at)
       values (31337, $1, 'extract', '7', '0x0', $1, 0, '0x', 0, 21000, 'unknown', 1, 1)`,
      [keeper.keeper.address.toLowerCase()],
    )
    silenceNode()
    await later()
    const { json, status } = await get('/readyz')
    expect(status).to.equal(503)
    const checks = json['checks'] as unknown as Record<string, { ok: boolean; reason?: string }>
    const bad = Object.entries(checks).filter(([, { ok }]) => !ok)
    expect(bad.map(([name]) => name)).to.deep.equal(['endpoints', 'queue'])
    expect(checks['queue']?.reason).to.include('extract 7').and.to.include('unknown')
  })

  it('/metrics has the day: transactions, balances, slots, endpoints, the head and the leader', async () => {
    await pushCycle(world, keeper, 1, [24, 24, 24])
    follow()
    watch.alerts.raise('low-pool', {})
    const { text, type, status } = await get('/metrics')
    expect([status, type]).to.deep.equal([200, 'text/plain; version=0.0.4; charset=utf-8'])
    for (const line of [
      'muster_tx_total{kind="snapshot",state="final"} 24',
      'muster_tx_attempts_total{purpose="send"} 24',
      'muster_tx_seconds_count{kind="snapshot"} 24',
      `muster_tx_in_flight{sender="${keeper.reporter.address}"} 0`,
      'muster_leader 1',
      'muster_alert_active{kind="low-pool",severity="warning"} 1',
      'muster_alerts_raised_total{kind="low-pool"} 1',
      'muster_slot_open{job="settle-day"} 0',
      'muster_slot_late{job="push-hours"} 0',
      'muster_info{chain_id="31337",roles="keeper+reporter"} 1',
    ]) {
      expect(text.split('\n')).to.include(line)
    }
    expect(text)
      .to.match(/muster_chain_head \d+\n/)
      .and.to.match(/muster_chain_final \d+\n/)
    expect(text).to.match(/muster_sender_balance_wei\{role="keeper",sender="0x\w{40}"\} \d/)
    expect(text).to.match(/muster_rpc_endpoint_up\{endpoint="http:\/\/127.0.0.1:\d+[^"]*"\} 1/)
  })

  it('/metrics leaves out what cannot be read and counts it, and still answers', async () => {
    follow()
    await get('/metrics')
    silenceNode()
    await systemClock.sleep(5_100)
    const { text, status } = await get('/metrics')
    expect(status).to.equal(200)
    expect(text).to.not.match(/^muster_chain_head /m)
    expect(text).to.include('muster_sample_failures_total{source="chain"} 1')
    expect(text).to.include('muster_slot_open{job="settle-day"} 0')
  })

  it('/last-success is the file, for a watcher on another machine', async () => {
    const early = await get('/last-success')
    expect([early.status, early.json['error']]).to.have.nested.property('[1].code', 'NOT_READY')
    expect(early.status).to.equal(503)
    const slot = 1_732_384_800
    const success = {
      job: 'settle-day',
      slot,
      slotTime: '2024-11-23T18:00:00Z',
      finishedAt: '2024-11-23T18:00:09Z',
      keeper: 'k',
      chainId: 31_337,
    }
    await writeLastSuccess(lastSuccessFile(world.config), success)
    expect((await get('/last-success')).json).to.deep.equal(success)
  })

  it('anything else is refused with a code: 404, and no body is read', async () => {
    const { status, json } = await get('/admin?token=abc')
    expect([status, json['error']]).to.have.nested.property('[0]', 404)
    expect(json['error']).to.include({ code: 'ROUTE_UNKNOWN' })
    expect((await get('/metrics', 'POST')).status).to.equal(404)
    const body = 'x'.repeat(5_000)
    const url = `http://127.0.0.1:${watch.port}/healthz`
    const large = await fetch(url, { method: 'POST', body })
    expect(large.status).to.be.oneOf([404, 413])
  })

  it('a port that is taken is refused with a code', async () => {
    const log = createLogger({ level: 'silent', write: () => {} })
    const taken = openWatch({ ...world.config, opsPort: watch.port ?? 0 }, log)
    expect((await rejectionOf(taken)).code).to.equal('OPS_PORT_TAKEN')
  })
})
