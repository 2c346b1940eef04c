// `npm run bench:partners`: a day of 100,000 partners and 300,000 votes, from the votes to the books, on PostgreSQL and
// on the embedded store, beside the bare statements that would give the same amounts without books. Writes
// bench/partners.json with the machine; docs/partners.md says what is measured.
//   --store NAME      one of them: PostgreSQL, PGlite
//   --rounds N        (3)
//   --partners N --votes N   (100,000 and 300,000)
// It starts a PostgreSQL of its own (Debian: postgresql), as user postgres when it runs as root.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startChild } from './child.ts'
import { isMet } from './heartbeat/goals.ts'
import { machine } from './keeper/measure.ts'
import type { LedgerMeasurement, StoreName } from './ledger/goals.ts'
import { openBenchPlace } from './ledger/bench-place.ts'
import { printTable } from './ledger/table.ts'
import { PARTS, measurementsOf } from './partners/measurements.ts'
import type { Part, PartnersRound } from './partners/measurements.ts'
import type { PartFound } from './partners/part.ts'

const FILE = 'bench/partners.json'

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    partners: { type: 'string', default: '100000' },
    votes: { type: 'string', default: '300000' },
  },
})
const rounds = Number(values.rounds)
const votes = Number(values.votes)

const before = machine()
const { dir, server, stop } = await openBenchPlace('muster-partners-', values.store)
try {
  const measured = await measure()
  printTable(measured)
  await keep(measured)
  process.exitCode = measured.every(isMet) ? 0 : 1
} finally {
  stop()
}

async function measure(): Promise<LedgerMeasurement[]> {
  const stores: StoreName[] = values.store === 'PostgreSQL' ? [] : ['PGlite']
  if (typeof server !== 'string') stores.unshift('PostgreSQL')
  const all = stores.map((store) => ({ store, found: [] as PartnersRound[] }))
  for (let round = 1; round <= rounds; round += 1) {
    for (const { store, found } of all) found.push(await measureRound(store, round))
  }
  return all.flatMap(({ store, found }) => measurementsOf(store, found, votes))
}

/** A store of its own, and one part after the other. */
async function measureRound(store: StoreName, round: number): Promise<PartnersRound> {
  const home = join(dir, `${store}-${round}`)
  await mkdir(home)
  const isServer = store === 'PostgreSQL' && typeof server !== 'string'
  const url = isServer ? await server.createDatabase(`round_${round}`) : undefined
  const found: [Part, PartFound][] = []
  for (const part of PARTS) {
    found.push([part, await runPart(part, home, url)])
    console.log(`round ${round}, ${store}, ${part}: ${JSON.stringify(found.at(-1)?.[1])}`)
  }
  return Object.fromEntries(found) as PartnersRound
}

async function runPart(part: Part, home: string, url: string | undefined): Promise<PartFound> {
  const script = join(import.meta.dirname, 'partners', 'part.ts')
  const args = [
    '--part',
    part,
    '--home',
    home,
    '--partners',
    values.partners,
    '--votes',
    `${votes}`,
  ]
  const options = { cwd: process.cwd(), isShown: false }
  const child = startChild([script, ...args, ...(url === undefined ? [] : ['--url', url])], options)
  if ((await child.ended) !== 0) throw new Error(`${part}: ${child.output()}`)
  return JSON.parse(child.output().trim().split('\n').at(-1) ?? '') as PartFound
}

/** A store that was not measured keeps what it had. */
async function keep(measured: readonly LedgerMeasurement[]): Promise<void> {
  const text = await readFile(FILE, 'utf8').catch(() => '{"measurements":[]}')
  const known = (JSON.parse(text) as { measurements: LedgerMeasurement[] }).measurements
  const stores = new Set(measured.map(({ store }) => store))
  const measurements = [...measured, ...known.filter(({ store }) => !stores.has(store))]
  const postgres = typeof server === 'string' ? { missing: server } : server.about
  const load = { partners: Number(values.partners), votes, rounds }
  const where = { ...machine(), loadBefore: before['load'], postgres, ...load }
  await mkdir('bench', { recursive: true })
  await writeFile(FILE, `${JSON.stringify({ machine: where, measurements }, undefined, 2)}\n`)
}
