import { setImmediate as turn } from 'node:timers/promises'

/** Made-up time: it jumps to the next timer, and only when everybody waits. */
export interface SimTime {
  nowMs(): number
  /** Returns what takes the timer back. */
  after(ms: number, act: () => void): () => void
  /** Work outside our control, as in the store: time stands still until it is done. */
  busy<T>(work: () => Promise<T>): Promise<T>
  /** Fires timers until the condition holds; false when no timer is left or too many fired. */
  run(isOver: () => boolean): Promise<boolean>
  readonly fired: number
}

interface Timer {
  at: number
  order: number
  act: () => void
}

// 2027-01-15: any date does, so long as every run has the same.
const START_MS = 1_800_000_000_000
// A schedule needs a few thousand; one that needs this many is stuck in a loop.
const MAX_TIMERS = 60_000

export function createTime(): SimTime {
  const timers = new Set<Timer>()
  let now = START_MS
  let order = 0
  let working = 0
  let fired = 0
  // One turn of the event loop empties every queue of promises; the store works in promises too.
  const settle = async (): Promise<void> => {
    for (;;) {
      await turn()
      if (working === 0) return
    }
  }
  return {
    nowMs: () => now,
    after: (ms, act) => {
      order += 1
      const timer = { at: now + Math.max(0, ms), order, act }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    busy: async (work) => {
      working += 1
      try {
        return await work()
      } finally {
        working -= 1
      }
    },
    run: async (isOver) => {
      for (;;) {
        await settle()
        if (isOver()) return true
        const next = earliest(timers)
        if (!next || fired >= MAX_TIMERS) return false
        timers.delete(next)
        fired += 1
        now = Math.max(now, next.at)
        next.act()
      }
    },
    get fired() {
      return fired
    },
  }
}

/** A few dozen at a time: looking at all of them costs less than keeping them in order. */
function earliest(timers: Set<Timer>): Timer | undefined {
  let first: Timer | undefined
  for (const timer of timers) {
    const isEarlier = !first || timer.at < first.at
    if (isEarlier || (timer.at === first?.at && timer.order < first.order)) first = timer
  }
  return first
}
