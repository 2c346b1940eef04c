import type { Hex } from '../../keeper/base/schema.ts'
import type { SideLog, SignedEntry, JournalHead } from '../../keeper/chain/side-log.ts'
import type { SimProcess } from './sim-process.ts'

/** The second book on a disk of its own: what is signed is there at once, where the journal ends is not. */
export interface SimSideLog {
  signed: SignedEntry[]
  heads: JournalHead[]
  voided: Set<Hex>
}

export function emptySideLog(): SimSideLog {
  return { signed: [], heads: [], voided: new Set() }
}

export function sideLogOf(process: SimProcess, log: SimSideLog): SideLog {
  return {
    signed: (entry, head) =>
      process.through('log', async () => {
        log.signed.push(entry)
        log.heads.push(head)
      }),
    head: (head) => void log.heads.push(head),
    voided: (hash) => void log.voided.add(hash),
    close: async () => {},
  }
}
