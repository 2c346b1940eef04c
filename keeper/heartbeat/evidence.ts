import { stat } from 'node:fs/promises'
import { KeeperError, messageOf } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import type { Hour } from '../base/time.ts'
import { onlineIn, readBeats } from './beats.ts'
import type { Beats } from './beats.ts'

/** Who was heard in a closed hour. The keeper's jobs ask for it; where it comes from is its own affair. */
export interface Evidence {
  /** Stored with each snapshot. */
  readonly name: string
  /** Undefined: nothing is known of that hour yet, so it cannot be closed. */
  nodesIn(hour: Hour): Promise<Address[] | undefined>
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
