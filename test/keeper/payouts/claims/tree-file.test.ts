import { expect } from 'chai'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getAddress, toBeHex } from 'ethers'
import type { Address } from '../../../../keeper/base/schema.ts'
import { buildTree } from '../../../../keeper/payouts/claims/tree.ts'
import {
  fileOfTree,
  parseTree,
  readTreeFile,
  writeTreeFile,
} from '../../../../keeper/payouts/claims/tree-file.ts'
import type { Expected } from '../../../../keeper/payouts/claims/tree-file.ts'
import { codeOf, rejectionOf } from '../../../helpers/errors.ts'

const HOME = {
  chainId: 31_337,
  contract: getAddress(`0x${'c1'.repeat(20)}`) as Address,
  program: 1,
}
const leaves = [1n, 2n, 3n].map((number) => ({
  account: getAddress(toBeHex((0x5000n << 144n) | number, 20)) as Address,
  cumulative: number * 10n ** 18n,
}))
const tree = buildTree(HOME, leaves)
const file = fileOfTree(tree)

describe('a published claims file', () => {
  let dir: string

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'claims-'))
  })

  after(() => rm(dir, { recursive: true }))

  it('reads back as the same tree, and its hash is the SHA-256 of its bytes', async () => {
    const { path, fileHash } = await writeTreeFile(dir, tree)

    const bytes = await readFile(path)
    expect(fileHash).to.equal(`0x${createHash('sha256').update(bytes).digest('hex')}`)
    const read = await readTreeFile(path, { home: HOME, root: tree.root, fileHash })
    expect(read.root).to.equal(tree.root)
    expect(read.leaves).to.deep.equal(tree.leaves)
    expect(read.total).to.equal(6n * 10n ** 18n)
  })

  const changes: [what: string, change: (text: string) => string][] = [
    [
      'an amount is changed',
      (text) => text.replace('"1000000000000000000"', '"2000000000000000000"'),
    ],
    ['the root is changed', (text) => text.replace(tree.root, `0x${'1'.repeat(64)}`)],
    ['the total is changed', (text) => text.replace('"6000', '"7000')],
    ['a leaf is taken out', (text) => text.replace(/\[\["0x\w+","\d+"\],/, '[')],
    [
      'two leaves change places',
      (text) => text.replace(/(\["0x\w+","\d+"\]),(\["0x\w+","\d+"\])/, '$2,$1'),
    ],
    ['it is written in another way', (text) => `${JSON.stringify(JSON.parse(text), null, 1)}\n`],
    ['it says more', (text) => text.replace('{', '{"note":"hello",')],
    ['it ends early', (text) => text.slice(0, -20)],
    ['it is no object', () => '[]'],
  ]
  for (const [what, change] of changes) {
    it(`is refused when ${what}`, () => {
      const changed = change(file.text)

      expect(changed).not.to.equal(file.text)
      expect(codeOf(() => parseTree(Buffer.from(changed), 'file'))).to.equal('CLAIMS_FILE_INVALID')
    })
  }

  const others: [what: string, expected: Expected][] = [
    ['another root', { root: `0x${'1'.repeat(64)}` }],
    ['another file', { fileHash: `0x${'1'.repeat(64)}` }],
    ['another chain', { home: { ...HOME, chainId: 1 } }],
    ['another contract', { home: { ...HOME, contract: leaves[0]?.account ?? HOME.contract } }],
    ['another program', { home: { ...HOME, program: 2 } }],
  ]
  for (const [what, expected] of others) {
    it(`is refused where ${what} is expected`, () => {
      const parse = () => parseTree(Buffer.from(file.text), 'file', expected)

      expect(codeOf(parse)).to.equal('CLAIMS_FILE_INVALID')
    })
  }

  it('is refused unread when it is larger than any tree, and said to be missing when it is', async () => {
    const path = join(dir, 'huge.json')
    await writeFile(path, '')
    await truncate(path, 100_000_000)

    expect((await rejectionOf(readTreeFile(path))).code).to.equal('CLAIMS_FILE_INVALID')
    expect((await rejectionOf(readTreeFile(join(dir, 'none')))).code).to.equal('FILE_UNREADABLE')
  })
})
