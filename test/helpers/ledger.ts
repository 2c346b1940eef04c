import { expect } from 'chai'
import { trialBalance } from '../../keeper/ledger/balances.ts'
import { checkLedger } from '../../keeper/ledger/check.ts'
import type { Posting } from '../../keeper/ledger/posting.ts'
import type { Db } from '../../keeper/store/db.ts'

export const COIN = 'eip155:31337/slip44:60'
export const TOKEN = 'eip155:31337/erc20:0x00000000000000000000000000000000000000aa'
/** 2026-11-21T12:00:00Z. */
export const NOON = 1_795_262_400

let counter = 0

/** An award of 5 to alice under a key of its own; a test names only what matters. */
export function posting(changes: Partial<Posting> = {}): Posting {
  counter += 1
  return {
    key: `manual:${counter}`,
    debit: 'expense:manual',
    credit: 'accrued:manual:alice',
    asset: COIN,
    amount: 5n,
    code: 'accrue',
    effectiveAt: NOON,
    ...changes,
  }
}

/** Run after every test that moves money. */
export async function assertBooksBalance(db: Db): Promise<void> {
  expect(await checkLedger(db)).to.deep.equal([])
  for (const { total } of await trialBalance(db)) expect(total).to.equal(0n)
}
