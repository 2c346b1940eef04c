import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCli } from '../helpers/cli.ts'
import type { Outcome } from '../helpers/cli.ts'
import { SOURCE_SERVERS, insertRows } from '../helpers/source-servers.ts'
import type { SourceServer } from '../helpers/source-servers.ts'
import { placeStore } from '../helpers/store.ts'

// 2024-10-15T07:00:00Z.
const AT = 1_728_975_600

describe('muster partners pull', function () {
  this.timeout(120_000)
  let dir: string
  let server: SourceServer
  let env: Record<string, string>

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'muster-pull-'))
    await placeStore(join(dir, 'home'))
    server = await (SOURCE_SERVERS['MariaDB'] ?? expect.fail())()
    await server.run('create table votes (id int, partner varchar(64), cc int, at bigint)')
    await insertRows(server, 'votes', [
      [1, 'a', 3, AT],
      [2, 'b', 2, AT + 7_200],
    ])
    const columns = {
      key: ['id'],
      partner: 'partner',
      cc: 'cc',
      type: { value: 'vote' },
      at: { column: 'at', unit: 's' },
    }
    const file = join(dir, 'source.json')
    const votes = { table: 'votes', columns }
    writeFileSync(file, JSON.stringify({ name: 'shop', kind: 'mysql', overlapSeconds: 60, votes }))
    env = {
      MUSTER_HOME: join(dir, 'home'),
      MUSTER_PARTNERS_SOURCE: file,
      MUSTER_PARTNERS_SOURCE_URL: await server.reader(),
    }
  })
  after(async () => {
    await server.drop()
    rmSync(dir, { recursive: true, force: true })
  })

  const run = (args: string[] = [], more: Record<string, string> = {}): Promise<Outcome> =>
    runCli(['partners', 'pull', ...args], { ...env, ...more })

  it('takes in what is new, and from --since on what came late', async () => {
    const first = await run(['--json'])
    expect(first.code, first.stderr).to.equal(0)
    const none = { known: 0, late: 0, conflicts: 0 }
    expect(first.json).to.deep.equal({
      source: 'shop',
      pulled: { vote: { rows: 2, fresh: 2, ...none } },
    })
    await insertRows(server, 'votes', [[3, 'c', 1, AT + 60]])
    expect((await run(['--json'])).json['pulled']).to.deep.include({
      vote: { rows: 1, fresh: 0, ...none, known: 1 },
    })
    const again = await run(['--since', '2024-10-15T07:00:00Z'])
    expect(again.code).to.equal(0)
    expect(again.stdout).to.include('3 rows read of shop, from 2024-10-15T07:00:00Z on')
  })

  it('says what is missing, wrong or away, each with its exit code', async () => {
    const unset = await run(['--json'], { MUSTER_PARTNERS_SOURCE: '' })
    expect(unset.code).to.equal(78)
    const since = await run(['--since', 'yesterday', '--json'])
    expect(since.json['error']).to.deep.include({ code: 'TIME_INVALID' })
    const url = new URL(env['MUSTER_PARTNERS_SOURCE_URL'] ?? '')
    url.port = '1'
    const away = await run(['--json'], { MUSTER_PARTNERS_SOURCE_URL: url.href })
    expect(away.json['error']).to.deep.include({ code: 'PARTNERS_DATABASE_AWAY' })
    expect(away.code).to.equal(75)
    expect(away.stdout + away.stderr).not.to.include(url.password)
  })
})
