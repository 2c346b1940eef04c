import type { Endpoint } from './endpoint.ts'
import type { PoolTime } from './pool-time.ts'
import type { Voice } from './quorum.ts'

export interface CollectRule {
  /** Nothing that can still come changes what these say. */
  isEnough?(voices: readonly Voice[]): boolean
  /** How much longer to wait for the silent ones; undefined: until their deadline. */
  graceMs?(voices: readonly Voice[]): number | undefined
}

/** Asks all at once. Whoever is late is heard by its circuit, no longer by the one who asked. */
export function collect(
  endpoints: readonly Endpoint[],
  time: PoolTime,
  ask: (endpoint: Endpoint) => Promise<unknown>,
  { isEnough = () => false, graceMs = () => undefined }: CollectRule = {},
): Promise<Voice[]> {
  return new Promise((resolve, reject) => {
    const voices: Voice[] = []
    let overMs = Number.POSITIVE_INFINITY
    let cancel = (): void => {}
    const finish = (): void => {
      cancel()
      resolve([...voices])
    }
    const hear = (voice: Voice): void => {
      voices.push(voice)
      if (voices.length === endpoints.length || isEnough(voices)) return finish()
      const atMs = time.nowMs() + (graceMs(voices) ?? Number.POSITIVE_INFINITY)
      if (atMs >= overMs) return undefined
      overMs = atMs
      cancel()
      cancel = time.after(atMs - time.nowMs(), finish)
      return undefined
    }
    for (const endpoint of endpoints) {
      const { url } = endpoint
      // What a rule throws is told to whoever asks, not to the process.
      ask(endpoint)
        .then(
          (answer) => hear({ url, answer }),
          (error: unknown) => hear({ url, error }),
        )
        .catch(reject)
    }
  })
}
