import { z } from 'zod'
import { addressSchema } from '../../base/schema.ts'
import type { Address } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { TypedData } from '../../chain/keys/typed-data.ts'

/** "This wallet is mine, pay me there": what a wallet signs to be linked to a payee. */
export interface WalletLink {
  program: string
  payee: string
  wallet: Address
  primary: boolean
  /** Any number that this wallet has not signed a link with before. */
  nonce: bigint
  deadline: UnixSeconds
}

const TYPES = {
  WalletLink: [
    { name: 'program', type: 'string' },
    { name: 'payee', type: 'string' },
    { name: 'wallet', type: 'address' },
    { name: 'primary', type: 'bool' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
}

/** Of the message: it is for no contract, so a chain is all that it is bound to. */
export function linkDomain(chainId: number): { name: string; version: string; chainId: number } {
  return { name: 'Muster wallet', version: '1', chainId }
}

export function typedLink(chainId: number, link: WalletLink): TypedData {
  return { domain: linkDomain(chainId), types: TYPES, value: { ...link } }
}

/** As eth_signTypedData_v4 takes it, so that any wallet can sign it. */
export function linkRequest(chainId: number, link: WalletLink): object {
  const EIP712Domain = [
    { name: 'name', type: 'string' },
    { name: 'version', type: 'string' },
    { name: 'chainId', type: 'uint256' },
  ]
  const { nonce, deadline, ...message } = link
  return {
    types: { EIP712Domain, ...TYPES },
    primaryType: 'WalletLink',
    domain: linkDomain(chainId),
    message: { ...message, nonce: nonce.toString(), deadline: String(deadline) },
  }
}

// A program is named in settings, accounts and on pages: short and plain.
const PROGRAM_NAME = /^[a-z][a-z0-9-]{0,31}$/
// Programs' ids of payees are addresses, UUIDs, e-mail-like names; none known is longer than 254.
const MAX_PAYEE_LENGTH = 254

export const programSchema = z.string().regex(PROGRAM_NAME, 'not the name of a program')
/** Names parts of accounts, so no colon's neighbours: printable and without blanks. */
export const payeeSchema = z
  .string()
  .max(MAX_PAYEE_LENGTH)
  .regex(/^[\x21-\x7e]+$/, 'not printable ASCII without blanks')

const uint = z
  .string()
  .regex(/^\d{1,78}$/, 'not a number')
  .transform(BigInt)
  .refine((value) => value < 2n ** 256n, 'more than a uint256')

/** The part of a request that says something; types and domain are ours and not read from anybody. */
export const linkRequestSchema = z
  .object({
    domain: z.object({ chainId: z.coerce.number().int().positive() }),
    message: z
      .object({
        program: programSchema,
        payee: payeeSchema,
        wallet: addressSchema,
        primary: z.boolean(),
        nonce: uint,
        deadline: z.coerce.number().int().positive(),
      })
      .strict(),
  })
  .transform(({ domain, message }) => ({ chainId: domain.chainId, link: message }))
