import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseIso } from '../../../keeper/base/time.ts'
import { openAlerts } from '../../../keeper/base/alerts.ts'
import { failUrlOf, openPing } from '../../../keeper/api/ping.ts'
import type { DoneSlot, Ping } from '../../../keeper/api/ping.ts'
import { fetchLastSuccess, readLastSuccess } from '../../../keeper/api/last-success.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { testClock } from '../../helpers/clock.ts'
import { startReceiver } from '../../helpers/receiver.ts'
import type { Receiver } from '../../helpers/receiver.ts'
import { testLog } from '../../helpers/logs.ts'

const DAY = 86_400
const SLOT = parseIso('2026-11-21T18:00:00Z')

function done(slot: number): DoneSlot {
  return { job: 'settle-day', slot, cycle: 3, finishedAt: slot + 40 }
}

describe('the sign of life', () => {
  let receiver: Receiver
  let home: string
  let file: string

  beforeEach(async () => {
    receiver = await startReceiver()
    home = await mkdtemp(join(tmpdir(), 'muster-ping-'))
    file = join(home, 'deep', 'last-success')
  })
  afterEach(async () => {
    await receiver.close()
    await rm(home, { recursive: true, force: true })
  })

  function open(): Ping {
    const url = `${receiver.url}/5f0c1f2e-ping`
    const clock = testClock(SLOT)
    return openPing({ file, url, name: 'keeper-1', chainId: 31_337, log: testLog, clock })
  }

  it('S-49 is a file and a ping for each settlement, once', async () => {
    const ping = open()
    await ping.tell(undefined)
    for (const slot of [SLOT, SLOT, SLOT + DAY]) await ping.tell(done(slot))
    expect(receiver.calls.map(({ path }) => path)).to.deep.equal([
      '/5f0c1f2e-ping',
      '/5f0c1f2e-ping',
    ])
    expect(await readLastSuccess(file)).to.deep.equal({
      job: 'settle-day',
      slot: SLOT + DAY,
      slotTime: '2026-11-22T18:00:00Z',
      cycle: 3,
      finishedAt: '2026-11-22T18:00:40Z',
      keeper: 'keeper-1',
      chainId: 31_337,
    })
    expect(await readdir(join(home, 'deep'))).to.deep.equal(['last-success'])
  })

  it('S-49 is made up for: after a restart, and at the next look when the receiver was down', async () => {
    receiver.answers.push(404)
    const ping = open()
    await ping.tell(done(SLOT))
    await ping.tell(done(SLOT))
    expect(receiver.calls).to.have.length(2)
    await open().tell(done(SLOT))
    expect(receiver.calls).to.have.length(3)
  })

  it('S-49 never goes back to an older slot, and replaces a file that is broken', async () => {
    await open().tell(done(SLOT))
    await open().tell(done(SLOT - DAY))
    expect((await readLastSuccess(file))?.slot).to.equal(SLOT)
    await writeFile(file, '{"job":')
    await open().tell(done(SLOT))
    expect(JSON.parse(await readFile(file, 'utf8'))).to.include({ slot: SLOT })
  })

  it('S-49 says /fail at once when a slot failed, but not for other alerts', async () => {
    const alerts = openAlerts({ clock: testClock(SLOT), sinks: [open().sink] })
    alerts.raise('low-pool', {})
    alerts.raise('slot-failed', { key: `settle-day ${SLOT}`, code: 'EXTRACT_DIFFERS' })
    await receiver.until(1)
    expect(receiver.calls).to.have.length(1)
    expect(receiver.calls[0]?.path).to.equal('/5f0c1f2e-ping/fail')
    expect(receiver.calls[0]?.body['facts']).to.include({ code: 'EXTRACT_DIFFERS' })
    expect(failUrlOf('https://a.example/x/?rid=1')).to.equal('https://a.example/x/fail?rid=1')
  })

  it('S-49 is read only when it is whole, small and well-formed', async () => {
    expect(await readLastSuccess(join(home, 'none'))).to.equal(undefined)
    const bad = join(home, 'bad')
    for (const text of ['', '{"slot":1}', 'x'.repeat(5_000), '[]']) {
      await writeFile(bad, text)
      expect((await rejectionOf(readLastSuccess(bad))).code).to.equal('FILE_UNREADABLE')
    }
    expect((await rejectionOf(fetchLastSuccess(receiver.url))).code).to.equal('FILE_UNREADABLE')
    receiver.answers.push(503)
    expect((await rejectionOf(fetchLastSuccess(receiver.url))).code).to.equal('FILE_UNREADABLE')
  })
})
