import { expect } from 'chai'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { COMMANDS } from '../../../keeper/commands/command-table.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
// Flags that every command knows (keeper/commands/command.ts).
const COMMON = ['--json', '--rpc-url', '--chain-id', '--home', '--deployments', '--help']
// What the launcher runs itself.
const LAUNCHER = new Set(['test', 'npm', 'npx', 'node'])

interface Called {
  where: string
  words: string[]
  flags: string[]
}

/** Every line of a page or a unit that starts with the launcher or names `muster …` as code. */
function callsIn(path: string): Called[] {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const lines = text.matchAll(/(?:\.\/muster|\/opt\/muster\/muster) ([^\n`#&|>]+)/g)
  return [...lines].map(([, line = '']) => {
    const tokens = line.trim().split(/\s+/)
    const firstFlag = tokens.findIndex((token) => token.startsWith('-'))
    const words = firstFlag === -1 ? tokens : tokens.slice(0, firstFlag)
    const flags = tokens.filter((token) => /^--[a-z]/.test(token))
    return { where: `${path}: muster ${line.trim()}`, words, flags }
  })
}

function faultOf({ where, words, flags }: Called): string[] {
  if (words.length === 0 || LAUNCHER.has(words[0] ?? '')) return []
  const names = COMMANDS.map(({ usage, options = [] }) => ({
    name: usage.split(' ').filter((word) => /^[a-z]/.test(word)),
    known: options.map(({ long }) => long),
  }))
  const found = names
    .filter(({ name }) => name.every((word, index) => words[index] === word))
    .toSorted((a, b) => b.name.length - a.name.length)[0]
  if (found === undefined) return [`${where}: no such command`]
  const unknown = flags
    .map((flag) => flag.split('=')[0] ?? flag)
    .filter((flag) => !COMMON.includes(flag) && !found.known.includes(flag))
  return unknown.map((flag) => `${where}: ${flag} is not known`)
}

describe('the pages for people', () => {
  const pages = globSync(['README.md', 'docs/**/*.md', 'docs/systemd/*.service'], { cwd: ROOT })

  it('name only commands and flags that there are', () => {
    const calls = pages.flatMap(callsIn)

    expect(calls.length).to.be.greaterThan(50)
    expect(calls.flatMap(faultOf)).to.deep.equal([])
  })

  it('are refused for a command or a flag that there is not', () => {
    const call = (...words: string[]): Called => ({ where: 'page', words, flags: ['--intake'] })

    expect(faultOf(call('beat'))).to.deep.equal([])
    expect(faultOf(call('status'))).to.deep.equal(['page: --intake is not known'])
    expect(faultOf(call('beaten'))).to.deep.equal(['page: no such command'])
  })

  it('have a unit for systemd for whatever runs all day', () => {
    const started = pages
      .filter((path) => path.endsWith('.service'))
      .flatMap(callsIn)
      .map(({ words }) => words[0])

    expect(started).to.have.members(['beat', 'intake', 'keeper'])
  })
})
