import { AbiCoder, Interface } from 'ethers'
import type { Hex } from '../../keeper/base/schema.ts'

/** What our rewards contract promises, and nothing else: one extract a cycle, one payment a bit. */
export const CONTRACT = new Interface([
  'function extract(uint32 cycle)',
  'function extractTransfer(uint32 cycle, uint256 mask)',
  'function cycleOf(uint32 cycle) view returns (bool extracted, uint256 unpaid)',
  'error AlreadyExtracted(uint32 cycle)',
  'error CycleNotSettled(uint32 cycle)',
])

export type Call =
  | { kind: 'extract'; cycle: number }
  | { kind: 'transfer'; cycle: number; mask: bigint }
  /** A self-send, or whatever else does not touch the contract. */
  | { kind: 'none' }

/** One mined call. What a reorg takes away is taken from this list too. */
export interface Execution {
  hash: Hex
  by: 'keeper' | 'stranger' | 'foreign'
  call: Call
  succeeded: boolean
  /** The bits that got their coin by it. */
  paid: bigint
}

export type ContractState = readonly Execution[]

const SELECTOR_LENGTH = 10
const WORD_LENGTH = 64

export function encodeCall(call: Exclude<Call, { kind: 'none' }>): Hex {
  return (
    call.kind === 'extract'
      ? CONTRACT.encodeFunctionData('extract', [call.cycle])
      : CONTRACT.encodeFunctionData('extractTransfer', [call.cycle, call.mask])
  ) as Hex
}

/** Trailing bytes are ignored, as the contract ignores them: the keeper's anchor is there. */
export function decodeCall(data: string): Call {
  const word = (index: number): bigint => {
    const start = SELECTOR_LENGTH + index * WORD_LENGTH
    return BigInt(`0x${data.slice(start, start + WORD_LENGTH) || '0'}`)
  }
  const selector = data.slice(0, SELECTOR_LENGTH)
  if (selector === SELECTORS.extract) return { kind: 'extract', cycle: Number(word(0)) }
  if (selector === SELECTORS.transfer) {
    return { kind: 'transfer', cycle: Number(word(0)), mask: word(1) }
  }
  return { kind: 'none' }
}

const SELECTORS = {
  extract: CONTRACT.getFunction('extract')?.selector,
  transfer: CONTRACT.getFunction('extractTransfer')?.selector,
  cycleOf: CONTRACT.getFunction('cycleOf')?.selector,
}

export function isExtracted(state: ContractState, cycle: number): boolean {
  return state.some(({ call, succeeded }) => {
    return succeeded && call.kind === 'extract' && call.cycle === cycle
  })
}

export function unpaidOf(state: ContractState, cycle: number, members: bigint): bigint {
  if (!isExtracted(state, cycle)) return 0n
  let unpaid = members
  for (const { call, paid } of state) {
    if (call.kind === 'transfer' && call.cycle === cycle) unpaid &= ~paid
  }
  return unpaid
}

/** Undefined: it would succeed. */
export function revertOf(state: ContractState, call: Call): Hex | undefined {
  if (call.kind === 'none') return undefined
  const has = isExtracted(state, call.cycle)
  // The last guard of phase 1.
  if (call.kind === 'extract' && has) return errorData('AlreadyExtracted', call.cycle)
  if (call.kind === 'transfer' && !has) return errorData('CycleNotSettled', call.cycle)
  return undefined
}

function errorData(name: string, cycle: number): Hex {
  return CONTRACT.encodeErrorResult(name, [cycle]) as Hex
}

export function execute(
  state: ContractState,
  { hash, by, call }: Pick<Execution, 'hash' | 'by' | 'call'>,
  members: bigint,
): ContractState {
  if (call.kind === 'none') return state
  const succeeded = revertOf(state, call) === undefined
  // The last guard of phase 2: a bit that is paid is skipped.
  const open = unpaidOf(state, call.cycle, members)
  const paid = succeeded && call.kind === 'transfer' ? call.mask & open : 0n
  return [...state, { hash, by, call, succeeded, paid }]
}

/** eth_call of the one view. */
export function answerView(state: ContractState, data: string, members: bigint): Hex | undefined {
  if (data.slice(0, SELECTOR_LENGTH) !== SELECTORS.cycleOf) return undefined
  const cycle = Number(BigInt(`0x${data.slice(SELECTOR_LENGTH, SELECTOR_LENGTH + WORD_LENGTH)}`))
  const answer = [isExtracted(state, cycle), unpaidOf(state, cycle, members)]
  return AbiCoder.defaultAbiCoder().encode(['bool', 'uint256'], answer) as Hex
}
