import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseIso, systemClock } from '../../../keeper/base/time.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { openStore } from '../../../keeper/store/open-store.ts'
import { runCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'
import { COIN, posting } from '../../helpers/ledger.ts'

describe('muster ledger at the command line', function () {
  this.timeout(120_000)
  let home: string
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'muster-ledger-'))
    await withStore(async (db) => {
      const bob = posting({ credit: 'accrued:manual:bob', amount: 10n ** 18n })
      await postIn(db, [posting(), bob], parseIso('2026-01-10T00:00:00Z'))
      await postIn(db, [posting()], parseIso('2026-02-10T00:00:00Z'))
    })
  })
  after(() => rmSync(home, { recursive: true, force: true }))

  async function withStore(use: (db: Db) => Promise<void>): Promise<void> {
    const db = await openStore({ home, clock: systemClock })
    await use(db)
    await db.close()
  }
  const run = (...args: string[]): Promise<Outcome> =>
    runCli(['ledger', ...args], { MUSTER_HOME: home })

  it('the balance adds up to zero for each asset', async () => {
    const { code, json } = await run('balance', '--json')

    expect(code).to.equal(0)
    const kinds = [
      { kind: 'accrued', accounts: 2, balance: '1000000000000000010' },
      { kind: 'expense', accounts: 1, balance: '-1000000000000000010' },
    ]
    expect(json['assets']).to.deep.equal([{ asset: COIN, total: '0', kinds }])
  })

  it('the accounts are those whose names begin so', async () => {
    const { stdout } = await run('accounts', 'accrued:manual:b')

    expect(stdout).to.match(/accrued:manual:bob +\S+ +1,000,000,000,000,000,000 +1 +0 +-/)
    expect(stdout).not.to.contain('alice')
    expect((await run('accounts', '--limit', '0')).code).to.equal(64)
  })

  it('a month is archived and restored, and the books stay sound', async () => {
    const archived = await run('archive', '2026-01')
    expect(archived.stdout).to.match(/2 transfers, 4 entries, 1 batch\n +SHA-256 [0-9a-f]{64}/)
    expect((await run('archive', '2026-02')).code).to.equal(65)
    expect((await run('archive', '2026-13')).code).to.equal(64)
    expect((await run('check')).stdout).to.contain('the books are sound')

    expect((await run('restore', '2026-01')).code).to.equal(0)
    expect((await run('check')).code).to.equal(0)
  })

  it('a check that finds something says what and where, with exit code 1', async () => {
    await withStore((db) =>
      db.begin(async (t) => {
        await t.exec('set local session_replication_role = replica')
        await t.exec(`update ledger_account set version = 7 where name = 'expense:manual'`)
      }),
    )
    const { code, stdout } = await run('check')

    expect(code).to.equal(1)
    expect(stdout).to.match(/account +expense:manual +its version is 7/)
  })
})
