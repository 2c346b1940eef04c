import { z } from 'zod'
import { milliseconds, port, setting } from './setting.ts'

// Each origin is compared with what a node signed; a keeper is reached by a few names at most.
const MAX_ORIGINS = 10
// A session costs about 20 kB and a file descriptor; a process may have some ten thousands of them.
const MAX_SESSIONS = 100_000
// An hour has 3,600 seconds, and a beat a second is the most that a beats file knows.
const MAX_BEATS_PER_HOUR = 3_600
// Beats of an hour come at most that long after it; longer would only delay the push.
const MAX_GRACE_MS = 60_000
const MAX_KEPT_DAYS = 3_650

const origins = z
  .string()
  .transform((text) => text.split(',').map((url) => url.trim()))
  .pipe(
    z
      .array(
        z
          .string()
          .url()
          .regex(/^(https?|wss?):/, 'not http, https, ws or wss'),
      )
      .nonempty()
      .max(MAX_ORIGINS),
  )
  .transform((urls) => urls.map((url) => new URL(url.replace(/^ws/, 'http')).origin))

/** What the intake of heartbeats is told: where it listens, and by which rule it counts. */
export const INTAKE_SETTINGS = {
  intakePort: setting(
    'MUSTER_INTAKE_PORT',
    undefined,
    'port',
    port.optional(),
    'where nodes beat (WebSocket and HTTP); without it the keeper takes no beats, 0 takes any free port',
  ),
  intakeHost: setting(
    'MUSTER_INTAKE_HOST',
    '127.0.0.1',
    'host',
    z.string().min(1),
    'address it listens on; 0.0.0.0 for nodes elsewhere',
  ),
  intakeUrl: setting(
    'MUSTER_INTAKE_URL',
    undefined,
    'URLs',
    origins.optional(),
    'by which nodes reach it, separated by commas; what a node signs for another address is refused',
  ),
  intakeTlsCert: setting(
    'MUSTER_INTAKE_TLS_CERT',
    undefined,
    'path',
    z.string().min(1).optional(),
    'PEM file of its certificate; without it nodes come in the clear, as from a proxy on this machine',
  ),
  intakeTlsKey: setting(
    'MUSTER_INTAKE_TLS_KEY',
    undefined,
    'path',
    z.string().min(1).optional(),
    'PEM file of the key of that certificate',
  ),
  intakeTrustProxy: setting(
    'MUSTER_INTAKE_TRUST_PROXY',
    undefined,
    'addresses',
    z.string().min(1).optional(),
    'addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas',
  ),
  intakeMaxNodes: setting(
    'MUSTER_INTAKE_MAX_NODES',
    '20000',
    'sessions',
    z.coerce.number().int().min(1).max(MAX_SESSIONS),
    'nodes that may be connected at once',
  ),
  intakePerAddress: setting(
    'MUSTER_INTAKE_PER_ADDRESS',
    '64',
    'sessions',
    z.coerce.number().int().min(1).max(MAX_SESSIONS),
    'nodes that may be connected from one network address at once',
  ),
  intakeGraceMs: setting(
    'MUSTER_INTAKE_GRACE_MS',
    '3000',
    'ms',
    z.coerce.number().int().min(0).max(MAX_GRACE_MS),
    'an hour is closed this long after its end, so that what arrived in it is counted',
  ),
  intakeSkewMs: setting(
    'MUSTER_INTAKE_SKEW_MS',
    '60000',
    'ms',
    milliseconds,
    'how far the time in a single signed beat may be from ours',
  ),
  beatPingMs: setting(
    'MUSTER_BEAT_PING_MS',
    '15000',
    'ms',
    milliseconds,
    'how often a connected node says that it is there (15 s in the origin)',
  ),
  beatStatusEvery: setting(
    'MUSTER_BEAT_STATUS_EVERY',
    '3',
    'pings',
    z.coerce.number().int().min(1).max(MAX_BEATS_PER_HOUR),
    'of so many pings one is answered by asking for the status, and the status counts as a beat',
  ),
  beatLeast: setting(
    'MUSTER_BEAT_LEAST',
    '47',
    'beats',
    z.coerce.number().int().min(1).max(MAX_BEATS_PER_HOUR),
    'counted beats that make an hour (47 of at most 80 in the origin)',
  ),
  tallyDays: setting(
    'MUSTER_TALLY_DAYS',
    '40',
    'days',
    z.coerce.number().int().min(2).max(MAX_KEPT_DAYS),
    'how long the counts of closed hours are kept; pay is swept after 30 days',
  ),
} as const
