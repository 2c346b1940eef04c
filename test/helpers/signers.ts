import { SigningKey, keccak256 } from 'ethers'
import type { Hex } from '../../keeper/base/schema.ts'
import { CURVE_ORDER, unsignedBytes } from '../../keeper/chain/keys/unsigned.ts'
import type { TypedData } from '../../keeper/chain/keys/typed-data.ts'
import type { TxSignature, UnsignedTx } from '../../keeper/chain/keys/unsigned.ts'

/** A transaction with a value of its own in every field. */
export const SAMPLE_TX: UnsignedTx = {
  chainId: 31_337,
  nonce: 7,
  to: '0x52908400098527886E0F7030069857D2E4169EE7',
  data: '0x1234',
  value: 5n,
  gasLimit: 100_000n,
  maxFeePerGas: 10n,
  maxPriorityFeePerGas: 1n,
}

/** A statement with a field of every kind that ours have. */
export const SAMPLE_STATEMENT: TypedData = {
  domain: {
    name: 'Muster heartbeat',
    version: '1',
    chainId: 31_337,
    verifyingContract: '0x52908400098527886E0F7030069857D2E4169EE7',
  },
  types: {
    HourRoot: [
      { name: 'hour', type: 'uint32' },
      { name: 'root', type: 'bytes32' },
      { name: 'validators', type: 'uint32' },
    ],
  },
  value: { hour: 489_000, root: `0x${'ab'.repeat(32)}`, validators: 25 },
}

/** Every field of a transaction changed in turn: what a signer must not do unseen. */
export const CHANGES: { field: string; change: (tx: UnsignedTx) => Partial<UnsignedTx> }[] = [
  { field: 'chainId', change: () => ({ chainId: 1 }) },
  { field: 'nonce', change: ({ nonce }) => ({ nonce: nonce + 1 }) },
  { field: 'to', change: () => ({ to: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8' }) },
  { field: 'data', change: ({ data }) => ({ data: `${data}00` as Hex }) },
  { field: 'value', change: ({ value }) => ({ value: value + 1n }) },
  { field: 'gasLimit', change: ({ gasLimit }) => ({ gasLimit: gasLimit + 1n }) },
  { field: 'maxFeePerGas', change: ({ maxFeePerGas }) => ({ maxFeePerGas: maxFeePerGas + 1n }) },
  {
    field: 'maxPriorityFeePerGas',
    change: ({ maxPriorityFeePerGas }) => ({ maxPriorityFeePerGas: maxPriorityFeePerGas - 1n }),
  },
]

/** The same signature the other way up: valid on the curve, refused since EIP-2. */
export function withHighS({ r, s, yParity }: TxSignature): TxSignature {
  return { r, s: CURVE_ORDER - s, yParity: 1 - yParity }
}

export function signatureOf(privateKey: string, unsigned: UnsignedTx): TxSignature {
  return signDigest(privateKey, keccak256(unsignedBytes(unsigned)))
}

export function signDigest(privateKey: string, digest: string): TxSignature {
  const { r, s, yParity } = new SigningKey(privateKey).sign(digest)
  return { r: BigInt(r), s: BigInt(s), yParity }
}
