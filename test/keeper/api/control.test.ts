import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { askKeeper, controlPath, startControl } from '../../../keeper/api/control.ts'
import type { Control, ControlAnswer, ControlRequest } from '../../../keeper/api/control.ts'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { systemClock } from '../../../keeper/base/time.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { testLog } from '../../helpers/logs.ts'

const CHILD = fileURLToPath(new URL('../../helpers/control-child.ts', import.meta.url))
const ASKED: ControlRequest = { name: 'bump', args: ['17'], options: {} }
const never = new AbortController().signal

describe('the socket of the running keeper', function () {
  this.timeout(30_000)
  let home: string
  let control: Control | undefined

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'muster-control-'))
  })
  afterEach(async () => {
    await control?.close()
    control = undefined
    rmSync(home, { recursive: true, force: true })
  })

  async function answering(
    handle: (request: ControlRequest) => Promise<ControlAnswer> = (request) =>
      Promise.resolve({ json: { request, amount: 10n ** 18n }, lines: ['done'], exitCode: 1 }),
  ): Promise<void> {
    control = await startControl(home, testLog, handle)
  }

  const ask = (request = ASKED): Promise<ControlAnswer | undefined> =>
    askKeeper(home, request, never)

  /** Bytes as they are; resolves with all that came back. */
  async function raw(text: string): Promise<string> {
    const socket = createConnection({ path: controlPath(home), allowHalfOpen: true })
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
    socket.end(text)
    await once(socket, 'close')
    return Buffer.concat(chunks).toString()
  }

  it('answers one request a connection: JSON with amounts as decimal strings, lines, exit code', async () => {
    await answering()
    const json = { request: ASKED, amount: '1000000000000000000' }
    expect(await ask()).to.deep.equal({ json, lines: ['done'], exitCode: 1 })
    expect(await Promise.all([ask(), ask(), ask()])).to.have.length(3)
    const two = `${JSON.stringify(ASKED)}\n${JSON.stringify(ASKED)}`
    expect(JSON.parse(await raw(two))).to.have.nested.property('error.code', 'INPUT_INVALID')
  })

  it('answers undefined where no keeper runs, also over a socket that nobody serves any more', async () => {
    expect(await ask()).to.equal(undefined)
    await answering()
    await control?.close()
    expect(await ask()).to.equal(undefined)
  })

  it('throws what the keeper threw, with code, facts and exit code', async () => {
    const facts = { id: '17', kind: 'transfer', key: '1/0', state: 'final', step: 'bump' }
    await answering(() => Promise.reject(new KeeperError('TX_NOT_PENDING', facts)))
    const refused = await rejectionOf(ask())
    expect(refused).to.include({ code: 'TX_NOT_PENDING', exitCode: 65 })
    expect(refused.facts).to.deep.equal(facts)
  })

  it('refuses a request that is too long with CONTROL_TOO_LONG and one that is none with INPUT_INVALID', async () => {
    await answering()
    const long = { ...ASKED, args: ['9'.repeat(200_000)] }
    expect((await rejectionOf(ask(long))).code).to.equal('CONTROL_TOO_LONG')
    for (const text of ['bump 17', '{}', '[]', '{"name":"bump","args":[17],"options":{}}']) {
      expect(JSON.parse(await raw(text))).to.have.nested.property('error.code', 'INPUT_INVALID')
    }
    expect((await ask())?.lines).to.deep.equal(['done'])
  })

  it('tells CONTROL_CLOSED when the keeper goes away before it has answered', async () => {
    const child = spawn(process.execPath, [CHILD, home, 'silent'])
    await once(child.stdout, 'data')
    const asked = rejectionOf(ask())
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    expect((await asked).code).to.equal('CONTROL_CLOSED')
  })

  it('replaces the socket that a keeper left behind which was killed', async () => {
    const child = spawn(process.execPath, [CHILD, home])
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(statSync(controlPath(home)).isSocket()).to.equal(true)
    expect(await ask()).to.equal(undefined)
    await answering()
    expect((await ask())?.lines).to.deep.equal(['done'])
  })

  it('is for this user alone (mode 600) and gone after the end', async () => {
    await answering()
    expect(statSync(controlPath(home)).mode & 0o777).to.equal(0o600)
    await control?.close()
    expect(statSync(controlPath(home), { throwIfNoEntry: false })).to.equal(undefined)
  })

  it('works in a home whose path is longer than the kernel takes for a socket', async () => {
    home = join(home, 'd'.repeat(120))
    mkdirSync(home)
    await answering()
    expect(controlPath(home)).to.have.length.below(108)
    expect(controlPath(home)).to.not.equal(controlPath(`${home}x`))
    expect((await ask())?.lines).to.deep.equal(['done'])
  })

  it('lets go of who connects and says nothing, or does not read, within seconds', async () => {
    await answering(() => Promise.resolve({ json: 'x'.repeat(8_000_000), lines: [] }))
    const startedMs = systemClock.nowMs()
    const idle = createConnection({ path: controlPath(home) })
    const deaf = createConnection({ path: controlPath(home), allowHalfOpen: true }).pause()
    deaf.end(JSON.stringify(ASKED))
    idle.on('error', () => {})
    deaf.on('error', () => {})
    await once(idle, 'close')
    await control?.close()
    expect(systemClock.nowMs() - startedMs).to.be.below(20_000)
    deaf.destroy()
  })

  it('ends a wait for the answer when the command is interrupted', async () => {
    await answering(() => new Promise(() => {}))
    const stop = new AbortController()
    const atOnce = rejectionOf(askKeeper(home, ASKED, stop.signal))
    stop.abort(new KeeperError('INTERRUPTED'))
    expect((await atOnce).code).to.equal('INTERRUPTED')

    const later = new AbortController()
    const asked = rejectionOf(askKeeper(home, ASKED, later.signal))
    await systemClock.sleep(200)
    later.abort(new KeeperError('INTERRUPTED'))
    expect((await asked).code).to.equal('INTERRUPTED')
  })
})
