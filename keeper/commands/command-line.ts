import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { handled, withCommon } from './command.ts'
import type { Run } from './command.ts'
import { COMMANDS, GROUPS } from './command-table.ts'
import type { CommandRow } from './command-row.ts'

/** Every command of the table, as commander has it; nothing of it is loaded before it runs. */
export function buildProgram(): Command {
  const program = new Command('muster')
    .description('Pays validators for proven uptime, provably and exactly once.')
    .addHelpText(
      'after',
      '\n`muster test` runs the tests. Settings: .env.example. Start with: ./muster demo',
    )
    .version(versionOf(), '-V, --version')
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

function versionOf(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
