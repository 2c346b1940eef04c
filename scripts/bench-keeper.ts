// `npm run bench:keeper`: what the keeper costs beside the chain. Writes bench/keeper.json with the machine.
//   --only NAME     one part: journal, start, batches, takeover, memory
//   --batches N     batches of the day (1,000)
//   --count N       transactions of the memory part (10,000)
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { measureBatches } from './keeper/batches.ts'
import { measureJournal } from './keeper/journal.ts'
import type { Measurement } from './keeper/measure.ts'
import { machine } from './keeper/measure.ts'
import { measureMemory } from './keeper/memory.ts'
import { measureStart } from './keeper/start.ts'
import { measureTakeover } from './keeper/takeover.ts'

const LARGE_WINDOW = 4
const FILE = 'bench/keeper.json'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    batches: { type: 'string', default: '1000' },
    count: { type: 'string', default: '10000' },
  },
})

const PARTS: Record<string, () => Promise<Measurement[]>> = {
  journal: async () => [await measureJournal()],
  start: async () => [await measureStart()],
  // In order, as by default, and with several on their way as for a large set.
  batches: async () => [
    ...(await measureBatches(Number(values.batches), 1)),
    ...(await measureBatches(Number(values.batches), LARGE_WINDOW)),
  ],
  takeover: async () => {
    if (process.env['DATABASE_URL'] === undefined) {
      console.log('takeover: not measured, DATABASE_URL names no server')
      return []
    }
    return [await measureTakeover('SIGKILL'), await measureTakeover('SIGSTOP')]
  },
  memory: () => measureMemory(Number(values.count)),
}

const measured: Measurement[] = []
for (const [name, measure] of Object.entries(PARTS)) {
  if (values.only !== undefined && values.only !== name) continue
  for (const one of await measure()) {
    measured.push(one)
    const isMet = one.found <= one.goal
    console.log(`${isMet ? '✓' : '✗'} ${one.name}: ${one.found} ${one.unit} (goal ${one.goal})`)
  }
}
await keep()
process.exit(measured.every(({ found, goal }) => found <= goal) ? 0 : 1)

/** A part that was not measured keeps what it had. */
async function keep(): Promise<void> {
  const text = await readFile(FILE, 'utf8').catch(() => '{"measurements":[]}')
  const before = (JSON.parse(text) as { measurements: Measurement[] }).measurements
  const names = new Set(measured.map(({ name }) => name))
  const measurements = [...before.filter(({ name }) => !names.has(name)), ...measured]
  await mkdir('bench', { recursive: true })
  await writeFile(FILE, `${JSON.stringify({ machine: machine(), measurements }, undefined, 2)}\n`)
}
