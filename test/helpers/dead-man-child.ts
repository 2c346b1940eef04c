// `muster dead-man` in a process of its own, whose clock is ahead like that of the keeper it watches.
//   node dead-man-child.ts '{"aheadSeconds", "file", "grace", "url"?, "zone"?, "dailyTime"?}'
import { toJson } from '../../keeper/base/json.ts'
import { silentLogger } from '../../keeper/base/log.ts'
import { deadManCommand } from '../../keeper/commands/dead-man.ts'
import { printError } from '../../keeper/commands/command.ts'
import { loadConfig } from '../../keeper/config.ts'
import { clockAhead } from './watched-child.ts'

export interface DeadManOrder {
  aheadSeconds: number
  file: string
  grace: string
  url?: string
}

const { aheadSeconds, ...options } = JSON.parse(process.argv[2] ?? '{}') as DeadManOrder
const signal = new AbortController().signal
try {
  const report = await deadManCommand(
    {
      config: loadConfig({}),
      clock: clockAhead(aheadSeconds),
      log: silentLogger,
      json: true,
      signal,
      note: () => {},
    },
    options,
  )
  process.stdout.write(`${toJson(report.json)}\n`)
} catch (error) {
  printError(error, true)
}
