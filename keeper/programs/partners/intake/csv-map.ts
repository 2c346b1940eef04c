import { open } from 'node:fs/promises'
import { z } from 'zod'
import { KeeperError, ensure, isKeeperError, messageOf } from '../../../base/errors.ts'
import { parseWith } from '../../../base/schema.ts'
import { sourceSchema } from './check-rows.ts'
import { eccColumns, partnerColumns, rateColumns, voteColumns } from './columns.ts'
import type { EccColumns, PartnerColumns, RateColumns, VoteColumns } from './columns.ts'

/** Which columns of a file say what; the description of a database says it in the same words. */
const csvMapSchema = z.object({
  name: sourceSchema.optional(),
  votes: z.object({ columns: voteColumns }).optional(),
  ecc: z.object({ columns: eccColumns }).optional(),
  rates: z.object({ columns: rateColumns }).optional(),
  partners: z.object({ columns: partnerColumns }).optional(),
})

export type CsvMap = z.output<typeof csvMapSchema>

interface Columns {
  votes: VoteColumns
  ecc: EccColumns
  rates: RateColumns
  partners: PartnerColumns
}

/** Of each kind as the map has it; a file that was written for Muster names its columns as we do. */
export function columnsOf({ votes, ecc, rates, partners }: CsvMap): Columns {
  return {
    votes: votes?.columns ?? {
      key: ['key'],
      partner: 'partner',
      cc: 'cc',
      type: 'type',
      at: { column: 'at', unit: 'iso' },
    },
    ecc: ecc?.columns ?? { partner: 'partner', day: 'day', ecc: 'ecc' },
    rates: rates?.columns ?? {
      from: { column: 'from', unit: 'iso' },
      unitsPerCc: 'units_per_cc',
    },
    partners: partners?.columns ?? { partner: 'partner', special: 'special' },
  }
}

// The four kinds with every key spelled out have some 1,000.
const MAX_MAP_BYTES = 64 * 1024

export async function readCsvMap(file: string): Promise<CsvMap> {
  let text: string
  try {
    const handle = await open(file)
    try {
      const { size } = await handle.stat()
      ensure(size <= MAX_MAP_BYTES, 'INPUT_INVALID', { what: file, faults: ['too long'] })
      text = await handle.readFile('utf8')
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
  return parseWith(csvMapSchema, jsonOf(text, file), file)
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new KeeperError('INPUT_INVALID', { what: file, faults: ['not JSON'] })
  }
}
