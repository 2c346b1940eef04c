import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { KeeperError } from './base/errors.ts'
import { handled, printError, withCommon } from './commands/command.ts'
import type { Run } from './commands/command.ts'
import { COMMANDS, GROUPS } from './commands/command-table.ts'
import type { CommandRow } from './commands/command-row.ts'

function buildProgram(): Command {
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
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** The words that name a command; the first word that is none ends the walk. */
function commandNamed(program: Command, words: readonly string[]): Command {
  let current = program
  for (const word of words) {
    const next = current.commands.find((each) => each.name() === word)
    if (next === undefined) return current
    current = next
  }
  return current
}

function pathOf(command: Command): string {
  return command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim()
}

async function main(): Promise<void> {
  const program = buildProgram()
  try {
    await program.parseAsync()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return
    refuse(program, error)
  }
}

function refuse(program: Command, error: CommanderError): void {
  const isJson = process.argv.includes('--json')
  const words = process.argv.slice(2).filter((word) => !word.startsWith('-'))
  const command = commandNamed(program, words)
  const isBare = error.message === '(outputHelp)'
  // Who names a group alone, or nothing, wants to know what there is.
  if (isBare && !isJson) process.stderr.write(`${command.helpInformation()}\n`)
  const said = error.message.replace(/^error: /, '').replace(/\n\((.+)\)$/, ' ($1)')
  const what = isBare ? 'a command is missing' : said.replace(/\.$/, '')
  printError(new KeeperError('USAGE', { what, command: pathOf(command) }), isJson)
}

await main()
