import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { isoTime, systemClock } from '../../../keeper/base/time.ts'
import { latestSlotInstant } from '../../../keeper/base/zone.ts'
import { writeLastSuccess } from '../../../keeper/api/last-success.ts'
import { startCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'
import { startReceiver } from '../../helpers/receiver.ts'
import type { Receiver } from '../../helpers/receiver.ts'

const ZONE = 'Europe/Berlin'

describe('muster dead-man', function () {
  this.timeout(30_000)
  let home: string
  let file: string
  let receiver: Receiver

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-dead-man-'))
    file = join(home, 'last-success')
    receiver = await startReceiver()
  })
  afterEach(async () => {
    await receiver.close()
    await rm(home, { recursive: true, force: true })
  })

  function run(...args: string[]): Promise<Outcome> {
    const flags = ['--file', file, '--zone', ZONE, '--url', `${receiver.url}/alert`, '--json']
    return startCli(['dead-man', ...flags, ...args]).ended
  }

  async function leave(slot: number): Promise<void> {
    const at = isoTime(slot)
    const common = { job: 'settle-day', keeper: 'k', chainId: 1 }
    await writeLastSuccess(file, { ...common, slot, slotTime: at, finishedAt: at })
  }

  it('S-49 needs no store, no key and no node: exit 0 and silence after the latest slot', async () => {
    const slot = latestSlotInstant(ZONE, '18:00', systemClock.now() - 3_600)
    await leave(slot)
    const { code, json } = await run()
    expect([code, json['alive'], json['due']]).to.deep.equal([0, true, isoTime(slot)])
    expect(receiver.calls).to.deep.equal([])
  })

  it('S-49 exit 1 and an alert for an old slot, no file, and a file that cannot be read', async () => {
    await leave(latestSlotInstant(ZONE, '18:00', systemClock.now() - 3_600) - 86_400)
    const old = await run()
    await rm(file)
    const none = await run()
    const unreadable = await run('--file', home)
    for (const { code, json } of [old, none, unreadable]) {
      expect([code, (json['error'] as { code: string }).code]).to.deep.equal([
        1,
        'SETTLEMENT_OVERDUE',
      ])
    }
    expect(receiver.calls.map(({ body }) => body['kind'])).to.deep.equal(Array(3).fill('dead-man'))
  })

  it('S-49 says when the alert reached nobody; the exit code is the same', async () => {
    receiver.answers.push(404)
    const { code, stderr, json } = await run()
    expect(code).to.equal(1)
    expect(stderr).to.include('it answered 404')
    expect(json).to.have.nested.property('error.facts.alerted', false)
  })

  it('a grace that is no number of seconds is a wrong call', async () => {
    expect((await run('--grace', '1h')).code).to.equal(64)
  })
})
