import type { Command } from 'commander'
import { KeeperError, describe } from '../base/errors.ts'
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
    const onSignal = (): void => stop.abort(new KeeperError('INTERRUPTED'))
    process.once('SIGINT', onSignal)
    process.once('SIGTERM', onSignal)
    try {
      const run = prepare(options, stop.signal)
      const args = command.args
      printReport(await handler(run, options, args), run.json)
    } catch (error) {
      printError(error, options.json === true)
    } finally {
      process.removeListener('SIGINT', onSignal)
      process.removeListener('SIGTERM', onSignal)
    }
  }
}

function prepare(options: CommonOptions, signal: AbortSignal): Run {
  const config = loadConfig(undefined, overridesOf(options))
  const json = options.json === true
  const file = config.logFile === undefined ? {} : { file: config.logFile }
  // A person's terminal is for the answer; the journal and a log file keep the details.
  const level = config.logFile === undefined && !isDaemonLog(config) ? 'warn' : config.logLevel
  const log = createLogger({ level, ...file, clock: systemClock })
  const note = (line: string): void => void process.stderr.write(`${line}\n`)
  return { config, clock: systemClock, log, json, signal, note }
}

// Anything but the default was asked for by hand.
function isDaemonLog(config: Config): boolean {
  return config.logLevel !== 'info'
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
  if (json) process.stdout.write(`${toJson({ error: told })}\n`)
  else
    process.stderr.write(
      `error ${told.code}: ${told.message}\n${listOf(told.facts)}  ${told.wayOut}\n`,
    )
  process.exitCode = told.exitCode
}

/** Faults of a file one a line: the sentence alone would be unreadable. */
function listOf(facts: Record<string, unknown>): string {
  const faults = facts['faults']
  if (!Array.isArray(faults)) return ''
  return faults
    .map((fault: unknown) => {
      const { line, fault: what } = (fault ?? {}) as { line?: number; fault?: string }
      return line === undefined ? `  - ${String(fault)}\n` : `  line ${line}: ${what}\n`
    })
    .join('')
}
