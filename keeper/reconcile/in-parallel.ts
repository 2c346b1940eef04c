// As many requests at a time do not flood a node.
const REQUESTS_AT_ONCE = 16

/** Asks for every item, some at a time. */
export async function inParallel<T>(
  items: readonly T[],
  ask: (item: T) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < items.length; from += REQUESTS_AT_ONCE) {
    await Promise.all(items.slice(from, from + REQUESTS_AT_ONCE).map(ask))
  }
}
