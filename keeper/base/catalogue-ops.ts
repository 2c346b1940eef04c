import { EXIT, rows } from './catalogue-row.ts'

/** Being watched: the HTTP pages, the receivers of alerts and pings, the dead man's switch. */
export const ops = rows({
  OPS_PORT_TAKEN: {
    sentence: 'The pages for monitors cannot listen on {host}:{port}: {reason}.',
    wayOut: 'Choose another MUSTER_OPS_PORT or MUSTER_OPS_HOST, or stop who listens there.',
    exitCode: EXIT.config,
  },
  HOME_IN_USE: {
    sentence: 'A keeper or an intake runs for {home} already.',
    wayOut: 'Give this one a MUSTER_HOME of its own; the database may be the same.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  NOT_READY: {
    sentence: 'This keeper is not ready: {reason}.',
    wayOut: 'GET /readyz has every check; `docs/operations.md` says what to do about each.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  ROUTE_UNKNOWN: {
    sentence: 'There is nothing at {method} {path}.',
    wayOut:
      'A keeper has /healthz, /readyz, /metrics, /last-success; an intake /v1/hello, /v1/beat, /v1/receipts/NODE, /v1/session.',
    exitCode: EXIT.usage,
  },
  RECEIVER_FAILED: {
    sentence: 'The receiver at {origin} did not take the message: {reason}.',
    wayOut: 'Check MUSTER_ALERT_URL and MUSTER_PING_URL with curl; the log has what was not told.',
    exitCode: EXIT.unavailable,
    retry: true,
  },
  SETTLEMENT_OVERDUE: {
    sentence: 'The settlement of {due} is not done: {reason}.',
    wayOut:
      'Look whether the keeper runs and what it logs; `docs/operations.md` goes on from there.',
    exitCode: EXIT.failed,
  },
})
