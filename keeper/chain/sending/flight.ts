import { carryOut, newWatch } from './carry-out.ts'
import type { Stage, Until, Watch } from './carry-out.ts'
import type { Fees } from './fees.ts'
import { readTx } from '../journal/journal.ts'
import type { TxRecord } from '../journal/journal-rows.ts'
import type { SendContext } from './send-context.ts'
import type { Order } from './send-state.ts'

/** The transactions on their way: each is watched by one loop, however many wait for it. */
export interface Flight {
  carry(context: SendContext, tx: TxRecord, until: Until, fees?: Fees): Promise<TxRecord>
  /** Resolves when the bytes are out, or when the way there has ended otherwise. */
  out(id: bigint): Promise<void>
  /** An operator's bump or cancellation; resolves when it is signed, or has come too late. */
  order(context: SendContext, tx: TxRecord, step: Order): Promise<void>
  /** Resolves when nothing is watched any more, however it ended. */
  landed(): Promise<void>
  count(): number
}

interface Watched {
  watch: Watch
  running: Promise<TxRecord>
  stages: Record<Stage, PromiseWithResolvers<TxRecord>>
}

type Watches = Map<bigint, Watched>

export function openFlight(): Flight {
  const watches: Watches = new Map()
  return {
    carry: (context, tx, until, fees) => carry(watches, context, { tx, until, fees }),
    out: async (id) => {
      const watched = watches.get(id)
      if (!watched) return
      await Promise.race([watched.stages.broadcast.promise, settled(watched)])
    },
    order: (context, tx, step) => order(watches, context, tx, step),
    landed: async () => {
      while (watches.size > 0) await Promise.all([...watches.values()].map(settled))
    },
    count: () => watches.size,
  }
}

interface Leg {
  tx: TxRecord
  until: Until
  fees?: Fees | undefined
}

async function carry(watches: Watches, context: SendContext, leg: Leg): Promise<TxRecord> {
  const { tx, until } = leg
  const other = watches.get(tx.id)
  if (!other) return start(watches, context, leg, newWatch(context, leg.fees)).running
  // Whoever watches it already may get there, or give up before: then it is our turn.
  const stage = until === 'final' ? undefined : other.stages[until].promise
  const reached = await Promise.race([settled(other), ...(stage ? [stage] : [])])
  if (reached) return reached
  return carry(watches, context, { ...leg, tx: await readTx(context.journal.db, tx.id) })
}

async function settled({ running }: Watched): Promise<undefined> {
  await running.catch(() => {})
}

function start(watches: Watches, context: SendContext, leg: Leg, watch: Watch): Watched {
  const { tx, until } = leg
  const stages = {
    broadcast: Promise.withResolvers<TxRecord>(),
    included: Promise.withResolvers<TxRecord>(),
  }
  watch.onStage = (stage, now) => stages[stage].resolve(now)
  const running = carryOut(context, tx, until, watch)
    .catch((error: unknown) => {
      // An order that is still open was not carried out: whoever gave it hears why.
      watch.order?.settle(error)
      throw error
    })
    .finally(() => {
      watches.delete(tx.id)
      watch.order?.settle()
    })
  const watched = { watch, running, stages }
  watches.set(tx.id, watched)
  return watched
}

/** The loop takes it up at its next turn; a second order replaces the first. */
async function order(
  watches: Watches,
  context: SendContext,
  tx: TxRecord,
  step: Order,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const settle = (error?: unknown): void => (error === undefined ? resolve() : reject(error))
  const known = watches.get(tx.id)
  const watch = known?.watch ?? newWatch(context)
  watch.order?.settle()
  watch.order = { step, settle }
  // It may be refused while we still wait for the row's own end below.
  promise.catch(() => {})
  if (!known) await settled(start(watches, context, { tx, until: 'broadcast' }, watch))
  await promise
}
