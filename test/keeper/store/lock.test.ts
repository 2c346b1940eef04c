import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { systemClock } from '../../../keeper/base/time.ts'
import { lockDirectory } from '../../../keeper/store/directory-lock.ts'
import { openStore, unlockStore } from '../../../keeper/store/open-store.ts'
import { rejectionOf } from '../../helpers/errors.ts'

const HOLDER = fileURLToPath(new URL('../../helpers/hold-store.ts', import.meta.url))

function start(home: string): ChildProcess {
  return spawn(process.execPath, [HOLDER, home], { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer]
  return chunk.toString().trim()
}

describe('the lock of the embedded store', function () {
  this.timeout(60_000)
  let home: string
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-lock-'))
  })
  afterEach(() => rm(home, { recursive: true, force: true }))

  it('S-43 a second process exits with 75 within a second and the first goes on; after SIGKILL the next gets in', async () => {
    const first = start(home)
    expect(await firstLine(first)).to.equal('held')
    const second = start(home)
    const exit = once(second, 'exit')
    const [, code, ms] = /^(\w+) after (\d+)/.exec(await firstLine(second)) ?? []
    expect(code).to.equal('STORE_LOCKED')
    expect(Number(ms)).to.be.lessThan(1_000)
    expect((await exit)[0]).to.equal(75)
    expect(first.exitCode).to.equal(null)
    const gone = once(first, 'exit')
    first.kill('SIGKILL')
    await gone
    const db = await openStore({ home, clock: systemClock })
    expect(await db.query('select * from mark')).to.have.length(1)
    await db.close()
  })

  it('S-43 a holder on another host is respected until its file grows stale', async () => {
    const file = join(home, 'store.lock')
    await writeFile(file, JSON.stringify({ pid: 1, host: 'another-container' }))
    expect((await rejectionOf(lockDirectory(home, systemClock))).code).to.equal('STORE_LOCKED')
    const longAgo = systemClock.now() - 60
    await utimes(file, longAgo, longAgo)
    await (await lockDirectory(home, systemClock)).release()
  })

  it('S-43 unlock removes what a dead holder left, and refuses while the holder lives', async () => {
    expect(await unlockStore({ home, clock: systemClock })).to.equal(false)
    const first = start(home)
    expect(await firstLine(first)).to.equal('held')
    const refusal = await rejectionOf(unlockStore({ home, clock: systemClock }))
    expect(refusal.code).to.equal('STORE_LOCKED')
    const gone = once(first, 'exit')
    first.kill('SIGKILL')
    await gone
    expect(await unlockStore({ home, clock: systemClock })).to.equal(true)
    expect(await unlockStore({ home, clock: systemClock })).to.equal(false)
  })
})
