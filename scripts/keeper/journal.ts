// Everything that the journal does for one transaction, on the embedded store, with its side log.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../keeper/base/time.ts'
import {
  recordBroadcast,
  recordFinal,
  recordIncluded,
  recordSigned,
} from '../../keeper/chain/journal/journal-moves.ts'
import { openSideLog } from '../../keeper/chain/journal/side-log-file.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { journalOf, plan, receiptFor, signedOf } from '../../test/helpers/journaling.ts'
import type { Measurement } from './measure.ts'
import { quantile, rounded } from './measure.ts'

const WARM_UP = 300
const COUNT = 1_000
const GOAL_MS = 2
const FEES = { maxFeePerGas: 10n, maxPriorityFeePerGas: 1n }

export async function measureJournal(): Promise<Measurement> {
  const home = await mkdtemp(join(tmpdir(), 'muster-bench-'))
  const db = await openStore({ home, clock: systemClock })
  const sideLog = await openSideLog({ home, clock: systemClock })
  const journal = journalOf(db, sideLog)
  try {
    const all: number[] = []
    for (let i = 0; i < WARM_UP + COUNT; i += 1) {
      const startMs = performance.now()
      const planned = await plan(journal, `tx/${i}`)
      const plannedMs = performance.now()
      // Signing is not the journal's.
      const attempt = { ...(await signedOf(planned)), purpose: 'send' as const, fees: FEES }
      const signedMs = performance.now()
      const signed = await recordSigned(journal, planned, attempt, 101)
      const sent = await recordBroadcast(journal, signed, attempt.hash, 102)
      const included = await recordIncluded(journal, sent, receiptFor(sent), 103)
      await recordFinal(journal, included, 104)
      if (i >= WARM_UP) all.push(plannedMs - startMs + (performance.now() - signedMs))
    }
    return {
      name: 'journal, p50 a transaction',
      unit: 'ms',
      goal: GOAL_MS,
      found: rounded(quantile(all, 0.5)),
      details: {
        p99: rounded(quantile(all, 0.99)),
        transactions: COUNT,
        store: 'PGlite, side log',
      },
    }
  } finally {
    await sideLog.close()
    await db.close()
    await rm(home, { recursive: true, force: true })
  }
}
