import { Presets, SingleBar } from 'cli-progress'
import type { Clock } from '../base/time.ts'

export interface Progress {
  /** Called as often as anything moves; it prints when it is worth a look. */
  update(done: number, total: number): void
  stop(): void
}

// Without a terminal a line this often says that the work goes on.
const LINE_EVERY_MS = 2_000

export interface PhaseProgress {
  update(step: { phase: string; done: number; total: number }): void
  stop(): void
}

/** One bar a phase, one under the other. */
export function showPhases(labels: Readonly<Record<string, string>>, clock: Clock): PhaseProgress {
  let current: { phase: string; progress: Progress } | undefined
  return {
    update: ({ phase, done, total }) => {
      if (current?.phase !== phase) {
        current?.progress.stop()
        current = { phase, progress: showProgress(labels[phase] ?? phase, clock) }
      }
      current.progress.update(done, total)
    },
    stop: () => current?.progress.stop(),
  }
}

/** Of a day: the three kinds of work, in order. */
export const DAY_PHASES = {
  snapshot: 'pushing hours',
  extract: 'extract',
  transfer: 'paying',
} as const

/** On stderr: a bar on a terminal, else a line every two seconds. */
export function showProgress(label: string, clock: Clock): Progress {
  return process.stderr.isTTY ? bar(label) : lines(label, clock)
}

function bar(label: string): Progress {
  const single = new SingleBar(
    {
      format: `${label} {bar} {value}/{total}`,
      hideCursor: true,
      clearOnComplete: false,
      stream: process.stderr,
    },
    Presets.shades_classic,
  )
  let isStarted = false
  return {
    update: (done, total) => {
      if (!isStarted) single.start(total, 0)
      isStarted = true
      single.setTotal(total)
      single.update(done)
    },
    stop: () => {
      if (isStarted) single.stop()
    },
  }
}

function lines(label: string, clock: Clock): Progress {
  let last = clock.nowMs()
  let shown = ''
  const say = (text: string): void => {
    if (text === shown) return
    shown = text
    process.stderr.write(`${text}\n`)
  }
  let latest: string | undefined
  return {
    update: (done, total) => {
      latest = `${label} ${done}/${total}`
      const isDue = done === total || clock.nowMs() - last >= LINE_EVERY_MS
      if (!isDue) return
      last = clock.nowMs()
      say(latest)
    },
    stop: () => {
      if (latest !== undefined) say(latest)
    },
  }
}
