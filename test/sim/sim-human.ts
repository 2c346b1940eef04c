import { messageOf } from '../../keeper/base/errors.ts'
import { attemptsOf, unresolved } from '../../keeper/chain/journal/journal.ts'
import { findMined } from './model-answers.ts'
import { CHAIN_ID } from './model-chain.ts'
import { SENDER } from './sim-keeper.ts'
import type { SimKeeper } from './sim-keeper.ts'
import type { Random } from './random.ts'
import type { SimWorld } from './sim-world.ts'

/** An operator on the command line, with whatever is unresolved then. */
export async function orderAtRandom(
  { note, store }: SimWorld,
  random: Random,
  keeper: SimKeeper | undefined,
  step: 'bump' | 'cancel',
): Promise<void> {
  if (!keeper) return
  const rows = await unresolved(store.db, CHAIN_ID, SENDER)
  if (rows.length === 0) return
  const tx = random.pick(rows)
  note(`operator: ${step} ${tx.kind} ${tx.key} at ${tx.nonce}`)
  await keeper.sender[step](tx.id).then(
    () => note(`operator: ${step} of ${tx.key} is done`),
    (error: unknown) => note(`operator: ${step} of ${tx.key}: ${messageOf(error)}`),
  )
}

/**
 * What the runbook asks of a human: a row is given up only when its nonce is used for good by something else.
 * After a reorg beyond what was final nobody can say that, and the queue stays where it is.
 */
export async function settleByHuman(world: SimWorld, keeper: SimKeeper): Promise<void> {
  const { chain, truth, note } = world
  if (truth.isFinalityBroken) return
  const view = chain.view()
  const final = view.fork[Math.max(0, view.height - chain.terms.finalDepth)]
  for (const tx of await unresolved(world.store.db, CHAIN_ID, SENDER)) {
    if (tx.state !== 'unknown' && tx.state !== 'foreign') continue
    const attempts = await attemptsOf(world.store.db, tx.id)
    const isMined = attempts.some(({ hash }) => findMined(view, hash) !== undefined)
    if (isMined || (tx.nonce ?? 0) >= (final?.nonce ?? 0)) continue
    note(`human: ${tx.kind} ${tx.key} at ${tx.nonce} will not happen`)
    await keeper.sender.resolve(tx.id, { abandon: true })
    truth.resolved.add(tx.id)
  }
}
