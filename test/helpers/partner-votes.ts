// The real votes as rows, and what rules.ts wants to know of them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { EccVoter } from '../../keeper/programs/partners/rules/ecc.ts'

const DATA = join(import.meta.dirname, '..', '..', 'data')
const MS_PER_HOUR = 3_600_000
const HOURS_PER_DAY = 24

/** One row; the power is the ECC as the file writes it. */
export interface RealVote {
  voter: string
  /** Unix seconds; noon where the file has but a day. */
  at: number
  hour: number
  day: string
  power: string
}

function readRows(name: string): Record<string, string>[] {
  const text = gunzipSync(readFileSync(join(DATA, name))).toString('utf8')
  const [header = '', ...lines] = text.trimEnd().split('\n')
  const columns = header.split(',')
  return lines.map((line) => {
    const cells = line.split(',')
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']))
  })
}

/** votes_a: with times, and everybody's ECC 1. */
export function readTimedVotes(): RealVote[] {
  return readRows('votes_a.csv.gz').map(({ voter = '', created_ms: ms }) => {
    const hour = Math.floor(Number(ms) / MS_PER_HOUR)
    const at = Math.floor(Number(ms) / 1_000)
    return { voter, at, hour, day: String(Math.floor(hour / HOURS_PER_DAY)), power: '1' }
  })
}

/** votes_weighted_a: with days and powers. */
export function readWeightedVotes(): RealVote[] {
  const rows = readRows('votes_weighted_a.csv.gz')
  return rows.map(({ voter = '', day = '', voting_power: power = '' }) => {
    const at = Date.parse(`${day}T12:00:00Z`) / 1_000
    return { voter, at, hour: 0, day, power }
  })
}

/** In the order of time, whatever the order of the file. */
export function groupBy<K extends string | number>(
  votes: readonly RealVote[],
  keyOf: (vote: RealVote) => K,
): [K, RealVote[]][] {
  const groups = Map.groupBy(votes, keyOf)
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** Every row is one vote of 1 CC; the ECC is the largest of the voter's rows. */
export function votersOf(votes: readonly RealVote[], eccOf: (power: string) => bigint): EccVoter[] {
  const voters = new Map<string, EccVoter>()
  for (const { voter, power } of votes) {
    const { cc, votes: count, ecc } = voters.get(voter) ?? { cc: 0n, votes: 0, ecc: 0n }
    const other = eccOf(power)
    const largest = other > ecc ? other : ecc
    voters.set(voter, { partner: voter, cc: cc + 1n, votes: count + 1, ecc: largest })
  }
  return [...voters.values()]
}
