import type { Command } from 'commander'
import { KeeperError, describe, showItem } from '../base/errors.ts'
import type { ErrorDescription } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import { createLogger } from '../base/log.ts'
import type { Logger } from '../base/log.ts'
import { systemClock } from '../base/time.ts'
import type { Clock } from '../base/time.ts'
import { loadConfig } from '../config.ts'
import type { Config, SettingKey } from '../config.ts'

/** What a command has to say: the same facts for people and for programs. */
export interface Report {
  json: unknown
  lines: string[]
  /** 0 unless the command found something wrong without failing, as `status` can. */
  exitCode?: number
}

/** What every command is given. */
export interface Run {
  config: Config
  clock: Clock
  log: Logger
  json: boolean
  signal: AbortSignal
  /** For people, on stderr: never part of the answer. */
  note(line: string): void
}

interface CommonOptions {
  json?: boolean
  rpcUrl?: string
  chainId?: string
  home?: string
  deployments?: string
  databaseUrl?: string
  batchSize?: string
  zone?: string
  dailyTime?: string
  beats?: string
  intakePort?: string
}

/** Flags that every command knows; each wins over its environment variable. */
export function withCommon(command: Command, example: string): Command {
  return command
    .option('--json', 'print one JSON object on stdout (errors too)')
    .option('--rpc-url <url>', 'JSON-RPC endpoint (MUSTER_RPC_URL, default http://127.0.0.1:8545)')
    .option('--chain-id <id>', 'refuse any other chain (MUSTER_CHAIN_ID)')
    .option('--home <dir>', 'store, keys and local chain (MUSTER_HOME, default .muster)')
    .option('--deployments <dir>', 'recorded addresses (MUSTER_DEPLOYMENTS, default deployments)')
    .addHelpText('after', `\nExample:\n  ${example}\n`)
}

type Handler<Options> = (run: Run, options: Options, args: string[]) => Promise<Report | void>

/** Wraps a handler: settings, Ctrl-C, the answer on stdout, errors with their code and way out. */
export function handled<Options extends object>(handler: Handler<Options>) {
  return async (...parameters: unknown[]): Promise<void> => {
    const command = parameters.at(-1) as Command
    const options = command.opts<Options & CommonOptions>()
    const stop = new AbortController()
    const release = (): void => {
      process.removeListener('SIGINT', onSignal)
      process.removeListener('SIGTERM', onSignal)
    }
    // A second one, of either kind, finds no listener: it ends the process at once.
    const onSignal = (): void => {
      release()
      stop.abort(new KeeperError('INTERRUPTED'))
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    try {
      const run = prepare(options, stop.signal)
      const args = command.args
      printReport(await handler(run, options, args), run.json)
    } catch (error) {
      printError(error, options.json === true)
    } finally {
      release()
    }
  }
}

function prepare(options: CommonOptions, signal: AbortSignal): Run {
  const config = loadConfig(undefined, overridesOf(options))
  const json = options.json === true
  const log = loggerFor(config)
  const note = (line: string): void => void process.stderr.write(`${line}\n`)
  return { config, clock: systemClock, log, json, signal, note }
}

/** A person's terminal is for the answer: warnings in words; who asks for a log gets its lines. */
function loggerFor({ logFile, logLevel }: Config): Logger {
  const clock = systemClock
  if (logFile !== undefined) return createLogger({ level: logLevel, file: logFile, clock })
  if (logLevel !== 'info') return createLogger({ level: logLevel, clock })
  return createLogger({ level: 'warn', clock, write: sayWarning })
}

function sayWarning(line: string): void {
  const { level, time: _, event, ...facts } = JSON.parse(line) as Record<string, unknown>
  // The error itself is printed at the end.
  if (event === 'action-failed') return
  const said = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`)
  process.stderr.write(
    `${String(level)}: ${String(event).replaceAll('-', ' ')}: ${said.join(', ')}\n`,
  )
}

function overridesOf(options: CommonOptions): Partial<Record<SettingKey, string>> {
  const flags: [SettingKey, string | undefined][] = [
    ['rpcUrl', options.rpcUrl],
    ['chainId', options.chainId],
    ['home', options.home],
    ['deploymentsDir', options.deployments],
    ['batchSize', options.batchSize],
    ['zone', options.zone],
    ['dailyTime', options.dailyTime],
    ['beats', options.beats],
    ['intakePort', options.intakePort],
  ]
  return Object.fromEntries(flags.filter(([, value]) => value !== undefined))
}

function printReport(report: Report | void, json: boolean): void {
  if (!report) return
  const text = json ? toJson(report.json) : report.lines.join('\n')
  process.stdout.write(`${text}\n`)
  process.exitCode = report.exitCode ?? 0
}

export function printError(error: unknown, json: boolean): void {
  const told = describe(error)
  const text = json ? toJson({ error: told }) : errorLines(told).join('\n')
  const stream = json ? process.stdout : process.stderr
  stream.write(`${text}\n`)
  process.exitCode = told.exitCode
}

/** Several faults one a line: a sentence that holds them all would be unreadable. */
function errorLines({ code, message, wayOut, facts }: ErrorDescription): string[] {
  const faults: unknown[] = Array.isArray(facts['faults']) ? facts['faults'] : []
  const items = faults.map(showItem)
  const isList = items.length > 1
  const sentence = isList ? message.replace(` ${items.join(', ')}.`, '') : message
  const total = Number(facts['total'] ?? items.length)
  const more = isList && total > items.length ? [`  … and ${total - items.length} more`] : []
  const list = isList ? [...items.map((item) => `  - ${item}`), ...more] : []
  return [`error ${code}: ${sentence}`, ...list, `  ${wayOut}`]
}
