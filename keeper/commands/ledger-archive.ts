import { join } from 'node:path'
import { KeeperError } from '../base/errors.ts'
import { manifestName } from '../ledger/archive-file.ts'
import type { Manifest } from '../ledger/archive-file.ts'
import { archiveMonth, restoreMonth } from '../ledger/archive.ts'
import type { Month } from '../ledger/months.ts'
import type { Report, Run } from './command.ts'
import { withStore } from './ledger.ts'
import { plural } from './print.ts'

export interface ArchiveOptions {
  dir?: string
}

const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/

export async function ledgerArchiveCommand(
  run: Run,
  options: ArchiveOptions,
  [text = '']: string[],
): Promise<Report> {
  const month = parseMonth(text, 'ledger archive')
  const dir = dirOf(run, options)
  const manifest = await withStore(run, (db) => archiveMonth({ db, clock: run.clock, dir }, month))
  return reportOf(manifest, `${text} is in ${join(dir, manifest.file)}`)
}

export async function ledgerRestoreCommand(
  run: Run,
  options: ArchiveOptions,
  [text = '']: string[],
): Promise<Report> {
  const month = parseMonth(text, 'ledger restore')
  const file = join(dirOf(run, options), manifestName(month))
  const manifest = await withStore(run, (db) => restoreMonth(db, file))
  return reportOf(manifest, `${text} is in the database again`)
}

function dirOf(run: Run, { dir }: ArchiveOptions): string {
  return dir ?? join(run.config.home, 'ledger')
}

function parseMonth(text: string, command: string): Month {
  const [, year, month] = MONTH.exec(text) ?? []
  if (year === undefined || month === undefined) {
    throw new KeeperError('USAGE', { what: `"${text}" is not a month (YYYY-MM)`, command })
  }
  return Number(`${year}${month}`)
}

function reportOf(manifest: Manifest, says: string): Report {
  const { transfers, entries, firstBatch, lastBatch, sha256 } = manifest
  const batches = plural(lastBatch - firstBatch + 1n, 'batch', 'batches')
  return {
    json: manifest,
    lines: [
      says,
      `  ${plural(transfers, 'transfer')}, ${plural(entries, 'entry', 'entries')}, ${batches}`,
      `  SHA-256 ${sha256}`,
    ],
  }
}
