import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
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
    const demo = startCli(['demo', '--live'])
    await demo.says('hour  2 of 24')
    const folder = String(
      execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).match(
        /--state (\S+muster-demo-\w+)/,
      )?.[1],
    )
    expect(processesWith(`${folder}/agents`)).to.have.length.of.at.least(6)

    demo.kill('SIGINT')
    const { code, stderr } = await demo.ended

    expect(code, stderr).to.equal(75)
    expect(stderr).to.match(/agents logging in 7\/7/)
    expect(stderr).to.contain(folder)
    expect(processesWith(folder)).to.deep.equal([])
    expect(existsSync(folder)).to.equal(false)
  })
})
