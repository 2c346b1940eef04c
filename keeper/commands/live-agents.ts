import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { systemClock } from '../base/time.ts'

/** Validator agents as their owners start them: `muster beat` in a process of its own, each. */
export interface Agents {
  start(name: string): void
  /** SIGKILL: nothing is said or written any more. */
  kill(name: string): void
  isRunning(name: string): boolean
  /** Resolves when all are gone, whatever state they were in. */
  stop(): Promise<void>
}

export interface AgentSpec {
  name: string
  keystore: string
  /** Its home and its log, whatever number of processes it takes to live through the day. */
  dir: string
}

export interface AgentsOptions {
  intakes: readonly string[]
  passwordFile: string
  /** Nothing of the caller's environment comes along by itself. */
  env?: Readonly<Record<string, string>>
}

// An agent stops within milliseconds; whoever does not is not waited for.
const STOP_MS = 3_000
const CLI = resolve(import.meta.dirname, '../cli.ts')

export function openAgents(specs: readonly AgentSpec[], options: AgentsOptions): Agents {
  const running = new Map<string, ChildProcess>()
  const endAll = (signal: NodeJS.Signals): void => running.forEach((child) => child.kill(signal))
  // Whatever ends this process, its children do not outlive it.
  const onExit = (): void => endAll('SIGKILL')
  process.on('exit', onExit)
  return {
    start: (name) => {
      const spec = specs.find((each) => each.name === name)
      if (spec === undefined || running.has(name)) return
      const child = spawnAgent(spec, options)
      running.set(name, child)
      child.once('exit', () => {
        if (running.get(name) === child) running.delete(name)
      })
    },
    kill: (name) => {
      running.get(name)?.kill('SIGKILL')
    },
    isRunning: (name) => running.has(name),
    stop: async () => {
      const ends = [...running.values()].map((child) => once(child, 'exit'))
      endAll('SIGTERM')
      const late = new AbortController()
      const patience = systemClock.sleep(STOP_MS, late.signal).then(() => endAll('SIGKILL'))
      await Promise.all(ends)
      late.abort()
      await patience.catch(() => {})
      process.off('exit', onExit)
    },
  }
}

function spawnAgent({ keystore, dir }: AgentSpec, given: AgentsOptions): ChildProcess {
  const { intakes, passwordFile, env = {} } = given
  const flags = ['--disable-warning=ExperimentalWarning', CLI, 'beat', '--json']
  const args = ['--key', keystore, '--intake', intakes.join(','), '--home', dir]
  const output = openSync(join(dir, 'agent.log'), 'a')
  const child = spawn(process.execPath, [...flags, ...args], {
    env: { ...env, MUSTER_PASSWORD_FILE: passwordFile },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  // Not started at all, say for want of memory: then it does not beat, and the day shows it.
  child.on('error', () => {})
  return child
}
