import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { KeeperError } from '../base/errors.ts'
import type { Metrics } from '../base/metrics.ts'
import { systemClock } from '../base/time.ts'
import { shared } from './deadline.ts'
import { SAMPLE_MIN_AGE_MS, gaugeReader } from './gauges.ts'
import type { Sampled } from './gauges.ts'
import { readLastSuccess } from './last-success.ts'
import { readReadiness } from './readiness.ts'

export interface OpsOptions extends Sampled {
  metrics: Metrics
  successFile: string
}

// A probe every few seconds from several monitors costs one look at store and endpoints.
const READY_MIN_AGE_MS = 1_000
// The loop's own timer measures every 20 ms. On average a second late means that hardly anything runs;
// one long step (opening the store, a page of 100,000 validators) does not move the mean of a minute so far.
const LOOP_RESOLUTION_MS = 20
const MAX_MEAN_DELAY_MS = 1_000
const LOOP_WINDOW_MS = 60_000
const NANOSECONDS_PER_MS = 1e6

/** What monitors ask. None of it needs a password, and none of it says anything secret. */
export function addOpsRoutes(app: FastifyInstance, options: OpsOptions): void {
  const loop = watchLoop()
  app.addHook('onClose', async () => loop.close())
  app.get('/healthz', async (_request, reply) => {
    const health = loop.read()
    return reply.code(health.alive ? 200 : 503).send(health)
  })
  const readiness = shared(READY_MIN_AGE_MS, () => readReadiness(options))
  app.get('/readyz', async (_request, reply) => {
    const answer = await readiness()
    return reply.code(answer.ready ? 200 : 503).send(answer)
  })
  const sample = shared(SAMPLE_MIN_AGE_MS, gaugeReader(options.metrics, options))
  app.get('/metrics', async (_request, reply) => {
    await sample()
    const page = await options.metrics.text()
    return reply.type(options.metrics.contentType).serializer(String).send(page)
  })
  app.get('/last-success', async () => {
    const last = await readLastSuccess(options.successFile)
    if (!last)
      throw new KeeperError('NOT_READY', { reason: 'no settlement has been completed yet' })
    return last
  })
}

interface LoopWatch {
  read(): { alive: boolean; uptimeSeconds: number; eventLoopDelayMs: number }
  close(): void
}

/** That there is an answer shows that the process runs; how late its timers come shows how well. */
function watchLoop(): LoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  histogram.enable()
  let sinceMs = systemClock.nowMs()
  return {
    read: () => {
      // Without a sample yet the mean is not a number.
      const mean = Math.round((histogram.mean || 0) / NANOSECONDS_PER_MS)
      const eventLoopDelayMs = Math.max(0, mean - LOOP_RESOLUTION_MS)
      if (systemClock.nowMs() - sinceMs > LOOP_WINDOW_MS) {
        histogram.reset()
        sinceMs = systemClock.nowMs()
      }
      const alive = eventLoopDelayMs <= MAX_MEAN_DELAY_MS
      return { alive, uptimeSeconds: Math.round(process.uptime()), eventLoopDelayMs }
    },
    close: () => void histogram.disable(),
  }
}
