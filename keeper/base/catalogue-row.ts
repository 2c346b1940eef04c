/** Exit codes after BSD sysexits, so that a supervisor can tell "try later" from "fix me". */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 64,
  data: 65,
  unavailable: 69,
  internal: 70,
  temporary: 75,
  denied: 77,
  config: 78,
} as const

export interface CatalogueRow {
  /** What happened; {names} are filled from the facts. */
  sentence: string
  /** What the reader can do about it. */
  wayOut: string
  exitCode: number
  /** True when the same call may succeed later without anybody changing anything. */
  retry?: true
}

export function rows<Code extends string>(
  table: Record<Code, CatalogueRow>,
): Record<Code, CatalogueRow> {
  return table
}
