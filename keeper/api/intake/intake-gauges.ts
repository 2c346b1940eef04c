import { unset } from '../../base/metrics.ts'
import type { Metrics } from '../../base/metrics.ts'
import type { IntakeService } from './service.ts'

/** Read when the page is asked for: counting itself touches no metric. */
export function readIntake(metrics: Metrics, intake: IntakeService | undefined): void {
  const { intakeSessions, intakeNodes, intakeBeats, intakeRefused, intakeHours } = metrics
  if (!intake) {
    for (const gauge of [intakeSessions, intakeNodes, metrics.intakeUnsaved]) unset(gauge)
    return
  }
  const { sessions, nodes, counted, refused, tally } = intake.figures()
  intakeSessions.set(sessions)
  intakeNodes.set(nodes)
  metrics.intakeUnsaved.set(tally.unsaved)
  for (const each of [intakeBeats, intakeRefused, intakeHours]) each.reset()
  intakeBeats.inc(counted)
  for (const [code, count] of Object.entries(refused)) intakeRefused.inc({ code }, count)
  for (const result of ['heard', 'unheard'] as const) {
    intakeHours.inc({ result }, tally.closed[result])
  }
}
