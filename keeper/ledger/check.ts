import type { Db } from '../store/db.ts'
import { trialBalance } from './balances.ts'
import { checkEntries } from './check-entries.ts'
import { checkTransfers } from './check-transfers.ts'
import { Findings } from './finding.ts'
import type { Finding } from './finding.ts'

/**
 * Derives everything again from the transfers: the hash chain from their lines, the number and sum of each
 * account's entries, its sequence and running balance, that every asset adds up to zero and every transfer has
 * its key. After months were archived, what is left must begin where they ended.
 */
export async function checkLedger(db: Db): Promise<Finding[]> {
  return db.begin(async (t) => {
    // One state of the books, however long it takes.
    await t.exec('set transaction isolation level repeatable read')
    const findings = new Findings()
    for (const { asset, total } of await trialBalance(t)) {
      if (total !== 0n) findings.add('unbalanced', asset, `it adds up to ${total}`)
    }
    const { archived } = await t.one<{ archived: bigint }>(
      'select coalesce(max(last_batch), 0) as archived from ledger_archive',
    )
    const expected = await checkTransfers(t, archived, findings)
    await checkEntries(t, { expected, isWhole: archived === 0n }, findings)
    return findings.list
  })
}
