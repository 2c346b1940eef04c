import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { PROCESSES_FILE, readProcesses, trackProcess } from '../../../keeper/base/processes.ts'
import { systemClock } from '../../../keeper/base/time.ts'

const MODULE = new URL('../../../keeper/base/processes.ts', import.meta.url).href
const TIME = new URL('../../../keeper/base/time.ts', import.meta.url).href

/** Tracks itself, says so, and waits for its signal. */
const SCRIPT = `
  import { trackProcess } from '${MODULE}'
  import { systemClock } from '${TIME}'
  trackProcess(process.argv[1], process.argv[2], systemClock)
  process.on('SIGTERM', () => process.exit(0))
  process.stdout.write('tracked')
  setInterval(() => {}, 1000)
`

describe('the processes of a home', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'muster-processes-'))
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  const start = async (command: string) => {
    const args = ['--input-type=module', '-e', SCRIPT, home, command]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    }
    return { pid: child.pid ?? 0, end }
  }
  const commands = (): string[] =>
    readProcesses(home)
      .map(({ command }) => command)
      .toSorted()

  it('D-24 are in one JSON file, each with its command and its start, until they end', async () => {
    const [first, second] = await Promise.all([start('keeper'), start('partners run')])
    const text = readFileSync(join(home, PROCESSES_FILE), 'utf8')
    expect(commands()).to.deep.equal(['keeper', 'partners run'])
    const pids = readProcesses(home).map(({ pid }) => pid)
    expect(pids).to.have.members([first.pid, second.pid])
    expect(JSON.parse(text)[0].startedAt).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)

    await first.end('SIGTERM')
    expect(commands()).to.deep.equal(['partners run'])
    await second.end('SIGTERM')
    expect(readdirSync(home)).to.deep.equal([])
  })

  it('D-24 that were killed are dropped by the next one', async () => {
    const killed = await start('keeper')
    await killed.end('SIGKILL')
    expect(commands()).to.deep.equal(['keeper'])

    const end = trackProcess(home, 'partners run', systemClock)
    expect(readProcesses(home).map(({ pid }) => pid)).to.deep.equal([process.pid])
    end()
    expect(readProcesses(home)).to.deep.equal([])
  })

  it('are listed anew where the file is not ours', () => {
    writeFileSync(join(home, PROCESSES_FILE), '{"pid": "x"')
    const end = trackProcess(home, 'keeper', systemClock)
    expect(commands()).to.deep.equal(['keeper'])
    end()
  })
})
