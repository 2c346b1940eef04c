import { isKeeperError } from '../../base/errors.ts'
import { findIntent } from '../../chain/journal/journal.ts'
import type { TxRecord } from '../../chain/journal/journal-rows.ts'
import { ensure } from '../../base/errors.ts'
import { FAILED_FOR_GOOD } from '../follow.ts'
import type { Program } from '../program.ts'
import type { PayoutsRoom } from '../room.ts'
import { readClaims } from './claims-contract.ts'
import type { RootRow } from './claims-rows.ts'
import type { ClaimsDesk } from './desk.ts'
import { ACCEPT_KIND, numberedKey, planAccept } from './plan-claims.ts'

/** short: the program's money or budget does not reach. over: the chain has decided, and it is not yet final. */
export type Acceptance = 'accepted' | 'resting' | 'short' | 'over'

/** Makes a root that has rested the one to claim from. Anybody may do it; then there is nothing left to do. */
export async function acceptRoot(
  room: PayoutsRoom,
  program: Program,
  desk: ClaimsDesk,
  { root, total }: RootRow,
): Promise<Acceptance> {
  const { contract } = desk
  const now = (await room.client.block('latest'))?.timestamp ?? 0
  const state = await readClaims(contract)
  if (state.pending?.root !== root) return 'over'
  if (now < state.pending.readyAt) return 'resting'
  const { balance, available } = await room.contracts.payouts.programOf(program.number)
  const moved = total - state.total
  if (balance < moved || available < moved) return 'short'
  const intent = await planAccept(contract, root, now)
  if (intent === undefined) return 'over'
  const key = await freeKey(room, { to: intent.to, kind: ACCEPT_KIND, name: root })
  try {
    await room.payer.send({ ...intent, key }, { until: 'final', errors: contract.errors })
    await room.onStep?.('root-accepted')
    return 'accepted'
  } catch (error) {
    if (!isKeeperError(error, ...FAILED_FOR_GOOD)) throw error
    // Somebody else was faster: that is as good.
    if ((await readClaims(contract)).pending?.root !== root) return 'over'
    throw error
  }
}

// Tries of one call that failed on the chain each time: by then something is wrong that a person must see.
const MAX_TRIES = 100

interface Named {
  to: TxRecord['contract']
  kind: string
  name: string
}

/** The journal's key of the first try that has not failed for good. */
export async function freeKey(
  { db, client }: PayoutsRoom,
  { to, kind, name }: Named,
): Promise<string> {
  for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
    const key = numberedKey(name, attempt)
    const tx = await findIntent(db, { chainId: client.chainId, contract: to, kind, key })
    if (tx?.state !== 'reverted' && tx?.state !== 'cancelled') return key
  }
  return ensure(false, 'INTERNAL', { what: `${kind} ${name} failed ${MAX_TRIES} times` }) as never
}
