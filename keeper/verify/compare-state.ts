import { Interface } from 'ethers'
import type { Result } from 'ethers'
import { HeartbeatRegistry__factory } from '../../types/ethers-contracts/factories/contracts/HeartbeatRegistry__factory.ts'
import { ValidatorRewards__factory } from '../../types/ethers-contracts/factories/contracts/ValidatorRewards__factory.ts'
import type { Wei } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { NATIVE } from '../chain/contracts.ts'
import { SHARE } from './audit-state.ts'
import type { AuditState, CycleAudit, CycleState } from './audit-state.ts'
import { wordsOf } from './bitmap.ts'
import type { Sources } from './chain-events.ts'
import type { Divergence } from './divergence.ts'
import { inParallel } from './parallel.ts'
import type { OnProgress } from './read-events.ts'
import { quantity } from './read-events.ts'

const REWARDS = new Interface(ValidatorRewards__factory.abi)
const REGISTRY = new Interface(HeartbeatRegistry__factory.abi)
const ERC20 = new Interface(['function balanceOf(address) view returns (uint256)'])

/** As IValidatorRewards.State numbers them. */
const STATES: readonly (CycleState | 'none')[] = [
  'none',
  'counting',
  'settled',
  'rolled-over',
  'voided',
]

/** Calls at one block, so that everything compared is of the same moment. */
export interface StateReader {
  rewards(name: string, args?: unknown[]): Promise<Result>
  registry(name: string, args?: unknown[]): Promise<Result>
  /** The contract's balance in the asset, at the reader's block or another. */
  balance(block?: number): Promise<Wei>
}

export function stateReader(client: ChainClient, sources: Sources, block: number): StateReader {
  const ask = async (abi: Interface, to: Address, name: string, args: unknown[], at: number) => {
    const data = abi.encodeFunctionData(name, args) as Hex
    return abi.decodeFunctionResult(name, await client.call({ to, data }, at))
  }
  return {
    rewards: (name, args = []) => ask(REWARDS, sources.rewards, name, args, block),
    registry: (name, args = []) => ask(REGISTRY, sources.registry, name, args, block),
    balance: async (at = block) => {
      if (sources.asset === NATIVE) {
        const params = [sources.rewards, quantity(at)]
        return BigInt(await client.request<Hex>('eth_getBalance', params))
      }
      const [amount] = await ask(ERC20, sources.asset, 'balanceOf', [sources.rewards], at)
      return amount as Wei
    },
  }
}

/** What the contract itself says at the end, against what its events came to. */
export async function compareState(
  state: AuditState,
  reader: StateReader,
  cycles: readonly Cycle[],
  onProgress: OnProgress,
): Promise<void> {
  await compareBooks(state, reader)
  await inParallel(cycles, onProgress, 'comparing cycles', async (cycle) => {
    const audit = state.cycles.get(cycle)
    if (audit) await compareCycle(state, reader, audit)
  })
  const creditors = state.books.creditors
  await inParallel(creditors, onProgress, 'comparing credits', async ([account, amount]) => {
    const [found] = await reader.rewards('creditOf', [account])
    const what = stated('credit', `the credit of ${account}`)
    state.findings.compare(what, amount, found as bigint)
  })
}

function stated(kind: string, what: string, cycle?: Cycle): Omit<Divergence, 'expected' | 'found'> {
  return { layer: 'chain', kind, what: `${what} by the contract’s own word`, cycle }
}

async function compareBooks({ books, findings, next }: AuditState, reader: StateReader) {
  const [said] = (await reader.rewards('books')) as unknown as [Record<string, bigint>]
  const { funded, paid, withdrawn, credits, unpaid, pool, returned } = books.totals
  const own = { funded, pool, unpaid, credits }
  for (const [name, amount] of Object.entries(own)) {
    findings.compare(stated('books', `the sum "${name}"`), amount, said[name] ?? 0n)
  }
  const sum = paid + withdrawn + credits + unpaid + pool + returned
  const what = 'the sum of paid, withdrawn, credits, unpaid, pool and returned'
  findings.compare({ layer: 'chain', kind: 'conservation', what }, funded, sum)
  const balance = await reader.balance()
  if (balance < books.owed) {
    const held = { layer: 'chain', kind: 'balance', what: 'what the contract holds' } as const
    findings.add({ ...held, expected: `at least ${books.owed}`, found: String(balance) })
  }
  const [said_next] = await reader.rewards('nextCycle')
  findings.compare(stated('next', 'the cycle decided next'), next, said_next as bigint)
}

async function compareCycle(
  { findings }: AuditState,
  reader: StateReader,
  audit: CycleAudit,
): Promise<void> {
  const { cycle, decision, sharing } = audit
  const [said] = (await reader.rewards('cycle', [cycle])) as unknown as [Record<string, unknown>]
  const is = (what: string, expected: unknown, found: unknown): void =>
    findings.compare(stated('cycle', what, cycle), String(expected), String(found))
  is('its state', audit.state, STATES[Number(said['state'])] ?? 'none')
  is('its snapshots', decision.snapshots, said['snapshots'])
  if (audit.state !== 'settled') return
  is('its eligible validators', sharing.eligible, said['eligible'])
  is('the sum of its shares', sharing.allocated, said['allocated'])
  is('the time of its decision', audit.decidedAt.time, said['extractedAt'])
  const flags = audit.shares.map((value) => (value === SHARE.due ? 1 : 0))
  for (const [word, mask] of wordsOf(flags, decision.words).entries()) {
    const [found] = await reader.rewards('unpaidMask', [cycle, word])
    const what = stated('unpaid', `who is still unpaid in roster word ${word}`, cycle)
    findings.compare(what, hex(mask), hex(found as bigint))
  }
}

function hex(mask: bigint): string {
  return `0x${mask.toString(16)}`
}
