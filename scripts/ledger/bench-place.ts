// A folder of its own for one run of a bench, and a PostgreSQL in it where that is asked for.
import { rmSync } from 'node:fs'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from './server.ts'

export interface BenchPlace {
  dir: string
  /** Or why there is none. */
  server: Awaited<ReturnType<typeof startServer>>
  stop(): void
}

/** Both are gone at the end, also when the bench is interrupted: call `stop`. */
export async function openBenchPlace(
  prefix: string,
  store: string | undefined,
): Promise<BenchPlace> {
  const dir = await mkdtemp(join(tmpdir(), prefix))
  // The server is another user.
  await chmod(dir, 0o755)
  const server = store === 'PGlite' ? 'not asked for' : await startServer(join(dir, 'pg'))
  if (typeof server === 'string') console.log(`PostgreSQL is not measured: ${server}`)
  const stop = (): void => {
    if (typeof server !== 'string') server.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stop()
      process.exit(1)
    })
  }
  return { dir, server, stop }
}
