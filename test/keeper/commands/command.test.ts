import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'chai'

const COMMANDS = new URL('../../../keeper/commands/command.ts', import.meta.url).href

/** A command that is told of a signal and does not end by it. */
const SCRIPT = `
  import { Command } from 'commander'
  import { handled, withCommon } from '${COMMANDS}'
  const command = withCommon(new Command('wait'), 'wait')
  command.action(handled(async (run) => {
    const lasting = setInterval(() => {}, 1000)
    run.signal.addEventListener('abort', () => run.note('asked'))
    run.note('ready')
    await new Promise(() => lasting)
  }))
  await command.parseAsync(['node', 'wait'])
`

describe('a command', function () {
  this.timeout(20_000)
  for (const [first, second] of [
    ['SIGTERM', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ] as const) {
    it(`D-24 is asked to end by ${first}, and ended at once by ${second} after it`, async () => {
      const args = ['--input-type=module', '-e', SCRIPT]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] })
      const ended = once(child, 'exit')
      let said = ''
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
      const says = async (text: string): Promise<void> => {
        while (!said.includes(text)) await once(child.stderr, 'data')
      }
      await says('ready')
      child.kill(first)
      await says('asked')
      child.kill(second)
      expect(await ended).to.deep.equal([null, second])
    })
  }
})
