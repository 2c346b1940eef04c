import { createHash } from 'node:crypto'
import { mkdir, open, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getAddress } from 'ethers'
import { z } from 'zod'
import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import { canonicalJson } from '../../base/json.ts'
import { addressSchema, parseWith } from '../../base/schema.ts'
import type { Hex } from '../../base/schema.ts'
import type { ClaimsHome } from './leaf.ts'
import { MAX_LEAVES, buildTree } from './tree.ts'
import type { ClaimsTree } from './tree.ts'

/** The bytes that are published, and what RootSubmitted says of them. */
export interface TreeFile {
  text: string
  /** SHA-256. */
  fileHash: Hex
}

/** What a reader knows from elsewhere, best from the chain; what is missing here is not checked. */
export interface Expected {
  home?: ClaimsHome
  root?: Hex
  fileHash?: Hex
}

const FORMAT = 'muster-claims-1'
// [address, amount]: 42 and 29 characters at most, with quotes, comma and brackets; and the head.
const MAX_BYTES_OF_LEAF = 80
const MAX_BYTES_OF_HEAD = 1_000
const MAX_FILE_BYTES = MAX_LEAVES * MAX_BYTES_OF_LEAF + MAX_BYTES_OF_HEAD
// A uint32 in the contract.
const MAX_PROGRAM = 2 ** 32 - 1

const amount = z
  .string()
  .regex(/^[1-9]\d{0,28}$/, 'not an amount')
  .transform(BigInt)

const fileSchema = z
  .object({
    format: z.literal(FORMAT),
    chainId: z.number().int().positive(),
    contract: addressSchema,
    program: z.number().int().min(0).max(MAX_PROGRAM),
    root: z.string(),
    total: z.string(),
    leaves: z.array(z.tuple([addressSchema, amount])).max(MAX_LEAVES),
  })
  .strict()

export function fileOfTree({ home, leaves, root, total }: ClaimsTree): TreeFile {
  const rows = leaves.map(({ account, cumulative }) => [getAddress(account), cumulative])
  const text = `${canonicalJson({ format: FORMAT, ...home, root, total, leaves: rows })}\n`
  return { text, fileHash: hashOf(text) }
}

function hashOf(bytes: string | Buffer): Hex {
  return `0x${createHash('sha256').update(bytes).digest('hex')}`
}

export function treePath(dir: string, { chainId, program }: ClaimsHome, root: Hex): string {
  return join(dir, `claims-${chainId}-${program}-${root}.json`)
}

/** Named by its root; written whole or not at all. */
export async function writeTreeFile(
  dir: string,
  tree: ClaimsTree,
  file: TreeFile = fileOfTree(tree),
): Promise<TreeFile & { path: string }> {
  const path = treePath(dir, tree.home, tree.root)
  await mkdir(dir, { recursive: true })
  await writeFile(`${path}.new`, file.text, { flush: true })
  await rename(`${path}.new`, path)
  return { ...file, path }
}

/** Nothing in it is believed: the tree is built again from its leaves and must give the same bytes. */
export function parseTree(bytes: Buffer, name: string, expected: Expected = {}): ClaimsTree {
  try {
    return checkedTree(bytes, expected)
  } catch (error) {
    const faults = isKeeperError(error) ? error.facts['faults'] : [messageOf(error)]
    throw new KeeperError('CLAIMS_FILE_INVALID', { file: name, faults }, error)
  }
}

function checkedTree(bytes: Buffer, expected: Expected): ClaimsTree {
  // A SyntaxError of JSON.parse would quote what it found: any file of this machine.
  const said = parseWith(fileSchema, jsonOf(bytes), 'claims file')
  const { chainId, contract, program } = said
  const leaves = said.leaves.map(([account, cumulative]) => ({ account, cumulative }))
  const tree = buildTree({ chainId, contract, program }, leaves)
  const file = fileOfTree(tree)
  const home = expected.home ?? tree.home
  const rules: [isGood: boolean, fault: string][] = [
    [said.root === tree.root, `root: its leaves make ${tree.root}`],
    [said.total === tree.total.toString(), `total: its leaves make ${tree.total}`],
    [bytes.equals(Buffer.from(file.text)), 'it is not written as Muster writes it'],
    [home.chainId === chainId, `chainId: not ${home.chainId}`],
    [home.contract === contract, `contract: not ${home.contract}`],
    [home.program === program, `program: not ${home.program}`],
    [(expected.root ?? tree.root) === tree.root, `root: not ${expected.root}`],
    [(expected.fileHash ?? file.fileHash) === file.fileHash, `SHA-256: not ${expected.fileHash}`],
  ]
  const faults = rules.flatMap(([isGood, fault]) => (isGood ? [] : [fault]))
  if (faults.length > 0) throw new KeeperError('CLAIMS_FILE_INVALID', { faults })
  return tree
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    throw new KeeperError('CLAIMS_FILE_INVALID', { faults: ['it is not JSON'] })
  }
}

export async function readTreeFile(path: string, expected: Expected = {}): Promise<ClaimsTree> {
  return parseTree(await readBounded(path), path, expected)
}

/** Never more than a tree can have: it may come from anywhere. */
async function readBounded(path: string): Promise<Buffer> {
  const file = await open(path).catch((error: unknown) => {
    throw new KeeperError('FILE_UNREADABLE', { file: path, reason: messageOf(error) })
  })
  try {
    const { size } = await file.stat()
    if (size > MAX_FILE_BYTES) {
      const faults = [`it has ${size} bytes, more than ${MAX_FILE_BYTES}`]
      throw new KeeperError('CLAIMS_FILE_INVALID', { file: path, faults })
    }
    return await file.readFile()
  } finally {
    await file.close()
  }
}
