import type { Db } from '../store/db.ts'
import { hashOfEntry, readTrailAfter, readTrailHead } from './trail.ts'
import type { TrailEntry, TrailHead } from './trail.ts'

export interface TrailFinding {
  seq: bigint
  says: string
}

export interface TrailCheck {
  entries: bigint
  head: TrailHead
  findings: TrailFinding[]
}

// How many entries are in memory at a time: about 3 MB.
const PAGE = 5_000
// The first ones show what happened; every entry after a gap would be one more.
const MAX_FINDINGS = 100

interface Walk {
  last: TrailHead
  entries: bigint
  findings: TrailFinding[]
  /** A head that somebody wrote down elsewhere, until it is met. */
  noted: TrailHead | undefined
}

/**
 * Derives every hash again. Who owns the server could make a whole new chain: a head that was written down
 * elsewhere shows that, too.
 */
export async function checkTrail(db: Db, noted?: TrailHead): Promise<TrailCheck> {
  return db.begin(async (t) => {
    // One state of the trail, however long it takes.
    await t.exec('set transaction isolation level repeatable read')
    const walk: Walk = { last: { seq: 0n, hash: '' }, entries: 0n, findings: [], noted }
    for (;;) {
      const page = await readTrailAfter(t, walk.last.seq, PAGE)
      if (page.length === 0) break
      for (const entry of page) checkEntry(walk, entry)
    }
    const head = await readTrailHead(t)
    checkEnd(walk, head)
    return { entries: walk.entries, head, findings: walk.findings }
  })
}

function checkEntry(walk: Walk, entry: TrailEntry): void {
  const { last, noted } = walk
  const { seq, hash } = entry
  if (seq !== last.seq + 1n) add(walk, last.seq + 1n, `is missing: the next one is ${seq}`)
  if (entry.prevHash !== last.hash) add(walk, seq, 'does not follow the one before it')
  if (hashOfEntry(entry) !== hash) add(walk, seq, 'is not what was written')
  if (noted?.seq === seq && noted.hash === hash) walk.noted = undefined
  walk.last = { seq, hash }
  walk.entries += 1n
}

function checkEnd(walk: Walk, head: TrailHead): void {
  const { last, noted } = walk
  if (head.seq !== last.seq || head.hash !== last.hash) {
    add(walk, last.seq, `is the last one, but the head is at ${head.seq}`)
  }
  if (noted) add(walk, noted.seq, 'is not the one that was written down')
}

function add({ findings }: Walk, seq: bigint, says: string): void {
  if (findings.length < MAX_FINDINGS) findings.push({ seq, says })
}
