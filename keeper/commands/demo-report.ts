import { isoTime } from '../base/time.ts'
import type { Demo, DemoResult } from './demo.ts'
import { DEMO_CUT } from './demo-day.ts'
import { grouped, money, plural, shownTime, table } from './print.ts'

const ETH = { decimals: 18, symbol: 'ETH' }
// The origin waits two minutes after every batch of ten.
const ORIGIN_BATCH = 10
const ORIGIN_WAIT_MINUTES = 2

export function demoLines(result: DemoResult, { day, refused }: Demo): string[] {
  const { transactions, snapshots, eligible, validators, batches, batchSize } = result
  const gas = (kind: string): number =>
    transactions.filter((tx) => tx.kind === kind).reduce((total, tx) => total + tx.gasUsed, 0)
  const extract = transactions.find(({ kind }) => kind === 'extract')
  const kinds = ['deploy', 'register', 'fund', 'snapshot'] as const
  const counts = kinds.map((kind) => {
    const some = transactions.filter((tx) => tx.kind === kind)
    return [kind, String(some.length), grouped(gas(kind)), some.at(-1)?.hash ?? '-']
  })
  const paying = transactions
    .filter(({ kind }) => kind === 'transfer')
    .map(({ hash, gasUsed }, i) => [`transfer ${i + 1}`, '1', grouped(gasUsed), hash])
  return [
    '',
    `Cycle ${result.cycle}: ${shownTime(DEMO_CUT)} to ${shownTime(DEMO_CUT + 86_400)}, from real beats of ${validators} validators`,
    ...table(
      ['step', 'txs', 'gas', 'hash (of the last one; --json has all)'],
      [
        ...counts,
        ['extract', '1', grouped(extract?.gasUsed ?? 0), extract?.hash ?? '-'],
        ...paying,
      ],
    ),
    '',
    `${eligible} of ${validators} validators were up in at least 80 % of ${snapshots} snapshots: eligible.`,
    ...failedLines(day.failed, snapshots),
    `One payee is a contract that refuses coin (validator ${refused}): its share waits as a credit.`,
    '',
    `pool     ${money(result.pool, ETH)}`,
    `= paid   ${money(result.paid, ETH)}   (sum of the payees' balance changes)`,
    `+ credit ${money(result.credited, ETH)}   (read back from the contract)`,
    `+ carry  ${money(result.carried, ETH)}   (left by flooring, stays in the pool)`,
    '✓ to the last wei',
    '',
    `${plural(batches, 'batch', 'batches')} of at most ${batchSize} payees in ${result.seconds} s. ` +
      `The keeper's default is ${ORIGIN_BATCH}, as in the origin; the demo uses more.`,
    `(The origin's ${Math.ceil(eligible / ORIGIN_BATCH)} batches with its fixed waits take ` +
      `${Math.ceil(eligible / ORIGIN_BATCH) * ORIGIN_WAIT_MINUTES} minutes.)`,
  ]
}

function failedLines(failed: Demo['day']['failed'], snapshots: number): string[] {
  const byHours = new Map<number, string[]>()
  for (const { node, hours } of failed) byHours.set(hours, [...(byHours.get(hours) ?? []), node])
  const sorted = [...byHours].sort(([a], [b]) => b - a)
  const rows = sorted.map(([hours, nodes]) => {
    const percent = ((hours * 100) / snapshots).toFixed(1)
    const who =
      nodes.length <= MAX_NAMED ? nodes.join(' ') : `${nodes[0]} and ${nodes.length - 1} more`
    return [`${hours}/${snapshots}`, `${percent} %`, String(nodes.length), who]
  })
  return [`${failed.length} were not:`, ...table(['seen', 'rate', 'validators', 'who'], rows)]
}

const MAX_NAMED = 2

export function demoNext(kept: { url: string; dir: string; pid: number } | undefined): string[] {
  if (kept === undefined) {
    return [
      '',
      'Next:',
      '  ./muster demo --keep     the same, and the chain stays up for the commands',
      '  ./muster chain           your own local chain; then deploy, validators import, fund',
      '  ./muster --help          all commands; docs/guides/real-network.md leads to a real network',
    ]
  }
  const flags = `--rpc-url ${kept.url} --home ${kept.dir} --deployments ${kept.dir}/deployments`
  return [
    '',
    `The chain is still running at ${kept.url} (process ${kept.pid}), its clock at ${isoTime(DEMO_CUT + 86_400)}. Try:`,
    `  ./muster status ${flags}`,
    `  ./muster credits ${flags}`,
    `  ./muster journal ${flags}`,
    `  ./muster run-day --replay data/validators_beats_a.csv.gz ${flags}`,
    `Stop it:  kill ${kept.pid}; rm -r ${kept.dir}`,
  ]
}
