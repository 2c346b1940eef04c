// `npm run bench:day`: the daily settlement of 1,000 validators at the origin's batch size of 10, on the
// local node with the journal on PGlite, from 18:00 to the last receipt. Writes bench/day.json.
import { mkdir, writeFile } from 'node:fs/promises'
import { systemClock } from '../keeper/base/time.ts'
import { runDay } from '../keeper/validators/day.ts'
import { createWorld, makeMembers, pushCycle, withKeeper } from '../test/helpers/muster.ts'
import { listJournal } from '../keeper/chain/journal/journal.ts'

const VALIDATORS = 1_000
const BATCH_SIZE = 10
const GOAL_SECONDS = 4
// The origin waits two minutes before each of its 100 batches.
const ORIGIN_SECONDS = (VALIDATORS / BATCH_SIZE) * 120

const world = await createWorld({
  members: makeMembers(VALIDATORS),
  batchSize: BATCH_SIZE,
  isNodeApart: true,
})
try {
  const result = await withKeeper(world, async (keeper) => {
    const hours = Array.from({ length: VALIDATORS }, () => 24)
    await pushCycle(world, keeper, 1, hours)
    const start = systemClock.nowMs()
    const day = await runDay(keeper, { cycle: 1 })
    const seconds = (systemClock.nowMs() - start) / 1000
    const final = await listJournal(keeper.db, { kind: 'transfer', state: 'final', limit: 1_000 })
    return { seconds, day, final: final.length }
  })
  const { seconds, day, final } = result
  const ratio = Math.round(ORIGIN_SECONDS / seconds)
  const report = {
    validators: VALIDATORS,
    batchSize: BATCH_SIZE,
    eligible: day.eligible,
    batches: day.batches,
    final,
    unpaid: day.unpaid,
    seconds,
    goalSeconds: GOAL_SECONDS,
    originSeconds: ORIGIN_SECONDS,
    ratio,
  }
  await mkdir('bench', { recursive: true })
  await writeFile('bench/day.json', `${JSON.stringify(report, undefined, 2)}\n`)
  console.log(
    `${VALIDATORS} validators, ${day.batches} batches of ${BATCH_SIZE}, all final: ${final}`,
  )
  console.log(`18:00 to the last receipt: ${seconds.toFixed(2)} s (goal ${GOAL_SECONDS} s)`)
  console.log(`the origin's fixed waits: ${ORIGIN_SECONDS / 60} min, ${ratio} times as long`)
  process.exitCode = seconds <= GOAL_SECONDS && final === day.batches ? 0 : 1
} finally {
  await world.close()
}
