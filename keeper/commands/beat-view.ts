import { describe } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import { isoTime, startOfHour } from '../base/time.ts'
import type { Hour } from '../base/time.ts'
import type { AgentState, LinkState } from '../heartbeat/agent/agent.ts'
import type { LinkPhase } from '../heartbeat/agent/link.ts'
import type { Run } from './command.ts'
import { plural } from './print.ts'

export interface AgentView {
  start(state: AgentState): void
  update(state: AgentState): void
  stop(): void
}

const CLEAR_LINE = '\r\u001b[2K'
const DEFAULT_COLUMNS = 100

/** With --json a line of JSON at every change; on a terminal one line that stays; else lines for a log. */
export function showAgent(run: Run): AgentView {
  if (run.json) return jsonLines(run)
  return process.stderr.isTTY ? oneLine() : logLines(run)
}

function jsonLines({ clock }: Run): AgentView {
  const write = (state: AgentState): void => {
    const { node, links } = state
    const line = { at: isoTime(clock.now()), node, links: links.map(linkJson) }
    process.stdout.write(`${toJson(line)}\n`)
  }
  return { start: () => {}, update: write, stop: () => {} }
}

function linkJson({ fault, ...link }: LinkState): object {
  if (fault === undefined) return link
  const { code, message, wayOut } = describe(fault)
  return { ...link, fault: { code, message, wayOut } }
}

function oneLine(): AgentView {
  const show = ({ node, links }: AgentState): void => {
    const columns = process.stderr.columns || DEFAULT_COLUMNS
    const text = `${node.slice(0, 8)}…  ${links.map(linkText).join('  ·  ')}`
    process.stderr.write(`${CLEAR_LINE}${text.slice(0, columns - 1)}`)
  }
  return { start: show, update: show, stop: () => void process.stderr.write('\n') }
}

function linkText(link: LinkState): string {
  const host = link.url.replace(/^https?:\/\//, '')
  return `${host} ${phaseText(link)}`
}

function phaseText({ phase, hour, count, fault, retryInMs = 0 }: LinkState): string {
  if (phase === 'beating' && hour !== undefined && count !== undefined) {
    return `beating, hour ${hourText(hour)}: ${plural(count, 'beat')}`
  }
  const why = fault === undefined ? '' : ` (${fault.code})`
  if (phase === 'waiting') return `waiting ${Math.ceil(retryInMs / 1000)} s${why}`
  return `${phase}${why}`
}

interface Shown {
  phase: LinkPhase
  hour: Hour | undefined
  count: number
  /** The refusal told last, and when. */
  code: string | undefined
  toldMs: number
}

const NOTHING: Shown = {
  phase: 'connecting',
  hour: undefined,
  count: 0,
  code: undefined,
  toldMs: 0,
}
// An outage of hours is a few lines in a journal, not a thousand.
const SAME_FAULT_EVERY_MS = 600_000

/** A line when something is new, and one for each hour that is over: a journal is read, not watched. */
function logLines({ note, clock }: Run): AgentView {
  const shown = new Map<string, Shown>()
  const update = (link: LinkState): void => {
    const { lines, next } = linesOf(link, shown.get(link.url) ?? NOTHING, clock.nowMs())
    shown.set(link.url, next)
    for (const line of lines) note(`${isoTime(clock.now())} ${link.url}: ${line}`)
  }
  return {
    start: ({ node }) => note(`beating for ${node}`),
    update: ({ links }) => links.forEach(update),
    stop: () => {},
  }
}

function linesOf(link: LinkState, last: Shown, nowMs: number): { lines: string[]; next: Shown } {
  const { phase, hour, count = 0, fault } = link
  const isOver = last.hour !== undefined && hour !== undefined && hour > last.hour
  const over = isOver ? [`hour ${hourText(last.hour ?? 0)}: ${plural(last.count, 'beat')}`] : []
  const next = { ...last, phase, hour, count }
  if (phase === last.phase || phase === 'connecting')
    return { lines: over, next: { ...next, phase } }
  if (fault === undefined) {
    return { lines: [...over, phaseText(link)], next: { ...next, code: undefined } }
  }
  const isTold = fault.code === last.code && nowMs - last.toldMs < SAME_FAULT_EVERY_MS
  if (isTold && phase === 'waiting') return { lines: over, next }
  const { code, message, wayOut } = describe(fault)
  const told = `${phaseText(link)}: ${message} ${wayOut}`
  return { lines: [...over, told], next: { ...next, code, toldMs: nowMs } }
}

function hourText(hour: number): string {
  return isoTime(startOfHour(hour)).slice(11, 16)
}
