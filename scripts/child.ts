// A Node process whose output is kept: what it writes is shown when its caller says so.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

export interface Child {
  /** Its exit code; 1 when a signal ended it. */
  ended: Promise<number>
  /** What it and its children have written to stdout and stderr so far. */
  output(): string
  stop(signal: NodeJS.Signals): void
}

export interface ChildOptions {
  cwd: string
  /** Shown while it is written, too. */
  isShown: boolean
  env?: NodeJS.ProcessEnv
}

export function startChild(args: string[], { cwd, isShown, env }: ChildOptions): Child {
  const colour = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1' } : {}
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...colour, ...env },
  })
  const chunks: Buffer[] = []
  const keep = (stream: NodeJS.ReadableStream, shown: NodeJS.WritableStream): void => {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (isShown) shown.write(chunk)
    })
  }
  keep(child.stdout, process.stdout)
  keep(child.stderr, process.stderr)
  return {
    ended: endOf(child),
    output: () => Buffer.concat(chunks).toString(),
    stop: (signal) => void child.kill(signal),
  }
}

async function endOf(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'close')) as [number | null]
  return code ?? 1
}
