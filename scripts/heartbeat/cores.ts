// The intake is measured on one core of its own; whatever makes the load stays on the others.
import { cpus } from 'node:os'
import { spawnSync } from 'node:child_process'
import type { ForkOptions } from 'node:child_process'

// util-linux; where it is missing the processes share the cores, and the result says so.
export const isPinned = cpus().length > 1 && spawnSync('taskset', ['--version']).status === 0

const INTAKE_CORE = '0'
const OTHER_CORES = cpus().length > 2 ? `1-${cpus().length - 1}` : '1'

/** For fork: through taskset, on the intake's core or on the others. */
export function pinned(who: 'intake' | 'others', flags: string[] = []): ForkOptions {
  const nodeFlags = ['--disable-warning=ExperimentalWarning', ...flags]
  if (!isPinned) return { execArgv: nodeFlags }
  const core = who === 'intake' ? INTAKE_CORE : OTHER_CORES
  return { execPath: 'taskset', execArgv: ['-c', core, process.execPath, ...nodeFlags] }
}
