import { Transaction, concat, decodeRlp, encodeRlp, keccak256, recoverAddress } from 'ethers'
import type { Wei } from '../../base/amount.ts'
import { KeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { Fees } from '../sending/fees.ts'

/** The payload as it is built, before anybody signs it. EIP-1559 always. */
export interface UnsignedTx extends Fees {
  chainId: number
  nonce: number
  /** Null: a contract is created. */
  to: Address | null
  data: Hex
  value: Wei
  gasLimit: bigint
}

export interface SignedTx {
  raw: Hex
  /** Computed here, never taken from a node. */
  hash: Hex
}

export interface TxSignature {
  r: bigint
  s: bigint
  yParity: number
}

const TYPE = '0x02'
/** In the order in which EIP-1559 encodes them; the last three are the signature. */
const FIELDS = [
  'chainId',
  'nonce',
  'maxPriorityFeePerGas',
  'maxFeePerGas',
  'gasLimit',
  'to',
  'value',
  'data',
  'accessList',
  'yParity',
  'r',
  's',
] as const
const UNSIGNED_FIELDS = FIELDS.length - 3

/** The order of secp256k1's group. */
export const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
/** EIP-2: of the two signatures that every signature has, the one with the smaller s. */
const MAX_S = CURVE_ORDER / 2n

export function toTransaction(unsigned: UnsignedTx): Transaction {
  return Transaction.from({ type: 2, accessList: [], ...unsigned })
}

/** The bytes that are hashed and signed. */
export function unsignedBytes(unsigned: UnsignedTx): Hex {
  return encode(fieldsOf(unsigned))
}

/** As it is, also when it is wrong: checkSigned judges it. */
export function withSignature(unsigned: UnsignedTx, { yParity, r, s }: TxSignature): Hex {
  const signature = [BigInt(yParity), r, s].map(numberItem)
  return encode([...fieldsOf(unsigned), ...signature])
}

/**
 * A signer may be another machine: every field, the curve's rules and the recovered address are
 * checked, and that the bytes are the only way to write this transaction. Names what differs.
 */
export function checkSigned(raw: Hex, unsigned: UnsignedTx, sender: Address): SignedTx {
  const bytes = raw.toLowerCase() as Hex
  const field = faultIn(bytes, unsigned, sender)
  if (field !== undefined) throw new KeeperError('SIGNATURE_WRONG', { field })
  return { raw: bytes, hash: keccak256(bytes) as Hex }
}

function faultIn(raw: Hex, unsigned: UnsignedTx, sender: Address): string | undefined {
  if (!/^0x([0-9a-f]{2})+$/.test(raw)) return 'encoding'
  if (!raw.startsWith(TYPE)) return 'type'
  const items = itemsOf(raw)
  if (items === undefined || items.length > FIELDS.length) return 'encoding'
  if (items.length < FIELDS.length) return 'signature'
  const changed = fieldsOf(unsigned).findIndex((item, at) => !isSame(item, items[at]))
  if (changed !== -1) return FIELDS[changed]
  const signature = items.slice(UNSIGNED_FIELDS).map(canonicalNumber)
  const field = faultInSignature(signature)
  if (field !== undefined) return field
  // One transaction has one encoding: a length written the long way is other bytes and another hash.
  if (encode(items) !== raw) return 'encoding'
  const [yParity = 0n, r = 0n, s = 0n] = signature
  const from = recoverSender(unsigned, { r, s, yParity: Number(yParity) })
  if (from === undefined) return 'signature'
  return from.toLowerCase() === sender.toLowerCase() ? undefined : 'sender'
}

function faultInSignature([yParity, r, s]: (bigint | undefined)[]): string | undefined {
  if (yParity === undefined || yParity > 1n) return 'yParity'
  if (r === undefined || r === 0n || r >= CURVE_ORDER) return 'r'
  return s === undefined || s === 0n || s > MAX_S ? 's' : undefined
}

function recoverSender(unsigned: UnsignedTx, signature: TxSignature): Address | undefined {
  return recoverSigner(keccak256(unsignedBytes(unsigned)) as Hex, signature)
}

/** Undefined: no point of the curve has this r. */
export function recoverSigner(digest: Hex, { r, s, yParity }: TxSignature): Address | undefined {
  const word = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`
  try {
    const signature = { r: word(r), s: word(s), yParity: yParity === 0 ? 0 : 1 } as const
    return recoverAddress(digest, signature) as Address
  } catch {
    return undefined
  }
}

type Item = ReturnType<typeof decodeRlp>

/** The unsigned part of FIELDS, as it stands in the bytes. */
function fieldsOf(unsigned: UnsignedTx): Item[] {
  const { chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gasLimit, to, value, data } = unsigned
  const fees = [maxPriorityFeePerGas, maxFeePerGas, gasLimit].map(numberItem)
  const numbers = [numberItem(BigInt(chainId)), numberItem(BigInt(nonce)), ...fees]
  return [...numbers, (to ?? '0x').toLowerCase(), numberItem(value), data.toLowerCase(), []]
}

/** Undefined: it is no list. */
function itemsOf(raw: Hex): Item[] | undefined {
  try {
    const items = decodeRlp(`0x${raw.slice(TYPE.length)}`)
    return Array.isArray(items) ? items : undefined
  } catch {
    return undefined
  }
}

function encode(items: Item[]): Hex {
  return concat([TYPE, encodeRlp(items)]) as Hex
}

function isSame(asked: Item, found: Item | undefined): boolean {
  if (typeof asked === 'string') return asked === found
  return Array.isArray(found) && found.length === asked.length
}

/** RLP has no leading zeros; a list is no number. */
function canonicalNumber(item: Item): bigint | undefined {
  if (typeof item !== 'string' || item.startsWith('0x00')) return undefined
  return item === '0x' ? 0n : BigInt(item)
}

function numberItem(value: bigint): string {
  const digits = value.toString(16)
  return value === 0n ? '0x' : `0x${digits.padStart(digits.length + (digits.length % 2), '0')}`
}
