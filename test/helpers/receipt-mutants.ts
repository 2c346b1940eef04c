import { Signature } from 'ethers'
import type { Receipt } from '../../keeper/heartbeat/receipts/receipt.ts'
import { CURVE_ORDER } from '../../keeper/chain/keys/unsigned.ts'

export interface ReceiptMutant {
  name: string
  value: unknown
}

/** A receipt with one thing changed, in every way that somebody could hope for; `other` is of the same hour. */
export function receiptMutants(receipt: Receipt, other: Receipt): ReceiptMutant[] {
  const of = (name: string, change: object): ReceiptMutant => ({
    name,
    value: { ...receipt, ...change },
  })
  const { hour, seen, expected, validators, online, proof, root, signature } = receipt
  return [
    of('another chain', { chainId: receipt.chainId + 1 }),
    of('another registry', { registry: other.node }),
    of('another reporter', { reporter: other.node }),
    of('the next hour', { hour: hour + 1 }),
    of('no hour', { hour: -1 }),
    of('an hour as text', { hour: String(hour) }),
    of('another node', { node: other.node }),
    of('a node that is no address', { node: '0x1234' }),
    of('one beat more', { seen: seen + 1 }),
    of('one beat expected less', { expected: expected - 1 }),
    of('half a beat', { seen: 0.5 }),
    of('more beats than the leaf can say', { seen: 65_536 + seen }),
    of('the other decision', { online: !online }),
    of('a decision as a number', { online: Number(online) }),
    of('one validator more', { validators: validators + 1 }),
    of('no validators', { validators: 0 }),
    of('no proof', { proof: [] }),
    of('a proof that is short by its first', { proof: proof.slice(1) }),
    of('a proof that is short by its last', { proof: proof.slice(0, -1) }),
    of('a proof that is longer', { proof: [...proof, root] }),
    of('a proof the other way round', { proof: proof.toReversed() }),
    of('a proof of 33 hashes', { proof: Array.from({ length: 33 }, () => root) }),
    of('a proof of 31 bytes', { proof: [proof[0]?.slice(0, -2), ...proof.slice(1)] }),
    of('the proof of another', { proof: other.proof }),
    of('a proof that is no list', { proof: root }),
    of('another root', { root: flipped(root) }),
    of('another signature', { signature: flipped(signature) }),
    of('the signature with the other parity', { signature: withOtherParity(signature) }),
    of('the signature with the larger s', { signature: withLargerS(signature) }),
    of('a compact signature', { signature: Signature.from(signature).compactSerialized }),
    of('a parity as 0 or 1', { signature: `${signature.slice(0, 130)}${parityOf(signature)}` }),
    of('a signature without its parity', { signature: signature.slice(0, 130) }),
    of('no signature', { signature: '0x' }),
    of('a field more', { note: 'paid' }),
    ...Object.keys(receipt).map((name) => {
      const { [name]: _, ...rest } = receipt as unknown as Record<string, unknown>
      return { name: `no ${name}`, value: rest }
    }),
  ]
}

function flipped(hex: string): string {
  return `${hex.slice(0, 10)}${hex[10] === '0' ? '1' : '0'}${hex.slice(11)}`
}

function parityOf(signature: string): string {
  return signature.endsWith('1b') ? '00' : '01'
}

function withOtherParity(signature: string): string {
  return `${signature.slice(0, -2)}${signature.endsWith('1b') ? '1c' : '1b'}`
}

function withLargerS(signature: string): string {
  const s = CURVE_ORDER - BigInt(`0x${signature.slice(66, 130)}`)
  return withOtherParity(
    signature.slice(0, 66) + s.toString(16).padStart(64, '0') + signature.slice(130),
  )
}
