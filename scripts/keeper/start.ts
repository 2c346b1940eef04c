// From the start of a real keeper process whose journal has an unfinished transaction to its first broadcast.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Wallet } from 'ethers'
import { systemClock } from '../../keeper/base/time.ts'
import { startFaultProxy } from '../../test/helpers/fault-proxy.ts'
import { KEYS } from '../../test/helpers/deploy.ts'
import { createWorld, makeMembers, pushCycle, withKeeper } from '../../test/helpers/muster.ts'
import type { World } from '../../test/helpers/muster.ts'
import type { Measurement } from './measure.ts'
import { quantile, rounded } from './measure.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const MEMBERS = 25
const RUNS = 5
const GOAL_SECONDS = 2
const LIMIT_MS = 30_000
const PASSWORD = 'a password of the bench'

/** Keystores as `muster keys new` writes them: opening one is deliberately slow. */
async function writeKeystores(world: World): Promise<Record<string, string>> {
  const dir = join(world.home, 'keys')
  await mkdir(dir, { recursive: true })
  const file = (name: string): string => join(dir, name)
  for (const role of ['keeper', 'reporter'] as const) {
    await writeFile(file(role), await new Wallet(KEYS[role]).encrypt(PASSWORD), { mode: 0o600 })
  }
  await writeFile(file('password'), PASSWORD, { mode: 0o600 })
  return {
    MUSTER_KEEPER_KEYSTORE: file('keeper'),
    MUSTER_REPORTER_KEYSTORE: file('reporter'),
    MUSTER_PASSWORD_FILE: file('password'),
  }
}

export async function measureStart(): Promise<Measurement> {
  const world = await createWorld({ members: makeMembers(MEMBERS), isNodeApart: true })
  const proxy = await startFaultProxy(world.node.url)
  try {
    await withKeeper(world, (keeper) =>
      pushCycle(world, keeper, 1, Array<number>(MEMBERS).fill(24)),
    )
    const env = {
      ...(await writeKeystores(world)),
      MUSTER_RPC_URL: proxy.url,
      MUSTER_HOME: world.home,
      MUSTER_DEPLOYMENTS: join(world.home, 'deployments'),
    }
    await signOnly(world)
    const all: number[] = []
    for (let i = 0; i < RUNS; i += 1) {
      // Nothing reaches the chain, so that each run finds the same unfinished transaction.
      proxy.fail({ kind: 'hang' }, { method: 'eth_sendRawTransaction' })
      proxy.forget()
      all.push(await untilBroadcast(env, () => proxy.countOf('eth_sendRawTransaction') > 0))
      proxy.heal()
    }
    const seconds = all.map((ms) => ms / 1_000)
    return {
      name: 'start to the first correct action, p50',
      unit: 's',
      goal: GOAL_SECONDS,
      found: rounded(quantile(seconds, 0.5)),
      details: { runs: seconds.map((one) => rounded(one)), store: 'PGlite', keystores: 2 },
    }
  } finally {
    await proxy.close()
    await world.close()
  }
}

/** An extract that is signed and stored, and was never broadcast. */
async function signOnly(world: World): Promise<void> {
  const json = JSON.stringify({ rpcUrl: world.node.url, home: world.home, dieAt: 'signed-stored' })
  const child = spawn(process.execPath, [join(ROOT, 'test/helpers/day-child.ts'), json])
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error('the keeper did not die where it was told to')
}

async function untilBroadcast(
  env: Record<string, string>,
  isThere: () => boolean,
): Promise<number> {
  const startMs = performance.now()
  const flags = ['--disable-warning=ExperimentalWarning', join(ROOT, 'keeper/cli.ts'), 'keeper']
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [...flags, ...extraFlags()], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said: string[] = []
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  const ended = once(child, 'exit')
  try {
    while (!isThere()) {
      const isLate = performance.now() - startMs > LIMIT_MS
      if (isLate || child.exitCode !== null) throw new Error(`no broadcast:\n${said.join('')}`)
      await systemClock.sleep(2)
    }
    return performance.now() - startMs
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

function extraFlags(): string[] {
  return []
}
