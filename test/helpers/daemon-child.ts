// The daemon in a process of its own, with the keys of the test chain.
//   node daemon-child.ts '{"rpcUrl", "home", "logFile"}'
import { exitCodeOf } from '../../keeper/base/errors.ts'
import { createLogger } from '../../keeper/base/log.ts'
import { runDaemon } from '../../keeper/main.ts'
import { configOf, testDeps } from './muster.ts'

interface DaemonOrder {
  rpcUrl: string
  home: string
  logFile: string
}

const order = JSON.parse(process.argv[2] ?? '{}') as DaemonOrder
const log = createLogger({ level: 'info', file: order.logFile })
try {
  process.exit(await runDaemon(configOf(order.rpcUrl, order.home, 10), { ...testDeps(), log }))
} catch (error) {
  process.exit(exitCodeOf(error))
}
