import { lastTransferOf, postAll } from './books.ts'
import type { Books } from './books.ts'
import { rowsAfter } from './copying.ts'
import type { CopiedRows, Copier } from './copying.ts'
import { GOALS, measurementOf, medianOf } from './goals.ts'
import type { LedgerMeasurement, StoreName } from './goals.ts'
import { PAYEES } from './load.ts'
import { PGBENCH } from './pgbench.ts'

/** Transfers a second, of one round. */
export interface Round {
  posting: number
  copy: number
  uniform: number
  /** Transactions a second. */
  pgbench?: number
}

export interface PostingRoom {
  store: StoreName
  hot: Books
  uniform: Books
  copier: Copier
  pgbench?: (() => Promise<number>) | undefined
}

/** One after the other, so that what slows the machine down slows all of them. */
export async function postingRound(room: PostingRoom, transfers: number): Promise<Round> {
  const { hot, uniform, copier, pgbench } = room
  const [ofHot, ofUniform] = [hot, uniform].map(({ load }) => load.take(transfers))
  const before = await lastTransferOf(hot.db)
  const posting = await postAll(hot.ledger, ofHot ?? [])
  const rows = await rowsAfter(hot.db, before)
  const copy = await copyAll(copier, rows, transfers)
  const round = { posting, copy, uniform: await postAll(uniform.ledger, ofUniform ?? []) }
  return pgbench ? { ...round, pgbench: await pgbench() } : round
}

async function copyAll(copier: Copier, rows: CopiedRows[], transfers: number): Promise<number> {
  const start = performance.now()
  for (const transaction of rows) await copier.copy(transaction)
  return (transfers * 1_000) / (performance.now() - start)
}

/** Ratios within a round; the median of them. */
export function postingMeasurements(store: StoreName, rounds: Round[]): LedgerMeasurement[] {
  const perSecond = (pick: (round: Round) => number | undefined): number =>
    Math.round(medianOf(rounds.map((round) => pick(round) ?? Number.NaN)))
  const posting = perSecond((round) => round.posting)
  const ofCopy = measurementOf('posting / COPY of the same rows', store, GOALS.ofCopy, {
    runs: rounds.map((round) => round.posting / round.copy),
    details: { posting, copy: perSecond((round) => round.copy), payees: PAYEES },
  })
  const hotOfUniform = measurementOf('one hot account / uniform', store, GOALS.hotOfUniform, {
    runs: rounds.map((round) => round.posting / round.uniform),
    details: { hot: posting, uniform: perSecond((round) => round.uniform), payees: PAYEES },
  })
  const runs = rounds.flatMap((round) =>
    round.pgbench === undefined ? [] : [round.posting / round.pgbench],
  )
  if (runs.length === 0) return [ofCopy, hotOfUniform]
  const details = { posting, pgbench: perSecond((round) => round.pgbench), load: PGBENCH }
  const ofPgbench = measurementOf('posting / pgbench', store, GOALS.ofPgbench, { runs, details })
  return [ofCopy, ofPgbench, hotOfUniform]
}
