// The keeper's day in a process of its own, killed by SIGKILL at the step it is told.
//   node day-child.ts '{"rpcUrl", "home", "databaseUrl"?, "finality"?, "dieAt"?, "kind"?, "dieOn"?}'
import { describe as describeError } from '../../keeper/base/errors.ts'
import { toJson } from '../../keeper/base/json.ts'
import type { Finality } from '../../keeper/base/schema.ts'
import { runDaySlot } from '../../keeper/jobs/runner.ts'
import { closeKeeper, openKeeper } from '../../keeper/keeper.ts'
import { configOf, testDeps } from './muster.ts'

export interface DayOrder {
  rpcUrl: string
  home: string
  databaseUrl?: string
  finality?: Finality
  dieAt?: string
  /** Only steps of a transaction of this kind. */
  kind?: string
  /** Which occurrence, 1 being the first. */
  dieOn?: number
}

async function run(order: DayOrder): Promise<void> {
  const { rpcUrl, home, databaseUrl, finality = 'finalized', dieAt, kind, dieOn = 1 } = order
  let left = dieOn
  const config = { ...configOf(rpcUrl, home, 10), databaseUrl, finality }
  const keeper = await openKeeper(config, {
    ...testDeps(),
    onStep: (step, tx) => {
      if (step !== dieAt || (kind !== undefined && tx?.kind !== kind)) return
      left -= 1
      if (left === 0) process.kill(process.pid, 'SIGKILL')
    },
  })
  const day = await runDaySlot(keeper, { cycle: 1 })
  console.log(toJson(day))
  await closeKeeper(keeper)
}

try {
  await run(JSON.parse(process.argv[2] ?? '{}') as DayOrder)
} catch (error) {
  console.error(toJson(describeError(error)))
  process.exit(describeError(error).exitCode)
}
