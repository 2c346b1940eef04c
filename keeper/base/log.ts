import { mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'
import { redactDeep, redactText } from './redact.ts'
import type { Clock } from './time.ts'
import { isoTime, systemClock } from './time.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What the rooms see of pino: facts first, then the event's name. */
export interface Logger {
  debug(facts: object, event: string): void
  info(facts: object, event: string): void
  warn(facts: object, event: string): void
  error(facts: object, event: string): void
  child(bindings: object): Logger
  /** Asked before a line is gathered that costs something. */
  isLevelEnabled?(level: LogLevel): boolean
}

export interface LogOptions {
  level: LogLevel
  /** Without a file, lines go to stderr: stdout belongs to the answers of commands. */
  file?: string
  clock?: Clock
  /** Tests read the lines. */
  write?: (line: string) => void
}

const STDERR = 2

/**
 * One JSON line an event, written before the call returns: pino's threads and buffers lose all at SIGKILL.
 * Secrets are taken out twice: by field name in the facts, and by value and pattern in the finished line.
 */
export function createLogger(options: LogOptions): Logger {
  const clock = options.clock ?? systemClock
  const write = options.write ?? lineWriter(options.file)
  return pino(
    {
      level: options.level,
      base: null,
      messageKey: 'event',
      timestamp: () => `,"time":"${isoTime(clock.now())}"`,
      formatters: {
        level: (label) => ({ level: label }),
        bindings: (bindings) => redactDeep(bindings) as Record<string, unknown>,
        log: (facts) => redactDeep(facts) as Record<string, unknown>,
      },
      serializers: { err: redactDeep },
    },
    { write: (line: string) => write(redactText(line)) },
  )
}

function lineWriter(file: string | undefined): (line: string) => void {
  if (file !== undefined) mkdirSync(dirname(file), { recursive: true })
  const target = file === undefined ? STDERR : openSync(file, 'a', 0o600)
  return (line) => void writeSync(target, line)
}

export const silentLogger: Logger = createLogger({ level: 'silent', write: () => {} })
