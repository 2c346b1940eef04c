// Distributions to partners in a process of their own, from what the store says is done. If it is told to, it is killed
// by SIGKILL at a step of its own.
//   node partners-child.ts '{"home", "databaseUrl"?, "day", "dieAt"?, "dieOn"?}'
import { describe } from '../../keeper/base/errors.ts'
import { toJson } from '../../keeper/base/json.ts'
import { silentLogger } from '../../keeper/base/log.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { PartnersStep } from '../../keeper/programs/partners/room.ts'
import { runPartners } from '../../keeper/programs/partners/distribution/run.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { partnersRoom } from './partners-room.ts'

export interface PartnersOrder {
  home: string
  databaseUrl?: string
  /** As far as its end. */
  day: string
  dieAt?: PartnersStep
  /** Which occurrence, 1 being the first. */
  dieOn?: number
}

async function run({ home, databaseUrl, day, dieAt, dieOn = 1 }: PartnersOrder): Promise<void> {
  let left = dieOn
  const onStep = (step: PartnersStep): void => {
    if (step !== dieAt) return
    left -= 1
    if (left === 0) process.kill(process.pid, 'SIGKILL')
  }
  const db = await openStore({ home, databaseUrl, clock: systemClock })
  try {
    const special = new Set(['p2'])
    await runPartners(partnersRoom(db, { log: silentLogger, special, onStep }), { day })
  } finally {
    await db.close()
  }
}

try {
  await run(JSON.parse(process.argv[2] ?? '{}') as PartnersOrder)
} catch (error) {
  console.error(toJson(describe(error)))
  process.exitCode = describe(error).exitCode
}
