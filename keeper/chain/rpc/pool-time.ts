import { performance } from 'node:perf_hooks'

/** Time for waits between machines: it never jumps. A simulation gives its own. */
export interface PoolTime {
  nowMs(): number
  /** Returns what takes the timer back. */
  after(ms: number, act: () => void): () => void
}

export const steadyTime: PoolTime = {
  nowMs: () => performance.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  },
}
