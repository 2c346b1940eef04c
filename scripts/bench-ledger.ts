// `npm run bench:ledger`: what posting costs beside the bare database, on PostgreSQL and on the embedded store, one
// after the other within each round. Writes bench/ledger.json with the machine; docs/ledger.md says what is measured.
//   --store NAME      one of them: PostgreSQL, PGlite
//   --rounds N        counted rounds after the first, which does not count (5)
//   --transfers N     of each measurement of a round (40,000)
// It starts a PostgreSQL of its own (Debian: postgresql), as user postgres when it runs as root.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { isMet } from './heartbeat/goals.ts'
import { machine } from './keeper/measure.ts'
import { closeBooks, openBooks } from './ledger/books.ts'
import type { LedgerMeasurement } from './ledger/goals.ts'
import { latencyMeasurement, openLoopRound } from './ledger/latency.ts'
import type { OpenLoop } from './ledger/latency.ts'
import { openPgbench } from './ledger/pgbench.ts'
import { postingMeasurements, postingRound } from './ledger/posting.ts'
import type { PostingRoom, Round } from './ledger/posting.ts'
import { openBenchPlace } from './ledger/bench-place.ts'
import type { Server } from './ledger/server.ts'
import { sizeMeasurement } from './ledger/size.ts'
import { pgliteStore, postgresStore } from './ledger/stores.ts'
import type { BenchStore } from './ledger/stores.ts'
import { printTable } from './ledger/table.ts'

const FILE = 'bench/ledger.json'

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    transfers: { type: 'string', default: '40000' },
  },
})
const rounds = Number(values.rounds)
const transfers = Number(values.transfers)

interface Measured {
  room: PostingRoom
  rounds: Round[]
  loops: OpenLoop[]
}

const before = machine()
const { dir, server, stop } = await openBenchPlace('muster-ledger-', values.store)
try {
  const measured = await measure(typeof server === 'string' ? undefined : server)
  printTable(measured)
  await keep(measured)
  process.exitCode = measured.every(isMet) ? 0 : 1
} finally {
  stop()
}

/** A store that was not measured keeps what it had. */
async function keep(measured: readonly LedgerMeasurement[]): Promise<void> {
  const text = await readFile(FILE, 'utf8').catch(() => '{"measurements":[]}')
  const known = (JSON.parse(text) as { measurements: LedgerMeasurement[] }).measurements
  const stores = new Set(measured.map(({ store }) => store))
  const measurements = [...measured, ...known.filter(({ store }) => !stores.has(store))]
  const postgres = typeof server === 'string' ? { missing: server } : server.about
  const where = { ...machine(), loadBefore: before['load'], postgres, rounds, transfers }
  await mkdir('bench', { recursive: true })
  await writeFile(FILE, `${JSON.stringify({ machine: where, measurements }, undefined, 2)}\n`)
}

async function measure(postgres: Server | undefined): Promise<LedgerMeasurement[]> {
  const all: Measured[] = []
  for (const store of storesOf(postgres)) {
    const room = await openRoom(store, store.name === 'PostgreSQL' ? postgres : undefined)
    all.push({ room, rounds: [], loops: [] })
  }
  for (let round = 0; round <= rounds; round += 1) {
    for (const one of all) {
      const posted = await postingRound(one.room, transfers)
      const loop = await openLoopRound(one.room.hot)
      console.log(`round ${round}, ${one.room.store}: ${JSON.stringify({ ...posted, ...loop })}`)
      // The first one meets code that was never run and pages that were never written.
      if (round > 0) {
        one.rounds.push(posted)
        one.loops.push(loop)
      }
    }
  }
  const measured: LedgerMeasurement[] = []
  for (const one of all) measured.push(...(await measurementsOf(one)))
  return measured
}

function storesOf(postgres: Server | undefined): BenchStore[] {
  const stores = values.store === 'PostgreSQL' ? [] : [pgliteStore(dir)]
  return postgres ? [postgresStore(postgres, dir), ...stores] : stores
}

async function openRoom(store: BenchStore, postgres: Server | undefined): Promise<PostingRoom> {
  return {
    store: store.name,
    hot: await openBooks(store, 'hot'),
    uniform: await openBooks(store, 'uniform'),
    copier: await store.openCopier(),
    pgbench: postgres && (await openPgbench(postgres)),
  }
}

async function measurementsOf({
  room,
  rounds: counted,
  loops,
}: Measured): Promise<LedgerMeasurement[]> {
  const { store, hot, uniform, copier } = room
  const size = await sizeMeasurement(store, hot.db)
  await closeBooks(hot)
  await closeBooks(uniform)
  await copier.close()
  return [...postingMeasurements(store, counted), latencyMeasurement(store, loops), size]
}
