import { HOURS_PER_CYCLE } from '../base/time.ts'
import type { LiveResult } from './demo-live.ts'
import { DEMO_CUT } from './demo-day.ts'
import { demoNext } from './demo-report.ts'
import type { Kept } from './demo-stage.ts'
import { stripOf } from './live-board.ts'
import { grouped, money, shownTime, table } from './print.ts'

const ETH = { decimals: 18, symbol: 'ETH' }

export function liveLines(result: LiveResult, kept: Kept | undefined): string[] {
  const { cycle, validators, snapshots, eligible, hourSeconds, seconds } = result
  const rows = validators.map(({ name, about, hours, online, eligible: isIn, paid }) => [
    name,
    stripOf({ closed: [...hours].map((digit) => digit === '1'), count: 0 }, HOURS_PER_CYCLE),
    `${online}/${snapshots}`,
    isIn ? 'in' : 'out',
    isIn ? money(paid, ETH) : '-',
    about,
  ])
  return [
    '',
    `Cycle ${cycle}: ${shownTime(DEMO_CUT)} to ${shownTime(DEMO_CUT + 86_400)}, from beats of ${validators.length} agents, an hour in ${hourSeconds} s`,
    ...table(['agent', 'hours that the chain has', 'online', '80 %', 'paid', ''], rows),
    '',
    `${eligible} of ${validators.length} were up in at least 80 % of ${snapshots} snapshots: 20 hours are in, 19 are out.`,
    ...txLines(result),
    '',
    `pool     ${money(result.pool, ETH)}`,
    `= paid   ${money(result.paid, ETH)}   (what the payees have; they had nothing)`,
    `+ credit ${money(result.credited, ETH)}`,
    `+ carry  ${money(result.carried, ETH)}   (left by flooring, stays in the pool)`,
    `✓ to the last wei, and every hour as the kills imply; ${seconds} s`,
    ...demoNext(kept),
  ]
}

function txLines({ transactions }: LiveResult): string[] {
  const kinds = ['deploy', 'register', 'fund', 'snapshot', 'extract', 'transfer'] as const
  const rows = kinds.map((kind) => {
    const some = transactions.filter((tx) => tx.kind === kind)
    const gas = some.reduce((total, { gasUsed }) => total + gasUsed, 0)
    return [kind, String(some.length), grouped(gas), some.at(-1)?.hash ?? '-']
  })
  return ['', ...table(['step', 'txs', 'gas', 'hash (of the last one)'], rows)]
}
