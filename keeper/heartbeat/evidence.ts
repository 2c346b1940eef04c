import { stat } from 'node:fs/promises'
import { KeeperError, messageOf } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import type { Hour } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { onlineIn, readBeats } from './beats.ts'
import type { Beats } from './beats.ts'
import { findHour, readClosedHour } from './tally/closed-hours.ts'

/** Who was heard in a closed hour. The keeper's jobs ask for it; where it comes from is its own affair. */
export interface Evidence {
  /** Stored with each snapshot. */
  readonly name: string
  /** Undefined: nothing is known of that hour yet, so it cannot be closed. */
  nodesIn(hour: Hour): Promise<Address[] | undefined>
  /** True: nobody looked in that hour, so nothing will ever be known of it. */
  isUnheard?(hour: Hour): Promise<boolean>
}

/** The hours that an intake closed in this store; `closeFirst` closes one whose time is over. */
export function tallyEvidence(db: Db, closeFirst?: (hour: Hour) => Promise<void>): Evidence {
  return {
    name: 'intake',
    nodesIn: async (hour) => {
      await closeFirst?.(hour)
      const closed = await readClosedHour(db, hour)
      return closed?.rows.filter(({ online }) => online).map(({ node }) => node)
    },
    isUnheard: async (hour) => (await findHour(db, hour))?.state === 'unheard',
  }
}

export function beatsEvidence(beats: Beats): Evidence {
  return {
    name: beats.file,
    nodesIn: async (hour) => {
      const rows = beats.of(hour)
      return rows && onlineIn(rows)
    },
  }
}

/** A beats file that grows: it is read again when its time or size has changed. */
export function fileEvidence(file: string): Evidence {
  let version: string | undefined
  let beats: Beats | undefined
  return {
    name: file,
    nodesIn: async (hour) => {
      const current = await versionOf(file)
      if (current !== version) [beats, version] = [await readBeats(file), current]
      const rows = beats?.of(hour)
      return rows && onlineIn(rows)
    },
  }
}

async function versionOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size } = await stat(file)
    return `${mtimeMs}/${size}`
  } catch (error) {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
}
