import type { Logger } from './log.ts'
import { redactDeep, redactText } from './redact.ts'
import type { Clock, UnixSeconds } from './time.ts'
import { systemClock } from './time.ts'

/** critical: payments stand still or may be wrong. warning: they will, unless somebody looks. */
export type Severity = 'critical' | 'warning'

/** Everything the keeper calls a person for, once; docs/operations.md says what to do about each. */
export const ALERTS = {
  'queue-stopped': { severity: 'critical', says: 'a transaction needs a human; nothing is sent' },
  'fee-hold': { severity: 'warning', says: 'gas costs more than the ceiling; sending waits' },
  'insufficient-funds': { severity: 'critical', says: 'a sender cannot pay its gas' },
  'fee-budget': { severity: 'warning', says: "the day's budget for fees is used up" },
  'reorg-after-final': { severity: 'critical', says: 'a final transaction left the chain' },
  'finality-stalled': { severity: 'warning', says: 'the chain stopped finalizing; batches wait' },
  'clock-jump': { severity: 'critical', says: 'the clock jumped or disagrees with the chain' },
  'slot-late': { severity: 'warning', says: 'a slot did not run, or did not end, in time' },
  'slot-failed': { severity: 'critical', says: 'a slot ended with an error' },
  'journal-write-failing': { severity: 'critical', says: 'the journal cannot be written' },
  'tally-write-failing': { severity: 'critical', says: 'counted beats are in memory only' },
  'hour-unheard': { severity: 'warning', says: 'the intake listened too little in an hour' },
  'ledger-conflict': { severity: 'critical', says: 'one key was to be posted with two contents' },
  'side-log-failing': { severity: 'critical', says: 'the side log cannot be written' },
  'endpoint-down': { severity: 'warning', says: 'an RPC endpoint is left out of the pool' },
  'low-pool': { severity: 'warning', says: 'the pool does not last to the next cut' },
  'program-waits': { severity: 'warning', says: 'what a program owes waits' },
  'partners-behind': { severity: 'critical', says: 'hours of partners wait to be distributed' },
  'job-dead': { severity: 'critical', says: 'a job of the programs failed for good' },
  'partners-late-votes': {
    severity: 'warning',
    says: 'votes came for hours that are distributed; a correction counts them',
  },
  'partners-conflict': {
    severity: 'critical',
    says: 'a source says two things of one key, or sets a rate for the past; the first counts',
  },
  'partners-special-stuck': {
    severity: 'warning',
    says: 'sums of special partners wait for the second database',
  },
  'foreign-root': { severity: 'critical', says: 'a root of claims is proposed that is not ours' },
  'lease-lost': { severity: 'warning', says: 'another keeper leads now' },
  'dead-man': { severity: 'critical', says: 'no daily settlement was completed in time' },
} as const satisfies Record<string, { severity: Severity; says: string }>

export type AlertKind = keyof typeof ALERTS

/** `key` tells alerts of one kind apart: an endpoint, a sender, a slot. */
export interface AlertFacts {
  key?: string
  [fact: string]: unknown
}

export interface ActiveAlert {
  kind: AlertKind
  severity: Severity
  key: string
  facts: AlertFacts
  since: UnixSeconds
  /** How often it was raised since then. */
  count: number
}

/** What is told: a new alert, one that lasts (at most once an hour), or that it is over. */
export interface Notice extends ActiveAlert {
  state: 'raised' | 'lasting' | 'cleared'
  at: UnixSeconds
}

/** Takes a notice and returns at once; what it throws is logged nowhere and stops nobody. */
export type AlertSink = (notice: Notice) => void

/** Neither throws nor blocks, so it may be called from any step of the sending path. */
export interface Alerts {
  raise(kind: AlertKind, facts: AlertFacts): void
  /** Without a key, all of that kind are over. */
  clear(kind: AlertKind, key?: string): void
  active(): ActiveAlert[]
}

/** A lasting alert is told again after this: often enough to be seen by the next shift. */
export const REPEAT_SECONDS = 3_600
// More at a time than a keeper has endpoints, senders and open slots; further keys of a kind share one.
export const MAX_ACTIVE = 100
const MORE = '(more)'

interface Told extends ActiveAlert {
  toldAt: UnixSeconds
}

export function openAlerts({ clock, sinks }: { clock: Clock; sinks: AlertSink[] }): Alerts {
  const active = new Map<string, Told>()

  function tell(alert: ActiveAlert, state: Notice['state'], at: UnixSeconds): void {
    const { kind, severity, key, facts, since, count } = alert
    for (const sink of sinks) {
      try {
        sink({ kind, severity, key, facts, since, count, state, at })
      } catch {
        // A channel that fails must not stop the step that raised the alert.
      }
    }
  }

  function raise(kind: AlertKind, given: AlertFacts): void {
    const at = clock.now()
    const facts = redactDeep(given) as AlertFacts
    const asked = facts.key ?? ''
    const isKnown = active.has(idOf(kind, asked))
    const key = isKnown || active.size < MAX_ACTIVE ? asked : MORE
    const known = active.get(idOf(kind, key))
    const { severity } = ALERTS[kind]
    if (!known) {
      const alert = { kind, severity, key, facts, since: at, count: 1, toldAt: at }
      active.set(idOf(kind, key), alert)
      return tell(alert, 'raised', at)
    }
    known.count += 1
    known.facts = facts
    if (at - known.toldAt < REPEAT_SECONDS) return
    known.toldAt = at
    tell(known, 'lasting', at)
  }

  function clear(kind: AlertKind, given?: string): void {
    // As raise() kept it: a key may be a URL.
    const key = given === undefined ? undefined : redactText(given)
    for (const [id, alert] of active) {
      if (alert.kind !== kind || (key !== undefined && alert.key !== key)) continue
      active.delete(id)
      tell(alert, 'cleared', clock.now())
    }
  }

  return { raise, clear, active: () => [...active.values()].map(withoutToldAt) }
}

function withoutToldAt({ kind, severity, key, facts, since, count }: Told): ActiveAlert {
  return { kind, severity, key, facts, since, count }
}

function idOf(kind: AlertKind, key: string): string {
  return `${kind} ${key}`
}

/** Alerts as lines of the log: `alert-raised`, `alert-lasting`, `alert-cleared`. */
export function logSink(log: Logger): AlertSink {
  return ({ state, kind, severity, key, facts, count }) => {
    const line = { kind, severity, says: ALERTS[kind].says, ...facts, key, count }
    const event = `alert-${state}`
    if (state === 'cleared') log.info(line, event)
    else if (severity === 'critical') log.error(line, event)
    else log.warn(line, event)
  }
}

/** The default: an operator who configured no channel still finds everything in the log. */
export function logAlerts(log: Logger, clock: Clock = systemClock): Alerts {
  return openAlerts({ clock, sinks: [logSink(log)] })
}
