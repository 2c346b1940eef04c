import type { OnProgress } from './read-events.ts'

// Requests under way at once: more only fills a node's queue or its provider's rate limit.
const REQUESTS_AT_ONCE = 16

/** Asks for every item, some at a time. */
export async function inParallel<T>(
  items: readonly T[],
  onProgress: OnProgress,
  phase: string,
  ask: (item: T) => Promise<void>,
): Promise<void> {
  for (let done = 0; done < items.length; done += REQUESTS_AT_ONCE) {
    const some = items.slice(done, done + REQUESTS_AT_ONCE)
    await Promise.all(some.map(ask))
    onProgress(phase, done + some.length, items.length)
  }
}
