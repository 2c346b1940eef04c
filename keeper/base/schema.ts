import { getAddress, isAddress } from 'ethers'
import { z } from 'zod'
import { KeeperError } from './errors.ts'

export type Hex = `0x${string}`
/** Checksummed in TypeScript and JSON, lower case in SQL. */
export type Address = Hex

// Hours and cycles are uint32 on chain.
const MAX_UINT32 = 2 ** 32 - 1

export const addressSchema = z
  .string()
  .refine(
    (text) => isAddress(text) && text.startsWith('0x'),
    'not an address (0x and 40 hex digits)',
  )
  .transform((text) => getAddress(text) as Address)

export const hexSchema = z
  .string()
  .regex(/^0x([0-9a-fA-F]{2})*$/, 'not hex bytes (0x and an even number of digits)')
  .transform((text) => text.toLowerCase() as Hex)

export const hourSchema = z.coerce.number().int().nonnegative().max(MAX_UINT32)
export const cycleSchema = z.coerce
  .number({ invalid_type_error: 'not a number' })
  .int('not a whole number')
  .positive('cycles count from 1')
  .max(MAX_UINT32)

/** When a mined transaction cannot be undone: a tag of the chain, or a number of blocks. */
export type Finality = 'finalized' | 'safe' | number

// Deeper than any reorg of a public network; more would only wait.
const MAX_CONFIRMATIONS = 1_000

export const finalitySchema = z.union([
  z.enum(['finalized', 'safe']),
  z.coerce.number().int().min(1).max(MAX_CONFIRMATIONS),
])

/** All faults at once, each with its field. */
export function parseWith<Schema extends z.ZodTypeAny>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data as z.output<Schema>
  throw new KeeperError('INPUT_INVALID', { what, faults: faultsOf(result.error) })
}

export function faultsOf(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) => [...path, message].join(': '))
}
