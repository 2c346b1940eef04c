import type { Measurement } from '../keeper/measure.ts'

/** Of most the goal is the most that is allowed; of these it is the least. */
export interface HeartbeatMeasurement extends Measurement {
  isLeast?: true
}

export function isMet({ found, goal, isLeast }: HeartbeatMeasurement): boolean {
  return isLeast ? found >= goal : found <= goal
}

/** Issue 4's, for one core of the class that bench/heartbeat.json names. */
export const GOALS = {
  handlingMs: 20,
  residentMB: 500,
  peakPerSecond: 5_000,
  closeSeconds: 2,
  reconnectSeconds: 60,
  lostHours: 0,
} as const
