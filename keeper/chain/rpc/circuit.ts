/** Whether an endpoint is asked: closed yes, open no, half-open one question at a time. */
export type CircuitState = 'closed' | 'open' | 'half-open'

export interface Circuit {
  readonly state: CircuitState
  /** In a row. */
  readonly failures: number
  /** Openings in a row: each waits longer than the one before. */
  readonly openings: number
  readonly openedMs: number
}

// One lost answer is ordinary on a public endpoint, three in a row are not.
export const FAILURES_TO_OPEN = 3
// A node that restarts is back within a second or two.
export const FIRST_OPEN_MS = 1_000
// An endpoint that is back serves again within half a minute, the block time of the slowest chains.
export const MAX_OPEN_MS = 30_000
// 2^5 seconds are already more than the longest wait.
const MAX_DOUBLINGS = 5

export const CLOSED: Circuit = { state: 'closed', failures: 0, openings: 0, openedMs: 0 }

/** The longest that an open circuit keeps questions away. */
export function openMsOf({ openings }: Circuit): number {
  const doublings = Math.min(MAX_DOUBLINGS, Math.max(0, openings - 1))
  return Math.min(MAX_OPEN_MS, FIRST_OPEN_MS * 2 ** doublings)
}

export function mayAsk(circuit: Circuit, nowMs: number): boolean {
  if (circuit.state === 'closed') return true
  return circuit.state === 'open' && nowMs - circuit.openedMs >= openMsOf(circuit)
}

/** A question goes out: the first after the wait is the trial. */
export function asked(circuit: Circuit, nowMs: number): Circuit {
  return circuit.state === 'open' && mayAsk(circuit, nowMs)
    ? { ...circuit, state: 'half-open' }
    : circuit
}

/** Any proper answer counts, a refusal too: the endpoint is there. */
export function succeeded(_circuit: Circuit): Circuit {
  return CLOSED
}

export function failed(circuit: Circuit, nowMs: number): Circuit {
  const failures = circuit.failures + 1
  // A late failure of an earlier question does not make the wait longer.
  if (circuit.state === 'open') return { ...circuit, failures }
  if (circuit.state === 'closed' && failures < FAILURES_TO_OPEN) return { ...circuit, failures }
  return opened({ ...circuit, failures }, nowMs)
}

/** At once, without counting: for an endpoint that is not what it was taken for. */
export function opened(circuit: Circuit, nowMs: number): Circuit {
  return { ...circuit, state: 'open', openings: circuit.openings + 1, openedMs: nowMs }
}
