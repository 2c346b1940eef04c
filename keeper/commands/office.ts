import { userInfo } from 'node:os'
import { askKeeper } from '../api/control.ts'
import type { Alerts } from '../base/alerts.ts'
import { KeeperError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Clock } from '../base/time.ts'
import type { Config } from '../config.ts'
import { cliActor } from '../office/actor.ts'
import type { Actor } from '../office/actor.ts'
import type { Db } from '../store/db.ts'
import { openStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'

/** Where the commands of administration work: in the running keeper, or with the store opened here. */
export interface Office {
  db: Db
  config: Config
  clock: Clock
  log: Logger
  /** Of the running keeper; without it they are lines of the log. */
  alerts?: Alerts
  actor: Actor
}

type Options = Record<string, unknown>
export type OfficeOrder = (office: Office, args: string[], options: Options) => Promise<Report>
type Handler = (run: Run, options: Options, args: string[]) => Promise<Report>

/** The running keeper of this home may hold the store; whoever reaches its socket may do all that it may. */
export function officeCommand(name: string, order: OfficeOrder): Handler {
  return async (run, options, args) => {
    const given = { ...options, user: userName() }
    const asked = { name, args, options: given }
    const answer = await askKeeper(run.config.home, asked, run.signal)
    if (answer) return answer
    const { config, clock, log } = run
    const db = await openStore({ ...config, clock })
    try {
      return await order({ db, config, clock, log, actor: cliActor(given.user) }, args, given)
    } finally {
      await db.close()
    }
  }
}

/** As the command line has it: a user of this machine, or a number where it has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}

export function actorOf(options: Options): Actor {
  const { user } = options
  return cliActor(typeof user === 'string' ? user : 'unknown')
}

// More is a query for the database itself.
const MAX_LIMIT = 100_000

export function limitOf(text: unknown, command: string): number {
  if (typeof text === 'string' && /^[1-9]\d{0,5}$/.test(text) && Number(text) <= MAX_LIMIT) {
    return Number(text)
  }
  const what = `"${String(text)}" is not a number from 1 to ${MAX_LIMIT}`
  throw new KeeperError('USAGE', { what, command })
}

/** A flag that may be missing. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
