import { CATALOGUE } from './error-catalogue.ts'
import type { CatalogueRow, ErrorCode } from './error-catalogue.ts'
import { redactDeep, redactText } from './redact.ts'
import { toJson } from './json.ts'

export type Facts = Record<string, unknown>

/** Every expected fault: a code from the catalogue, the facts, and so a sentence and a way out. */
export class KeeperError extends Error {
  readonly code: ErrorCode
  readonly facts: Facts

  constructor(code: ErrorCode, facts: Facts = {}, cause?: unknown) {
    super(fill(CATALOGUE[code].sentence, facts), cause === undefined ? undefined : { cause })
    this.name = 'KeeperError'
    this.code = code
    this.facts = facts
  }

  get row(): CatalogueRow {
    return CATALOGUE[this.code]
  }

  get exitCode(): number {
    return this.row.exitCode
  }

  get wayOut(): string {
    return fill(this.row.wayOut, this.facts)
  }
}

function fill(template: string, facts: Facts): string {
  const text = template.replace(/\{(\w+)\}/g, (_match, name: string) => show(facts[name]))
  // An empty fact leaves no gap: `muster {command} --help` for no command in particular.
  return redactText(text.replace(/ {2,}/g, ' '))
}

/** As it reads in a sentence: no quotes round a number, a list without brackets. */
function show(fact: unknown): string {
  if (fact === undefined) return '?'
  if (typeof fact === 'string') return fact
  if (typeof fact === 'bigint') return fact.toString()
  if (Array.isArray(fact)) return fact.map(showItem).join(', ')
  return toJson(redactDeep(fact))
}

/** A fault of a file carries its line. */
export function showItem(item: unknown): string {
  const { line, fault } = (typeof item === 'object' && item !== null ? item : {}) as Facts
  const isOfLine = typeof line === 'number' && typeof fault === 'string'
  return isOfLine ? `line ${line}: ${fault}` : show(item)
}

export function isKeeperError(error: unknown, ...codes: ErrorCode[]): error is KeeperError {
  if (!(error instanceof KeeperError)) return false
  return codes.length === 0 || codes.includes(error.code)
}

export function ensure(condition: unknown, code: ErrorCode, facts: Facts = {}): asserts condition {
  if (!condition) throw new KeeperError(code, facts)
}

/** Programming faults have no row of their own: they are INTERNAL. */
export function exitCodeOf(error: unknown): number {
  return error instanceof KeeperError ? error.exitCode : CATALOGUE.INTERNAL.exitCode
}

export interface ErrorDescription {
  code: ErrorCode
  message: string
  wayOut: string
  facts: Facts
  exitCode: number
}

/** What the CLI prints and the journal keeps: free of secrets, plain JSON. */
export function describe(error: unknown): ErrorDescription {
  const known = error instanceof KeeperError ? error : internal(error)
  const { code, message, wayOut, exitCode } = known
  return { code, message, wayOut, exitCode, facts: redactDeep(known.facts) as Facts }
}

function internal(error: unknown): KeeperError {
  return new KeeperError('INTERNAL', { what: messageOf(error) }, error)
}

export function messageOf(error: unknown): string {
  return redactText(error instanceof Error ? error.message : String(error))
}
