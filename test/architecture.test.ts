import { expect } from 'chai'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { SourceFile } from './helpers/architecture.ts'
import { checkArchitecture, checkNatspec } from './helpers/architecture.ts'

const ROOT = resolve(import.meta.dirname, '..')

function readKeeper(): SourceFile[] {
  const paths = globSync('keeper/**/*.{ts,sql}', { cwd: ROOT })
  return paths.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

/** A made-up keeper of one file; the migrations that own the tables come with it. */
function check(path: string, text: string): string[] {
  const migration = '-- owner: chain\ncreate table tx (id int primary key);\n'
  return checkArchitecture([
    { path: 'keeper/store/migrations/0001_chain.sql', text: migration },
    { path, text },
  ])
}

describe('the architecture', () => {
  it('is kept by every file of the keeper', () => {
    const files = readKeeper()

    expect(files.length).to.be.greaterThan(0)
    expect(checkArchitecture(files)).to.deep.equal([])
  })
})

describe('the interfaces of the contracts', () => {
  it('say what each function does that changes state', () => {
    const paths = globSync('contracts/interfaces/*.sol', { cwd: ROOT })
    const files = paths.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))

    expect(files.length).to.be.greaterThan(0)
    expect(files.flatMap(checkNatspec)).to.deep.equal([])
  })

  it('are refused when one says nothing', () => {
    const text = 'interface I {\n\n    function pay(\n        uint a\n    ) external;\n}'

    expect(checkNatspec({ path: 'I.sol', text })).to.deep.equal(['I.sol says nothing about pay'])
  })
})

describe('the architecture checker', () => {
  const BAD: readonly [rule: string, path: string, text: string, fault: RegExp][] = [
    [
      'an import that goes up',
      'keeper/store/db.ts',
      "import { send } from '../chain/sender.ts'",
      /that is up/,
    ],
    [
      'a type import that goes up',
      'keeper/base/log.ts',
      "import type { Db } from '../store/db.ts'",
      /that is up/,
    ],
    [
      'an import over several lines',
      'keeper/base/log.ts',
      "import {\n  begin,\n  type Db,\n} from '../store/db.ts'",
      /that is up/,
    ],
    [
      'a re-export that goes up',
      'keeper/chain/sender.ts',
      "export { pay } from '../payouts/payout.ts'",
      /that is up/,
    ],
    [
      'a dynamic import that goes up',
      'keeper/chain/sender.ts',
      "const m = await import('../keeper.ts')",
      /that is up/,
    ],
    [
      'an import that goes sideways',
      'keeper/chain/sender.ts',
      "import { post } from '../ledger/transfers.ts'",
      /that is sideways/,
    ],
    [
      'a program that imports another',
      'keeper/programs/points/rules.ts',
      "import { tierOf } from '../partners/rules.ts'",
      /that is sideways/,
    ],
    [
      'a room that reads the settings',
      'keeper/chain/sender.ts',
      "import { SETTINGS } from '../config.ts'",
      /settings arrive as arguments/,
    ],
    [
      'settings that import a room',
      'keeper/config.ts',
      "import { open } from './store/db.ts'",
      /only base/,
    ],
    [
      'contract types below chain/',
      'keeper/store/db.ts',
      "import type { X } from '../../types/ethers-contracts/X.ts'",
      /unknown below chain/,
    ],
    [
      'an import of a test or script',
      'keeper/jobs/jobs.ts',
      "import { x } from '../../test/x.ts'",
      /stands alone/,
    ],
    ['a file in no room', 'keeper/misc/thing.ts', '', /no room/],
    ['a name that says nothing', 'keeper/chain/utils.ts', '', /says nothing/],
    ['process.env', 'keeper/chain/client.ts', 'const url = process.env.URL', /process\.env/],
    ['Date.now', 'keeper/jobs/due.ts', 'const now = Date.now()', /the clock/],
    ['new Date', 'keeper/jobs/runner.ts', 'const now = new Date()', /the clock/],
    ['console', 'keeper/chain/sender.ts', "console.log('x')", /console/],
    ['setInterval', 'keeper/payouts/payout.ts', 'setInterval(work, 10)', /setInterval/],
    ['throw new Error', 'keeper/cli.ts', "throw new Error('x')", /throw new Error/],
    [
      'SQL that touches the table of another room',
      'keeper/jobs/jobs.ts',
      'const sql = `select * from tx where id = $1`',
      /touches tx, which chain\/ owns/,
    ],
    [
      'a query builder that does the same',
      'keeper/validators/extract.ts',
      "db.insertInto('tx')",
      /touches tx, which chain\/ owns/,
    ],
    [
      'a migration that alters the table of another room',
      'keeper/store/migrations/0002_jobs.sql',
      '-- owner: jobs\nalter table tx add column x int;',
      /touches tx, which chain\/ owns/,
    ],
    [
      'a migration without an owner',
      'keeper/store/migrations/0002_jobs.sql',
      'create table slot (id int);',
      /does not name its owner/,
    ],
    [
      'a pure file that imports its room',
      'keeper/chain/fees.ts',
      "import { call } from './client.ts'",
      /only base/,
    ],
    [
      'a file among the rules of a program that imports another of its room',
      'keeper/programs/partners/rules/daily.ts',
      "import { read } from '../intake.ts'",
      /only base/,
    ],
    [
      'a pure file that imports a package',
      'keeper/chain/send-state.ts',
      "import { ethers } from 'ethers'",
      /only base/,
    ],
  ]

  for (const [rule, path, text, fault] of BAD) {
    it(`refuses ${rule}`, () => {
      const faults = check(path, text)

      expect(faults).to.have.length.greaterThan(0)
      expect(faults.join('\n')).to.match(fault)
    })
  }

  const GOOD: readonly [what: string, path: string, text: string][] = [
    ['an import downwards', 'keeper/chain/sender.ts', "import { begin } from '../store/db.ts'"],
    [
      'commands that import each other',
      'keeper/cli.ts',
      "import { demo } from './commands/demo.ts'",
    ],
    ['the settings read by the keeper', 'keeper/keeper.ts', "import { x } from './config.ts'"],
    [
      'contract types in chain/',
      'keeper/chain/contracts.ts',
      "import type { X } from '../../types/ethers-contracts/X.ts'",
    ],
    ['SQL on a table of the room', 'keeper/chain/journal.ts', 'const sql = `update tx set x = 1`'],
    [
      'a forbidden word in a comment',
      'keeper/jobs/due.ts',
      '// not Date.now(): now is an argument',
    ],
    ['a URL in a string', 'keeper/base/log.ts', "const url = 'https://a' // console.log"],
    [
      'a pure file that imports a pure file of its room',
      'keeper/chain/send-state.ts',
      "import { bump } from './fees.ts'",
    ],
  ]

  for (const [what, path, text] of GOOD) {
    it(`accepts ${what}`, () => {
      expect(check(path, text)).to.deep.equal([])
    })
  }
})
