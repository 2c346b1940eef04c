import { KeeperError } from '../base/errors.ts'
import { findIntent } from '../chain/journal/journal.ts'
import type { TxIntent } from '../chain/journal/journal.ts'
import type { ValidatorsRoom } from './room.ts'

// One reason to revert may pass by itself (a pause); one that comes back four times is for a human.
const MAX_ATTEMPTS = 5

/** S-24: what reverted is tried again under a new key, and only by a new run: key, key#2, key#3 … */
export async function freshKey(
  { db, client }: ValidatorsRoom,
  { to, kind, key }: Pick<TxIntent, 'to' | 'kind' | 'key'>,
): Promise<string> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const candidate = attempt === 1 ? key : `${key}#${attempt}`
    const business = { chainId: client.chainId, contract: to, kind, key: candidate }
    const known = await findIntent(db, business)
    const isSpent = known && known.nonce !== undefined && isClosed(known.state)
    if (!isSpent) return candidate
  }
  throw new KeeperError('ATTEMPTS_SPENT', { kind, key, attempts: MAX_ATTEMPTS })
}

function isClosed(state: string): boolean {
  return state === 'reverted' || state === 'cancelled'
}
