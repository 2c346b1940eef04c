import assert from 'node:assert/strict'
import { toJson } from '../../../keeper/base/json.ts'
import { systemClock } from '../../../keeper/base/time.ts'
import { specialOrder } from '../../../keeper/commands/partners-special.ts'
import type { Report } from '../../../keeper/commands/command.ts'
import { loadConfig } from '../../../keeper/config.ts'
import { enqueueSpecial } from '../../../keeper/programs/partners/special/outbox.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { testLog } from '../../helpers/logs.ts'
import { ROOT } from '../../helpers/office.ts'
import { freshDb } from '../../helpers/store.ts'

// 2024-10-15 07:00 UTC.
const HOUR = 480_271

describe('muster partners special', () => {
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  function order(
    options: Record<string, unknown>,
    env: Record<string, string> = {},
  ): Promise<Report> {
    const office = { db, clock: systemClock, log: testLog, actor: ROOT, config: loadConfig(env) }
    return specialOrder(office, [], options)
  }

  async function enqueue(now: number): Promise<void> {
    const shares = [{ partner: 'ann', total: 5n }]
    await enqueueSpecial(db, HOUR, shares, { special: new Set(['ann']), now })
  }

  it('shows what waits, and exits with 1 when it waits too long (D-18)', async () => {
    await enqueue(systemClock.now())
    const early = await order({})
    assert.equal(early.exitCode, 0)
    assert.match(
      early.lines.join('\n'),
      /1 hourly sum to be sent.*\n.*\n +2024-10-15 07:00 UTC +ann +5 +0/,
    )
    await db.query('update partner_outbox set created_at = 1, last_error = $1', ['it is down'])
    const late = await order({})
    assert.equal(late.exitCode, 1)
    assert.match(late.lines.join('\n'), /it is down/)
  })

  it('sends at once with --send, and says what came of it', async () => {
    await enqueue(systemClock.now())
    const { code } = await rejectionOf(order({ send: true }))
    assert.equal(code, 'PARTNERS_SPECIAL_UNSET')
    // Nobody listens at port 1.
    const env = { MUSTER_PARTNERS_SPECIAL_URL: 'mysql://me:hunter2hunter2@127.0.0.1:1/cc' }
    const { json, lines, exitCode } = await order({ send: true }, env)
    assert.equal(exitCode, 1)
    assert.match(lines.join('\n'), /PARTNERS_DATABASE_AWAY/)
    assert.doesNotMatch(toJson(json), /hunter2/)
  })
})
