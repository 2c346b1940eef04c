// `npm run bench:gas`: every gas figure beside its goal, as a table and in bench/gas.json; the same work by others in
// the same run; then a cycle of 100,000 validators, and the speed of a daily settlement (bench:day).
//   --write   writes snapshots/gas.json instead (`npm run gas`)
//   --check   writes nothing; exits 1 when a goal is missed or snapshots/gas.json is stale
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import hre from 'hardhat'
import { GOALS, isMet, METRICS } from './gas/goals.ts'
import type { Figures } from './gas/goals.ts'
import { MAX_TX_GAS, runLargeCycle } from './gas/measure-large.ts'
import type { LargeCycle } from './gas/measure-large.ts'
import { measureAll } from './gas/measure.ts'
import { measurePeers } from './gas/peers.ts'
import type { PeerFigure } from './gas/peers.ts'
import { changesSince, readSnapshot, writeSnapshot } from './gas/snapshot.ts'

const ROOT = join(import.meta.dirname, '..')
const OUTPUT = join(ROOT, 'bench', 'gas.json')
const MANY_VALIDATORS = 100_000

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
})

await hre.tasks.getTask('build').run({ quiet: true })
const { figures, badPayees } = await measureAll()
console.log(table(figures))
for (const [kind, { paid, credited }] of Object.entries(badPayees)) {
  console.log(`${kind.replace(', extra', '')}: ${paid} paid, ${credited} credited`)
}
const missed = METRICS.filter((metric) => !isMet(metric, figures[metric]))
for (const metric of missed) console.log(`missed: ${metric}`)

if (values.write) writeSnapshot(figures)
else if (values.check) checkSnapshot()
else await benchAll()
if (missed.length > 0) process.exitCode = 1

function table(measured: Figures): string {
  const width = Math.max(...METRICS.map((metric) => metric.length))
  const row = (name: string, goal: string, gas: string, met: string): string =>
    `${name.padEnd(width)}  ${goal.padStart(9)}  ${gas.padStart(9)}  ${met}`.trimEnd()
  const rows = METRICS.map((metric) => {
    const goal: number | undefined = GOALS[metric]
    const verdict = isMet(metric, measured[metric]) ? 'met' : 'MISSED'
    return row(
      metric,
      goal?.toLocaleString('en-US') ?? '–',
      measured[metric].toLocaleString('en-US'),
      goal === undefined ? '' : verdict,
    )
  })
  return [row('gas', 'goal', 'measured', ''), ...rows].join('\n')
}

function checkSnapshot(): void {
  const changes = changesSince(readSnapshot(), figures)
  for (const change of changes) console.log(change)
  if (changes.length === 0) return
  console.log('npm run gas writes the new figures')
  process.exitCode = 1
}

async function benchAll(): Promise<void> {
  const peers = await measurePeers()
  console.log(`\n${peerTable(peers)}\n`)
  console.log(`a whole cycle of ${MANY_VALIDATORS.toLocaleString('en-US')} validators …`)
  const large = await runLargeCycle(MANY_VALIDATORS)
  for (const [kind, gas] of Object.entries(large.dearest)) {
    const verdict = gas <= MAX_TX_GAS ? 'met' : 'MISSED'
    if (gas > MAX_TX_GAS) process.exitCode = 1
    const limit = MAX_TX_GAS.toLocaleString('en-US')
    console.log(`  dearest ${kind}: ${gas.toLocaleString('en-US')} of ${limit}  ${verdict}`)
  }
  writeResults(large, peers)
  benchDay()
}

/** Ours beside each of theirs. */
function peerTable(peers: PeerFigure[]): string {
  const rows = peers.map(({ peer, metric, gas }) => {
    const [ours, theirs] = [figures[metric], gas].map((each) => each.toLocaleString('en-US'))
    return `${metric.padEnd(28)}  ours ${(ours ?? '').padStart(7)}  ${peer} ${theirs ?? ''}`
  })
  return rows.join('\n')
}

function writeResults(large: LargeCycle, peers: PeerFigure[]): void {
  const rows = METRICS.map((metric) => ({
    metric,
    goal: GOALS[metric] ?? null,
    measured: figures[metric],
    met: isMet(metric, figures[metric]),
  }))
  const { compilers = [], overrides = {} } = hre.config.solidity.profiles.default ?? {}
  const results = {
    commit: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${platform()} ${arch()}`,
    node: process.version,
    hardfork: 'osaka',
    solc: compilers.map(({ version, settings }) => ({ version, settings: settings as unknown })),
    solcOverrides: Object.entries(overrides).map(([file, { version, settings }]) => ({
      file,
      version,
      settings: settings as unknown,
    })),
    figures: rows,
    badPayees,
    peers: peers.map(({ peer, metric, gas }) => ({ metric, ours: figures[metric], peer, gas })),
    largeCycle: {
      validators: large.validators,
      transactions: large.transactions,
      goal: Number(MAX_TX_GAS),
      dearest: Object.fromEntries(
        Object.entries(large.dearest).map(([kind, gas]) => [kind, Number(gas)]),
      ),
    },
  }
  mkdirSync(join(ROOT, 'bench'), { recursive: true })
  writeFileSync(OUTPUT, `${JSON.stringify(results, undefined, 2)}\n`)
}

function benchDay(): void {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'bench-day.ts')], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
