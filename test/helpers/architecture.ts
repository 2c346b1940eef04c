// The house rules that a machine can check, over source text alone: no file is imported or run.

export interface SourceFile {
  /** From the root of the repo: keeper/chain/sender.ts */
  path: string
  text: string
}

/** Higher imports lower; rooms of one level never import each other. The folders of a level. */
const LEVELS: readonly (readonly string[])[] = [
  ['base'],
  ['store'],
  ['ledger', 'chain', 'office'],
  ['payouts'],
  ['heartbeat'],
  [
    'validators',
    'verify',
    'reconcile',
    'programs/manual',
    'programs/partners',
    'programs/players',
    'programs/points',
    'programs/invoices',
  ],
  ['keeper.ts'],
  ['jobs', 'api'],
  ['edge'],
]
const LEVEL_OF_CHAIN = 2
const LEVEL_OF_KEEPER = 6
const LEVEL_OF_EDGE = 8
/** One room of several files and a folder: what is started, and the commands. */
const EDGE = /^(main\.ts|cli\.ts|commands\/)/

const PURE_NAMES = new Set([
  'fees.ts',
  'send-state.ts',
  'due.ts',
  'clock-guard.ts',
  'online-rate.ts',
  'cycle.ts',
  'batch.ts',
  'rules.ts',
  'engine.ts',
])
/** Rules that are more than one file. */
const PURE_FOLDER = /^programs\/\w+\/rules\//
const EMPTY_NAMES = new Set(['index.ts', 'utils.ts', 'util.ts', 'types.ts', 'helpers.ts'])

