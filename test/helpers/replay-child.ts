// The demo's day in a process of its own, killed by SIGKILL after the number of labelled steps it is told.
//   node replay-child.ts '{"rpcUrl", "home", "data", "killAfter"?}'
// The last line of stdout is the label at which it died, or `done`.
import { writeSync } from 'node:fs'
import { describe as describeError } from '../../keeper/base/errors.ts'
import { toJson } from '../../keeper/base/json.ts'
import { readBeats } from '../../keeper/heartbeat/beats.ts'
import { closeKeeper, openKeeper } from '../../keeper/keeper.ts'
import { replayDay } from '../../keeper/validators/replay.ts'
import { configOf, testDeps } from './muster.ts'

export interface ReplayOrder {
  rpcUrl: string
  home: string
  data: string
  batchSize: number
  /** Steps of transactions and of the day together; 0: it lives. */
  killAfter: number
}

async function run({ rpcUrl, home, data, batchSize, killAfter }: ReplayOrder): Promise<void> {
  let left = killAfter
  const keeper = await openKeeper(configOf(rpcUrl, home, batchSize), {
    ...testDeps(),
    onStep: (step) => {
      left -= 1
      if (left !== 0) return
      // At once and whole: nothing that is buffered survives.
      writeSync(1, `${step}\n`)
      process.kill(process.pid, 'SIGKILL')
    },
  })
  await replayDay(keeper, { beats: await readBeats(data), cycle: 1 })
  await closeKeeper(keeper)
  writeSync(1, 'done\n')
}

try {
  await run(JSON.parse(process.argv[2] ?? '{}') as ReplayOrder)
} catch (error) {
  console.error(toJson(describeError(error)))
  process.exit(describeError(error).exitCode)
}
