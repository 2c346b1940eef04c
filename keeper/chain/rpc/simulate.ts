import { Interface } from 'ethers'
import type { Result } from 'ethers'
import type { KeeperError } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'
import type { BlockTag, CallFields, ChainClient } from './client.ts'
import { faultOf } from './client.ts'

export interface DecodedRevert {
  error: string
  args: string[]
}

// Knows Error(string) and Panic(uint256) by itself.
const BUILT_IN = new Interface([])

/** Undefined: the call would succeed. */
export async function simulate(
  client: ChainClient,
  fields: CallFields,
  errors: readonly Interface[],
  tag: BlockTag = 'latest',
): Promise<DecodedRevert | undefined> {
  try {
    await client.call(fields, tag)
    return undefined
  } catch (error) {
    if (!isRevert(error)) throw error
    return decodeRevert(error.facts['data'] as Hex | undefined, errors, error.facts['message'])
  }
}

function isRevert(error: unknown): error is KeeperError {
  const fault = faultOf(error)
  return fault === 'reverted' || fault === 'gas-limit'
}

export function decodeRevert(
  data: Hex | undefined,
  errors: readonly Interface[],
  message: unknown = '',
): DecodedRevert {
  if (!data || data === '0x') return { error: 'NoReason', args: [String(message)] }
  for (const known of [...errors, BUILT_IN]) {
    const parsed = known.parseError(data)
    if (parsed) return { error: parsed.name, args: argsOf(parsed.args) }
  }
  return { error: data.slice(0, 10), args: [data] }
}

function argsOf(args: Result): string[] {
  return args.toArray(true).map(String)
}

export function showRevert({ error, args }: DecodedRevert): string {
  return `${error}(${args.join(', ')})`
}
