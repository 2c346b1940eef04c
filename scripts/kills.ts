// `npm run kills -- --count 200 --seed 1`: real processes killed by SIGKILL at random labelled steps of the
// demo's whole day, until so many have died. Each day that was killed through ends with the chain state and
// the books of a day without a kill, and `muster verify` finds nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { NonceManager } from 'ethers'
import type { Address } from '../keeper/base/schema.ts'
import { DEMO_CUT, demoRoster, deployRefuser } from '../keeper/commands/demo-day.ts'
import { readBeats } from '../keeper/heartbeat/beats.ts'
import { readStatus } from '../keeper/validators/status.ts'
import { runCli } from '../test/helpers/cli.ts'
import { createWorld } from '../test/helpers/muster.ts'
import type { World } from '../test/helpers/muster.ts'
import type { ReplayOrder } from '../test/helpers/replay-child.ts'
import { randomOf } from '../test/sim/random.ts'
import type { Random } from '../test/sim/random.ts'

const ROOT = resolve(import.meta.dirname, '..')
const DATA = join(ROOT, 'data/validators_beats_a.csv.gz')
const CHILD = join(ROOT, 'test/helpers/replay-child.ts')
const ETHER = 10n ** 18n
const FUNDED = 1_000n * ETHER
const CAP = 100n * ETHER
const BATCH_SIZE = 10
// A day has some 700 labelled steps: a process lives for 30 of them on average, and a day for 20 processes.
const MOST_STEPS = 60

const { values } = parseArgs({
  options: { count: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
})
const goal = Number(values.count)
const random = randomOf(Number(values.seed))

const { world, payees } = await createDemoWorld()
const template = await mkdtemp(join(tmpdir(), 'muster-kills-'))
const deaths = new Map<string, number>()
let [killed, days, faults] = [0, 0, 0]
try {
  await cp(world.home, template, { recursive: true })
  let snapshot = await world.node.request<string>('evm_snapshot')
  const expected = await playDay(undefined)
  while (killed < goal) {
    await world.node.request('evm_revert', [snapshot])
    snapshot = await world.node.request<string>('evm_snapshot')
    await rm(world.home, { recursive: true, force: true })
    await cp(template, world.home, { recursive: true })
    const found = await playDay(random)
    days += 1
    killed += found.kills
    const isSame = found.books === expected.books
    const isVerified = found.verified === 0
    if (!isSame || !isVerified) faults += 1
    const verdict = isSame ? 'the same books' : `OTHER BOOKS\n${expected.books}\n${found.books}`
    console.log(`day ${days}: ${found.kills} kills, ${verdict}, verify ${found.verified}`)
  }
} finally {
  await world.close()
  await rm(template, { recursive: true, force: true })
}
for (const [label, count] of deaths) console.log(`  killed at ${label}: ${count}`)
console.log(`${killed} kills in ${days} days, ${faults} days with a fault (seed ${values.seed})`)
process.exit(faults === 0 ? 0 : 1)

/** The demo's chain, contracts, 900 validators and money, before the first hour. */
async function createDemoWorld(): Promise<{ world: World; payees: Address[] }> {
  const beats = await readBeats(DATA)
  const made = await createWorld({
    members: [],
    pool: FUNDED,
    batchSize: BATCH_SIZE,
    firstCut: DEMO_CUT,
    terms: { cap: CAP },
    isNodeApart: true,
  })
  const { address } = await deployRefuser(made.node.client)
  // The refuser came from the same key behind its back.
  if (made.muster.admin instanceof NonceManager) made.muster.admin.reset()
  const { rows } = demoRoster(beats, address)
  await made.muster.addMembers(rows)
  return { world: made, payees: [...new Set(rows.map(({ fund }) => fund))] }
}

interface Played {
  kills: number
  /** Chain state and books as text: who has what, what the contract says, how many nonces were used. */
  books: string
  /** Exit code of `muster verify`. */
  verified: number
}

async function playDay(chance: Random | undefined): Promise<Played> {
  let kills = 0
  for (;;) {
    const killAfter = chance === undefined ? 0 : chance.between(1, MOST_STEPS)
    const label = await runChild(killAfter)
    if (label === 'done') break
    kills += 1
    deaths.set(label, (deaths.get(label) ?? 0) + 1)
  }
  const { home, node } = world
  const env = {
    MUSTER_HOME: home,
    MUSTER_RPC_URL: node.url,
    MUSTER_DEPLOYMENTS: join(home, 'deployments'),
  }
  const { code, stdout, stderr } = await runCli(['verify', '--json'], env)
  if (code !== 0) console.log(stdout, stderr)
  return { kills, books: await booksOf(), verified: code }
}

/** Its last line: the label at which it died, or `done`. */
async function runChild(killAfter: number): Promise<string> {
  const order: ReplayOrder = {
    rpcUrl: world.node.url,
    home: world.home,
    data: DATA,
    batchSize: BATCH_SIZE,
    killAfter,
  }
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)])
  const said: string[] = []
  const faults: string[] = []
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => faults.push(chunk.toString()))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(faults.join(''))
  return said.join('').trim().split('\n').at(-1) ?? ''
}

async function booksOf(): Promise<string> {
  const { client } = world.node
  const { deployment } = world.muster
  const balances: bigint[] = []
  for (const payee of payees) balances.push(await client.balanceOf(payee))
  const { books, isConserved } = await readStatus({ client, contracts: world.muster })
  const nonces = [
    await client.nonceOf(deployment.keeper),
    await client.nonceOf(deployment.reporter),
  ]
  const parts = { isConserved, books, nonces, balances }
  return JSON.stringify(parts, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}
