import { CommanderError } from 'commander'
import type { Command } from 'commander'
import { KeeperError } from './base/errors.ts'
import { printError } from './commands/command.ts'
import { buildProgram } from './commands/command-line.ts'

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
