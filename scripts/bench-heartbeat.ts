// `npm run bench:heartbeat`: what ten thousand nodes cost an intake on PostgreSQL. Writes bench/heartbeat.json.
//   --only NAME     one part: steady (with the peak), restart (with the close)
//   --nodes N       nodes (10,000)
// DATABASE_URL names a server on which databases may be created; it starts none by itself. For example:
//   initdb -D /tmp/pg -A trust && pg_ctl -D /tmp/pg -o '-p 5433 -k /tmp' -w start
//   DATABASE_URL=postgres://postgres@127.0.0.1:5433/postgres npm run bench:heartbeat
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { machine } from './keeper/measure.ts'
import { isPinned } from './heartbeat/cores.ts'
import { isMet } from './heartbeat/goals.ts'
import type { HeartbeatMeasurement } from './heartbeat/goals.ts'
import { openPlace } from './heartbeat/place.ts'
import type { Place } from './heartbeat/place.ts'
import { measureRestart } from './heartbeat/restart.ts'
import { measureSteady } from './heartbeat/steady.ts'

const FILE = 'bench/heartbeat.json'

const { values } = parseArgs({
  options: { only: { type: 'string' }, nodes: { type: 'string', default: '10000' } },
})

const PARTS: Record<string, (place: Place) => Promise<HeartbeatMeasurement[]>> = {
  steady: measureSteady,
  restart: measureRestart,
}

if (process.env['DATABASE_URL'] === undefined) {
  console.error(
    'Nothing is measured: DATABASE_URL names no server (see scripts/bench-heartbeat.ts).',
  )
  process.exit(1)
}

const measured: HeartbeatMeasurement[] = []
for (const [name, measure] of Object.entries(PARTS)) {
  if (values.only !== undefined && values.only !== name) continue
  const place = await openPlace(Number(values.nodes))
  try {
    for (const one of await measure(place)) say(one)
  } finally {
    await place.close()
  }
}
await keep()
process.exit(measured.every(isMet) ? 0 : 1)

function say(one: HeartbeatMeasurement): void {
  measured.push(one)
  const { name, found, unit, goal, isLeast } = one
  const limit = `${isLeast ? 'at least' : 'at most'} ${goal}`
  console.log(`${isMet(one) ? '✓' : '✗'} ${name}: ${found} ${unit} (goal: ${limit})`)
}

/** A part that was not measured keeps what it had. */
async function keep(): Promise<void> {
  const text = await readFile(FILE, 'utf8').catch(() => '{"measurements":[]}')
  const before = (JSON.parse(text) as { measurements: HeartbeatMeasurement[] }).measurements
  const names = new Set(measured.map(({ name }) => name))
  const measurements = [...before.filter(({ name }) => !names.has(name)), ...measured]
  const where = { ...machine(), store: 'PostgreSQL', intakeOnOneCore: isPinned }
  await mkdir('bench', { recursive: true })
  await writeFile(FILE, `${JSON.stringify({ machine: where, measurements }, undefined, 2)}\n`)
}