/** What may be written only at its home, because it hides an input or breaks a way of working. */
const HOMES: readonly { word: RegExp; name: string; home: RegExp }[] = [
  { word: /\bprocess\.env\b/, name: 'process.env', home: /^config\.ts$/ },
  { word: /\bDate\.now\b|\bnew Date\(/, name: 'the clock', home: /^base\/time\.ts$/ },
  { word: /\bconsole\./, name: 'console', home: /^(cli\.ts|commands\/)/ },
  {
    word: /\bsetInterval\b/,
    name: 'setInterval',
    home: /^(jobs\/runner\.ts|base\/retry\.ts|store\/directory-lock\.ts|chain\/)/,
  },
  { word: /\bthrow new Error\(/, name: 'throw new Error', home: /^(?!)/ },
]

/** Every fault as one sentence that begins with the file. */
export function checkArchitecture(files: SourceFile[]): string[] {
  const owners = tableOwners(files)
  return files.filter(isKeeper).flatMap((file) => {
    const code = { path: file.path.slice('keeper/'.length), text: withoutComments(file) }
    return [
      ...checkName(code),
      ...checkImports(code),
      ...checkPure(code),
      ...checkHomes(code),
      ...checkTables(code, owners),
    ].map((fault) => `${file.path} ${fault}`)
  })
}

function isKeeper(file: SourceFile): boolean {
  return file.path.startsWith('keeper/') && /\.(ts|sql)$/.test(file.path)
}

function checkName({ path }: SourceFile): string[] {
  return EMPTY_NAMES.has(baseName(path)) ? ['has a name that says nothing'] : []
}

function checkImports({ path, text }: SourceFile): string[] {
  const level = levelOf(path)
  if (path === 'config.ts') {
    const others = importsOf(path, text)
    const other = others.filter((target) => !isPackage(target) && isOutsideBase(target))
    return other.map((target) => `imports ${target}: the settings know only base/`)
  }
  if (level === undefined) return path.endsWith('.sql') ? [] : ['is in no room of the design']
  return importsOf(path, text).flatMap((target) => {
    const why = refusal(path, level, target)
    return why === undefined ? [] : [`imports ${target}: ${why}`]
  })
}

function refusal(path: string, level: number, target: string): string | undefined {
  if (isPackage(target)) return undefined
  if (!target.startsWith('keeper/')) return refusalOutside(level, target)
  const inside = target.slice('keeper/'.length)
  if (inside === 'config.ts') {
    return level < LEVEL_OF_KEEPER ? 'settings arrive as arguments' : undefined
  }
  const targetLevel = levelOf(inside)
  if (targetLevel === undefined) return 'it is in no room of the design'
  if (targetLevel > level) return 'that is up'
  if (roomOf(path) === 'verify' && roomOf(inside) === 'heartbeat') {
    return 'verifying derives everything by itself'
  }
  return targetLevel === level && roomOf(inside) !== roomOf(path) ? 'that is sideways' : undefined
}

function refusalOutside(level: number, target: string): string | undefined {
  if (/^(types|artifacts)\//.test(target)) {
    return level < LEVEL_OF_CHAIN ? 'the contracts are unknown below chain/' : undefined
  }
  if (target === 'package.json' || target.startsWith('ignition/')) {
    return level < LEVEL_OF_EDGE ? 'only the commands deploy' : undefined
  }
  return 'the keeper stands alone'
}

function checkPure({ path, text }: SourceFile): string[] {
  if (!isPure(path)) return []
  const impure = importsOf(path, text).filter((target) => {
    const inside = target.replace(/^keeper\//, '')
    return isOutsideBase(target) && !(isPure(inside) && roomOf(inside) === roomOf(path))
  })
  return impure.map((target) => `imports ${target}: a pure file imports only base/`)
}

function isPure(path: string): boolean {
  return (PURE_NAMES.has(baseName(path)) || PURE_FOLDER.test(path)) && !EDGE.test(path)
}

function checkHomes({ path, text }: SourceFile): string[] {
  const strangers = HOMES.filter(({ word, home }) => word.test(text) && !home.test(path))
  return strangers.map(({ name }) => `uses ${name}, which is not at home there`)
}

/** A migration says on its first line which room its tables belong to: `-- owner: chain`. */
function tableOwners(files: SourceFile[]): Map<string, string> {
  const owners = new Map<string, string>()
  for (const { path, text } of files) {
    if (!path.startsWith('keeper/store/migrations/')) continue
    const owner = ownerOf(text)
    if (owner === undefined) continue
    for (const [, table] of text.matchAll(/create\s+table\s+(?:if\s+not\s+exists\s+)?"?(\w+)/gi)) {
      if (table !== undefined) owners.set(table.toLowerCase(), owner)
    }
  }
  return owners
}

function ownerOf(migration: string): string | undefined {
  return /^-- owner: ([\w/-]+)/.exec(migration)?.[1]
}

const TABLE_IN_SQL = /\b(?:from|join|into|update|truncate|table|lock)\s+(?:only\s+)?"?(\w+)/gi
const TABLE_IN_KYSELY = /\b(?:selectFrom|insertInto|updateTable|deleteFrom|\w*Join)\(\s*'(\w+)/g

function checkTables({ path, text }: SourceFile, owners: Map<string, string>): string[] {
  const isMigration = path.startsWith('store/migrations/')
  const room = isMigration ? ownerOf(text) : roomOf(path)
  if (room === undefined) return isMigration ? ['does not name its owner on the first line'] : []
  const named = [...text.matchAll(TABLE_IN_SQL), ...text.matchAll(TABLE_IN_KYSELY)]
  const tables = new Set(named.map(([, table]) => (table ?? '').toLowerCase()))
  return [...tables].flatMap((table) => {
    const owner = owners.get(table)
    return owner === undefined || owner === room ? [] : [`touches ${table}, which ${owner}/ owns`]
  })
}

/** Relative imports as paths from the root, packages as they are named; type imports count too. */
function importsOf(path: string, text: string): string[] {
  const specifiers = [
    ...text.matchAll(/\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/\bimport\s*\(?\s*['"]([^'"]+)['"]/g),
  ].map(([, specifier]) => specifier ?? '')
  return specifiers.map((specifier) =>
    specifier.startsWith('.')
      ? new URL(specifier, `file:///keeper/${path}`).pathname.slice(1)
      : `npm:${specifier}`,
  )
}

function isPackage(target: string): boolean {
  return target.startsWith('npm:')
}

function isOutsideBase(target: string): boolean {
  return target.startsWith('keeper/') ? !target.startsWith('keeper/base/') : target !== 'npm:zod'
}

function roomOf(path: string): string | undefined {
  if (EDGE.test(path)) return 'edge'
  return LEVELS.flat().find((room) => path === room || path.startsWith(`${room}/`))
}

function levelOf(path: string): number | undefined {
  const room = roomOf(path)
  return room === undefined ? undefined : LEVELS.findIndex((rooms) => rooms.includes(room))
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** An interface says in NatSpec what each function that changes state does, and who may call it. */
export function checkNatspec({ path, text }: SourceFile): string[] {
  const functions = text.matchAll(/^([^\n]*)\n[ \t]*function (\w+)\(([^;]*);/gm)
  return [...functions].flatMap(([, before = '', name, rest = '']) => {
    const changesState = !/\b(view|pure)\b/.test(rest)
    const documented = /^\s*(\/\/\/|\*\/)/.test(before)
    return changesState && !documented ? [`${path} says nothing about ${name}`] : []
  })
}

const COMMENT_OR_STRING =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g

/** Comments are blanked, strings stay: they hold the SQL and the names of what is imported. */
function withoutComments({ path, text }: SourceFile): string {
  if (path.endsWith('.sql')) return text.replace(/(?<!^)--[^\n]*/g, '')
  return text.replace(COMMENT_OR_STRING, (match) => (match.startsWith('/') ? ' ' : match))
}
