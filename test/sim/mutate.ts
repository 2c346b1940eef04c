import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Mutant, Patch } from './mutants.ts'
import type { Summary } from './sim-seeds.ts'

const ROOT = resolve(import.meta.dirname, '..', '..')
// What a run of the simulation reads. The rest comes by links, because nothing changes there.
const COPIED = ['keeper', 'test/sim', 'scripts/sim.ts', 'package.json']
const LINKED = ['node_modules', 'types', 'artifacts']
// Half a minute is usual for a mutant that is hard to catch.
const TIMEOUT_MS = 10 * 60_000
const MAX_OUTPUT = 16 * 1024 * 1024

export interface Caught {
  seed: number
  what: string
}

/** Undefined: so many seeds have not noticed. The keeper itself is never touched: a copy is. */
export async function catchMutant(mutant: Mutant, seeds: number): Promise<Caught | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'muster-mutant-'))
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(dir, path), { recursive: true })
    for (const path of LINKED) await symlink(join(ROOT, path), join(dir, path))
    for (const patch of mutant.patches) await apply(dir, mutant.name, patch)
    const { firstFailed } = await simulate(dir, seeds)
    return firstFailed
  } finally {
    await rm(dir, { recursive: true })
  }
}

/** Fails loudly when the safeguard has moved: a mutant that changes nothing would count as a proof. */
async function apply(dir: string, name: string, { file, find, replace }: Patch): Promise<void> {
  const path = join(dir, file)
  const text = await readFile(path, 'utf8')
  const found = text.split(find).length - 1
  if (found !== 1) throw new Error(`mutant "${name}": its text is ${found} times in ${file}`)
  await writeFile(
    path,
    text.replace(find, () => replace),
  )
}

async function simulate(dir: string, seeds: number): Promise<Summary> {
  const args = ['scripts/sim.ts', '--seeds', String(seeds), '--jobs', '1', '--stop-early', '--json']
  const options = { cwd: dir, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT }
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, options)
    return parse(stdout)
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    if (!stdout) throw new Error(`the mutant did not run: ${stderr ?? ''}`, { cause: error })
    return parse(stdout)
  }
}

function parse(stdout: string): Summary {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Summary
}
