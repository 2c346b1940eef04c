// An intake as `muster intake` runs it, by a clock that it is given, and with its handling times measured.
//   node intake-child.ts '{"rpcUrl", "home", "databaseUrl", …}'       the rest over the channel: IntakeCommand
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { RecordableHistogram } from 'node:perf_hooks'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { startIntakeService } from '../../keeper/api/intake/service.ts'
import { logAlerts } from '../../keeper/base/alerts.ts'
import { createLogger } from '../../keeper/base/log.ts'
import { scaledClock, startOfHour, systemClock } from '../../keeper/base/time.ts'
import type { Hour } from '../../keeper/base/time.ts'
import { loadConfig } from '../../keeper/config.ts'
import { isOnline } from '../../keeper/heartbeat/hour-rule.ts'
import { readClosedHour } from '../../keeper/heartbeat/tally/closed-hours.ts'
import { closeKeeper, openKeeper } from '../../keeper/keeper.ts'
import { pushHours } from '../../keeper/validators/push-hours.ts'
import { moveChainTo } from '../../keeper/validators/replay.ts'
import { testDeps } from '../../test/helpers/muster.ts'
import { rounded } from '../keeper/measure.ts'
import type { ClosedFigures, IntakeCommand, IntakeFigures, IntakeOrder } from './intake.ts'
import { latencyOf, recordSince } from './latency.ts'

const order = JSON.parse(process.argv[2] ?? '{}') as IntakeOrder
const log = createLogger({ level: 'info', file: order.logFile })
const clock = scaledClock(order.clock)
const { rpcUrl, home, databaseUrl, settings } = order
const place = { rpcUrl, home, databaseUrl, deploymentsDir: join(home, 'deployments') }
const config = loadConfig({}, { ...place, ...settings })
const STANDBY_MS = 100

const handling = createHistogram()
timeMessages(handling)
const loop = monitorEventLoopDelay({ resolution: 1 })
loop.enable()
let since = { cpu: process.cpuUsage(), atMs: performance.now() }
let maxRss = 0

const keeper = await openKeeper(config, {
  ...testDeps(),
  log,
  clock,
  roles: ['reporter'],
  // The one before was killed: its connection to the database is gone, and so is its lease.
  standBy: () => systemClock.sleep(STANDBY_MS),
})
const alerts = logAlerts(log)
const service = await startIntakeService(keeper, { alerts, clock, paceFactor: order.clock.factor })
process.on('message', (command: IntakeCommand) => void obey(command))
const watching = setInterval(watchMemory, 100)
process.send?.({ type: 'ready', url: service.url })

/** From a frame's arrival in the process to its answer in the socket, as the library hands it over. */
function timeMessages(histogram: RecordableHistogram): void {
  const emit = WebSocket.prototype.emit
  WebSocket.prototype.emit = function (this: WebSocket, event, ...given): boolean {
    if (event !== 'message') return emit.call(this, event, ...given)
    const startMs = performance.now()
    const isHeard = emit.call(this, event, ...given)
    recordSince(histogram, startMs)
    return isHeard
  }
}

async function obey(command: IntakeCommand): Promise<void> {
  if (command.type === 'reset') return reset()
  if (command.type === 'figures') return void process.send?.({ type: 'figures', ...figures() })
  if (command.type === 'close') {
    return void process.send?.({ type: 'closed', ...(await close(command.hour)) })
  }
  clearInterval(watching)
  await service.close()
  await closeKeeper(keeper)
  process.disconnect()
}

function reset(): void {
  handling.reset()
  loop.reset()
  since = { cpu: process.cpuUsage(), atMs: performance.now() }
  maxRss = 0
  watchMemory()
}

function watchMemory(): void {
  maxRss = Math.max(maxRss, process.memoryUsage.rss())
}

const NS_PER_MS = 1e6
const BYTES_PER_MB = 1e6

function figures(): IntakeFigures {
  const { user, system } = process.cpuUsage(since.cpu)
  const passedMs = performance.now() - since.atMs
  return {
    nodes: service.figures().nodes,
    handling: latencyOf(handling),
    loopDelayP99: rounded(loop.percentile(99) / NS_PER_MS, 2),
    loopDelayMax: rounded(loop.max / NS_PER_MS, 2),
    cpuShare: rounded((user + system) / 1_000 / passedMs, 3),
    rssMB: rounded(maxRss / BYTES_PER_MB, 0),
    lastFlushMs: service.tally.figures().lastFlushMs,
  }
}

const CLOSE_LIMIT_MS = 60_000

/** Waits for the end of the hour, then measures: until it is closed, and until it is on the chain. */
async function close(hour: Hour): Promise<ClosedFigures> {
  const dueMs = startOfHour(hour + 1) * 1_000 + config.intakeGraceMs
  while (clock.nowMs() < dueMs) await clock.sleep(dueMs - clock.nowMs())
  const startMs = performance.now()
  let nodes = await service.evidence.nodesIn(hour)
  while (nodes === undefined && performance.now() - startMs < CLOSE_LIMIT_MS) {
    await systemClock.sleep(5)
    nodes = await service.evidence.nodesIn(hour)
  }
  const closedMs = performance.now() - startMs
  const signedMs = await untilSigned(hour, startMs)
  await moveChainTo(keeper, startOfHour(hour + 1))
  const { evidence } = service
  const pushStartMs = performance.now()
  const { pushed } = await pushHours(keeper, 1, { job: 'bench', trigger: 'manual', evidence })
  const pushedMs = performance.now() - pushStartMs
  const closed = await readClosedHour(keeper.db, hour)
  return {
    closedMs: rounded(closedMs, 0),
    signedMs: rounded(signedMs, 0),
    pushedMs: rounded(pushedMs, 0),
    storeMs: service.tally.figures().lastCloseMs,
    rows: closed?.rows.length ?? 0,
    expected: closed?.expected ?? 0,
    online:
      closed?.rows.filter(({ seen }) => isOnline(seen, closed.expected, service.tally.rule))
        .length ?? 0,
    least: Math.min(...(closed?.rows ?? []).map(({ seen }) => seen)),
    onChain: pushed.find((one) => one.hour === hour)?.online ?? 0,
  }
}

/** The tree of receipts is made and its root signed beside the push. */
async function untilSigned(hour: Hour, startMs: number): Promise<number> {
  const sql = 'select 1 from tally_hour where hour = $1 and signature is not null'
  while (performance.now() - startMs < CLOSE_LIMIT_MS) {
    if ((await keeper.db.query(sql, [hour])).length > 0) break
    await systemClock.sleep(20)
  }
  return performance.now() - startMs
}
