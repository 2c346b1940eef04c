import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '../base/log.ts'
import { loadConfig } from '../config.ts'
import type { SettingKey } from '../config.ts'
import type { Run } from './command.ts'
import type { ChainProcess } from './demo-chain.ts'
import { startChainProcess } from './demo-chain.ts'
import { DEMO_CUT } from './demo-day.ts'
import { showProgress } from './progress.ts'

/** A throw-away chain and store, and the settings that point at them. */
export interface Stage {
  run: Run
  dir: string
  chain: ChainProcess
}

export interface Kept {
  url: string
  dir: string
  pid: number
}

// The chain starts a few hours before the cycle opens: time to deploy and register.
const HEAD_START = 4 * 3_600

/** What is played on it decides whether it stays; after a failure, and without being asked to, it goes. */
export async function onStage<T>(
  run: Run,
  settings: Partial<Record<SettingKey, string>>,
  play: (stage: Stage, keep: () => Kept) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'muster-demo-'))
  run.note(`A throw-away chain and store in ${dir}`)
  const chain = await startChainProcess(dir, DEMO_CUT - HEAD_START, run.clock)
  let isKept = false
  const keep = (): Kept => {
    isKept = true
    return { url: chain.url, dir, pid: chain.pid }
  }
  try {
    return await play({ run: stageRun(run, dir, chain.url, settings), dir, chain }, keep)
  } finally {
    if (!isKept) {
      await chain.stop()
      await rm(dir, { recursive: true, force: true })
    }
  }
}

/** Nothing of the caller's environment: neither its database nor its keys. */
function stageRun(
  run: Run,
  dir: string,
  rpcUrl: string,
  settings: Partial<Record<SettingKey, string>>,
): Run {
  const place = { home: dir, deploymentsDir: join(dir, 'deployments'), rpcUrl }
  return { ...run, config: loadConfig({}, { ...place, ...settings }), log: silentLogger }
}

export function secondsSince({ clock }: Run, startedAt: number): number {
  return Math.round((clock.nowMs() - startedAt) / 100) / 10
}

export async function timed<T>(
  run: Run,
  label: string,
  work: (update: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const progress = showProgress(label, run.clock)
  try {
    return await work((done, total) => progress.update(done, total))
  } finally {
    progress.stop()
  }
}
