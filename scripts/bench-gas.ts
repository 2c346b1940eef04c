import { measureEvidence } from './gas/measure-evidence.ts'
import { measureBadPayees, measureTransfers } from './gas/measure-transfer.ts'
import { GOALS } from './gas/goals.ts'

const figures: Record<string, number> = {
  ...(await measureEvidence()),
  ...(await measureTransfers()),
  ...(await measureBadPayees()),
}
for (const [metric, goal] of Object.entries(GOALS)) {
  const measured = figures[metric] ?? 0
  console.log(
    `${metric.padEnd(52)} ${String(goal).padStart(8)} ${String(measured).padStart(8)} ${measured <= goal ? 'met' : 'MISSED'}`,
  )
}
