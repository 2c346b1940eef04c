import { KeeperError } from '../base/errors.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import type { BusinessState } from '../chain/sending/send-context.ts'
import { countBits } from '../heartbeat/words.ts'
import { readUnpaidOf } from './cycle-facts.ts'
import { STATES } from './cycle.ts'
import type { ChainRoom } from './room.ts'

/** Was the purpose of a transaction of ours done, by whomever? The contracts' own state is the last word. */
export async function businessStateOf(room: ChainRoom, tx: TxRecord): Promise<BusinessState> {
  const { registry, rewards } = room.contracts
  const { data, sender } = tx
  const call =
    registry.interface.parseTransaction({ data }) ?? rewards.interface.parseTransaction({ data })
  switch (call?.name) {
    case 'pushStatus':
      return stateOfPush(room, call.args[0] as bigint[], Number(call.args[1]), sender)
    case 'extract':
      return stateOfExtract(room, Number(call.args[0]))
    case 'extractTransfer':
      return stateOfTransfer(room, call.args.toArray() as TransferArgs)
    // A page says nothing by itself: the contract owns the cursor. Money of operators has no such state.
    case undefined:
    default:
      return 'unknown'
  }
}

async function stateOfPush(
  { contracts }: ChainRoom,
  words: readonly bigint[],
  hour: number,
  sender: string,
): Promise<BusinessState> {
  const pushed = await contracts.registry.snapshotOf(hour, sender)
  if (pushed.length === 0) return 'open'
  return words.every((word, i) => (word & ~(pushed[i] ?? 0n)) === 0n) ? 'done' : 'partly'
}

async function stateOfExtract({ contracts }: ChainRoom, cycle: number): Promise<BusinessState> {
  const state = STATES[Number((await contracts.rewards.cycle(cycle)).state)]
  if (state === undefined) throw new KeeperError('INTERNAL', { what: 'a cycle in no state', cycle })
  if (state === 'none') return 'open'
  return state === 'counting' ? 'partly' : 'done'
}

type TransferArgs = [cycle: bigint, words: bigint[], masks: bigint[]]

async function stateOfTransfer(
  room: ChainRoom,
  [cycle, words, masks]: TransferArgs,
): Promise<BusinessState> {
  const unpaid = await readUnpaidOf(room, Number(cycle), words.map(Number))
  const left = masks.map((mask, i) => mask & (unpaid[i] ?? 0n))
  if (countBits(left) === 0) return 'done'
  return countBits(left) === countBits(masks) ? 'open' : 'partly'
}
