import { Command, CommanderError } from 'commander'
import { KeeperError } from './base/errors.ts'
import { handled, printError, withCommon } from './commands/command.ts'
import type { Run } from './commands/command.ts'
import { COMMANDS, GROUPS } from './commands/command-table.ts'
import type { CommandRow } from './commands/command-table.ts'

function buildProgram(): Command {
  const program = new Command('muster')
    .description('Pays validators for proven uptime, provably and exactly once.')
    .addHelpText(
      'after',
      '\n`muster test` runs the tests. Settings: .env.example. Start with: ./muster demo',
    )
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showHelpAfterError(false)
  const groups = new Map<string, Command>()
  for (const row of COMMANDS) addCommand(program, groups, row)
  program.command('test').description('the test suite; the launcher runs it: ./muster test')
  return program
}

function addCommand(program: Command, groups: Map<string, Command>, row: CommandRow): void {
  const words = row.usage.split(' ')
  const isNested = /^[a-z]/.test(words[1] ?? '')
  const name = words[0] ?? ''
  const parent = isNested ? groupOf(program, groups, name) : program
  const known = isNested ? undefined : groups.get(name)
  const usage = isNested ? words.slice(1).join(' ') : row.usage
  const command = known ?? parent.command(usage)
  // `params` and `params set` know the same flags: each belongs to the word before it.
  command.description(row.about).exitOverride().enablePositionalOptions()
  withCommon(command, row.example)
  for (const each of row.options ?? []) command.addOption(each)
  command.action(
    handled(async (run: Run, options: object, args: string[]) => {
      const handler = await row.load()
      return handler(run, options as never, args)
    }),
  )
  if (!isNested) groups.set(name, command)
}

function groupOf(program: Command, groups: Map<string, Command>, name: string): Command {
  const known = groups.get(name)
  if (known) return known
  const group = program
    .command(name)
    .description(GROUPS[name] ?? '')
    .exitOverride()
  groups.set(name, group)
  return group
}

async function main(): Promise<void> {
  const program = buildProgram()
  try {
    await program.parseAsync()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return
    const what = error.message.replace(/^error: /, '').replace(/\.$/, '')
    const command = process.argv
      .slice(2)
      .filter((word) => /^[a-z-]+$/.test(word) && !word.startsWith('-'))
    const facts = {
      what: what === '(outputHelp)' ? 'a command is missing' : what,
      command: command.slice(0, 2).join(' '),
    }
    printError(new KeeperError('USAGE', facts), process.argv.includes('--json'))
  }
}

await main()
