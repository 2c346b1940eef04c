import type { HourState } from '../validators/projection.ts'

interface StripHour {
  hour: number
  state: HourState
  mayTurn: boolean
}

const MARKS = {
  online: ['●', 'online'],
  offline: ['○', 'offline'],
  turning: ['◐', 'offline, may still turn'],
  pending: ['?', 'not pushed yet'],
  lost: ['×', 'lost for all'],
  ahead: ['·', 'to come'],
} as const satisfies Record<string, readonly [mark: string, meaning: string]>

// 24 hours in four groups are read at a glance.
const HOURS_PER_GROUP = 6

/** '18:00 ●●●●●●  00:00 ●●○●●●  …' and, below, what the marks in it mean. */
export function stripLines(hours: readonly StripHour[]): string[] {
  const groups: string[] = []
  for (let i = 0; i < hours.length; i += HOURS_PER_GROUP) {
    const some = hours.slice(i, i + HOURS_PER_GROUP)
    groups.push(`${clockOf(some[0]?.hour ?? 0)} ${some.map((each) => markOf(each)[0]).join('')}`)
  }
  const used = new Map(hours.map(markOf))
  const legend = [...used].map(([mark, meaning]) => `${mark} ${meaning}`)
  return [groups.join('  '), legend.join('   ')]
}

function markOf({ state, mayTurn }: StripHour): readonly [mark: string, meaning: string] {
  return MARKS[state === 'offline' && mayTurn ? 'turning' : state]
}

/** The hour of the day, UTC. */
function clockOf(hour: number): string {
  return `${String(hour % 24).padStart(2, '0')}:00`
}
