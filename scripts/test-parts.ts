// What `./muster test` runs side by side: the test files in parts, each for a process of its own.
import { existsSync, globSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

export interface TestPart {
  /** As a person would name it: `test/keeper/chain (2)`. */
  name: string
  language: 'Solidity' | 'TypeScript'
  files: string[]
  /** Nothing runs beside it. */
  isPaced: boolean
}

// A process takes about 3 s to load Hardhat and ethers, a file of tests 1 to 60: with six files the
// loading stays below a tenth, and the last part alone does not hold up the run for long.
const FILES_PER_PART = 6
// Its days of an hour in seconds, with fifty agents that keep time, fail when the cores are busy.
const PACED = 'test/live'
// Below test/keeper/ every room is a folder of its own.
const FOLDER_DEPTH = 3

// They need a MariaDB and a PostgreSQL, which only whoever starts them has: a step of its own in scripts/check.ts.
const SERVERS = 'test/servers'

/** What runs where nothing else is installed. */
export function withoutServers(files: readonly string[], root: string): string[] {
  return files.filter((file) => !relative(root, file).startsWith(`${SERVERS}/`))
}

/** The files below a folder, or the file itself; absolute, in order. Undefined: there is none. */
export function findTests(path: string): string[] | undefined {
  const absolute = resolve(path)
  if (!existsSync(absolute)) return undefined
  if (!statSync(absolute).isDirectory()) return [absolute]
  const found = globSync(['**/*.test.ts', '**/*.t.sol'], { cwd: absolute })
  return found.toSorted().map((file) => join(absolute, file))
}

/**
 * What keeps time first, then Solidity, whose runner uses every core by itself, then the files that lie
 * directly in test/, one a part: they start whole keepers and mostly wait, so that the others run beside them.
 */
export function splitTests(files: readonly string[], root: string): TestPart[] {
  const solidity = files.filter((file) => file.endsWith('.t.sol'))
  const folders = Map.groupBy(
    files.filter((file) => file.endsWith('.test.ts')),
    (file) => folderOf(relative(root, file)),
  )
  const parts = [...folders].flatMap(([folder, found]) => chunks(folder, found))
  if (solidity.length > 0)
    parts.push({ name: 'Solidity', language: 'Solidity', files: solidity, isPaced: false })
  return parts.toSorted((a, b) => rankOf(a) - rankOf(b))
}

function rankOf({ name, language, isPaced }: TestPart): number {
  if (isPaced) return 0
  if (language === 'Solidity') return 1
  return name.endsWith('.test.ts') ? 2 : 3
}

function folderOf(file: string): string {
  const folder = dirname(file)
  return folder === 'test' ? file : folder.split('/').slice(0, FOLDER_DEPTH).join('/')
}

function chunks(folder: string, files: readonly string[]): TestPart[] {
  const count = Math.ceil(files.length / FILES_PER_PART)
  return Array.from({ length: count }, (_, i) => ({
    name: count === 1 ? folder : `${folder} (${i + 1} of ${count})`,
    language: 'TypeScript',
    // Every count-th file: neighbours by name are often alike in what they cost.
    files: files.filter((_file, at) => at % count === i),
    isPaced: folder === PACED,
  }))
}
