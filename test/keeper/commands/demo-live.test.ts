import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCli } from '../../helpers/cli.ts'

/** Of the whole machine: those that have the text in their command line. */
function processesWith(text: string): string[] {
  const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n')
  return all.filter((line) => line.includes(text))
}

describe('the live demo', function () {
  // Ten agents and a chain start in four seconds on two free cores; the suite may run beside it.
  this.timeout(180_000)

  it('leaves neither a process nor a folder behind when it is stopped in the middle of the day', async () => {
    // Whatever it starts has this in its command line; another demo on the machine has not.
    const own = mkdtempSync(join(tmpdir(), 'muster-live-'))
    const demo = startCli(['demo', '--live'], { TMPDIR: own })
    try {
      await demo.says('hour  2 of 24')
      const agents = processesWith(`${own}/`).filter((line) => line.includes('/agents'))
      expect(agents).to.have.length.of.at.least(6)
    } finally {
      demo.kill('SIGINT')
    }
    const { code, stderr } = await demo.ended

    expect(code, stderr).to.equal(75)
    expect(stderr).to.match(/agents logging in 7\/7/)
    expect(stderr).to.contain(`${own}/`)
    expect(processesWith(`${own}/`)).to.deep.equal([])
    expect(readdirSync(own)).to.deep.equal([])
    rmSync(own, { recursive: true })
  })
})
