import type { Wei } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import { faultOf } from '../chain/rpc/client.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { AuditState } from './audit-state.ts'
import type { ChainEvent, EventName } from './chain-events.ts'
import type { StateReader } from './compare-state.ts'
import { inParallel } from './parallel.ts'
import type { OnProgress } from './read-events.ts'
import { quantity } from './read-events.ts'

/** Events after which the contract holds more or less than before. */
const MOVING = new Set<EventName>([
  'Funded',
  'Skimmed',
  'Paid',
  'Claimed',
  'Withdrawn',
  'ReturnedToSponsor',
])

/** What the contract owed after a block, and what left it in that block. */
export interface Mark {
  block: number
  owed: Wei
  skimmed: Wei
  leaving: Map<string, Wei>
}

/** Follows a derivation: one mark for each block in which money moved. */
export function markBlocks(): {
  marks: Mark[]
  onEvent: (state: AuditState, event: ChainEvent) => void
} {
  const marks: Mark[] = []
  const onEvent = ({ books }: AuditState, event: ChainEvent): void => {
    if (!MOVING.has(event.name)) return
    const { block, tx } = event.at
    let mark = marks.at(-1)
    if (mark?.block !== block) {
      mark = { block, owed: 0n, skimmed: 0n, leaving: new Map() }
      marks.push(mark)
    }
    mark.owed = books.owed
    if (event.name === 'Skimmed') mark.skimmed += event.args.amount
    for (const [to, amount] of books.leaving.get(tx) ?? []) mark.leaving.set(`${tx}/${to}`, amount)
  }
  return { marks, onEvent }
}

/**
 * Coin leaves no events, so the contract's balance is compared after every block in which money moved.
 * Less than it owes is a divergence. More came in without `fund` – or less went out than the events say:
 * then the payees' own balances are asked. Returns false when the node has no old balances.
 */
export async function watchBalance(
  client: ChainClient,
  reader: StateReader,
  state: AuditState,
  marks: readonly Mark[],
  onProgress: OnProgress,
): Promise<boolean> {
  const balances = new Map<number, Wei>()
  try {
    await inParallel(marks, onProgress, 'comparing balances', async ({ block }) => {
      balances.set(block, await reader.balance(block))
    })
  } catch (error) {
    if (faultOf(error) === undefined) throw error
    return false
  }
  let surplus = 0n
  for (const mark of marks) {
    const balance = balances.get(mark.block) ?? 0n
    if (balance < mark.owed) addShort(state, mark, balance)
    const after = balance - mark.owed
    if (after > surplus - mark.skimmed && mark.leaving.size > 0) {
      await checkPayees(client, state, mark)
    }
    surplus = after
  }
  return true
}

function addShort(state: AuditState, { block, owed }: Mark, balance: Wei): void {
  state.findings.add({
    layer: 'chain',
    kind: 'balance',
    what: `what the contract holds after block ${block}`,
    expected: `at least ${owed}`,
    found: String(balance),
  })
}

/** A payee that sent nothing in the block has what it was paid, or it was not paid. */
async function checkPayees(
  client: ChainClient,
  state: AuditState,
  { block, leaving }: Mark,
): Promise<void> {
  const due = new Map<Address, Wei>()
  for (const [key, amount] of leaving) {
    const to = key.slice(key.indexOf('/') + 1) as Address
    due.set(to, (due.get(to) ?? 0n) + amount)
  }
  for (const [to, amount] of due) {
    const at = (method: string, number: number): Promise<Hex> =>
      client.request<Hex>(method, [to, quantity(number)])
    const [code, before, after, nonceBefore, nonceAfter] = await Promise.all([
      at('eth_getCode', block),
      at('eth_getBalance', block - 1),
      at('eth_getBalance', block),
      at('eth_getTransactionCount', block - 1),
      at('eth_getTransactionCount', block),
    ])
    const isQuiet = code === '0x' && nonceBefore === nonceAfter
    const got = BigInt(after) - BigInt(before)
    if (!isQuiet || got >= amount) continue
    const what = `what ${to} got in block ${block}`
    const fields = { layer: 'chain', kind: 'underpaid', what } as const
    state.findings.add({ ...fields, expected: String(amount), found: String(got) })
  }
}
