import { expect } from 'chai'
import { Transaction, Wallet, concat, decodeRlp, encodeRlp, keccak256 } from 'ethers'
import type { Hex } from '../../../../keeper/base/schema.ts'
import { isKeeperError } from '../../../../keeper/base/errors.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import {
  CURVE_ORDER,
  checkSigned,
  toTransaction,
  unsignedBytes,
  withSignature,
} from '../../../../keeper/chain/keys/unsigned.ts'
import { TEST_KEYS } from '../../../helpers/chain.ts'
import { CHANGES, SAMPLE_TX, signatureOf, withHighS } from '../../../helpers/signers.ts'

const [key, otherKey] = TEST_KEYS
const signer = walletSigner(key)
const signature = signatureOf(key, SAMPLE_TX)
const right = withSignature(SAMPLE_TX, signature)

/** The field that the refusal names. */
function faultOf(raw: string): unknown {
  try {
    checkSigned(raw as Hex, SAMPLE_TX, signer.address)
    return 'none'
  } catch (error) {
    if (!isKeeperError(error, 'SIGNATURE_WRONG')) throw error
    return error.facts['field']
  }
}

/** The signed bytes with one item of the list put in the place of another. */
function withItem(at: number, item: string | string[]): string {
  const items = decodeRlp(`0x${right.slice(4)}`) as string[]
  return concat(['0x02', encodeRlp(items.with(at, item as string))])
}

describe('what a signer returns', () => {
  it('Z-46 the bytes of a right signature are taken, with a hash computed here', async () => {
    expect(await signer.signTransaction(SAMPLE_TX)).to.equal(right)
    expect(checkSigned(right, SAMPLE_TX, signer.address)).to.deep.equal({
      raw: right,
      hash: keccak256(right),
    })
    const shouted = `0x${right.slice(2).toUpperCase()}` as const
    expect(checkSigned(shouted, SAMPLE_TX, signer.address).raw).to.equal(right)
  })

  it('Z-46 our bytes before the signature are those of ethers', () => {
    for (const change of [
      {},
      { nonce: 0, value: 0n, data: '0x' as const },
      { to: null },
      { chainId: 128 },
    ]) {
      const tx = { ...SAMPLE_TX, ...change }
      expect(unsignedBytes(tx)).to.equal(toTransaction(tx).unsignedSerialized)
    }
  })

  for (const { field, change } of CHANGES) {
    it(`S-25 a changed ${field} is refused and named`, async () => {
      const other = { ...SAMPLE_TX, ...change(SAMPLE_TX) }
      expect(faultOf(await signer.signTransaction(other))).to.equal(field)
    })
  }

  it('S-25 an access list that nobody asked for is refused and named', async () => {
    const tx = Transaction.from(unsignedBytes(SAMPLE_TX))
    tx.accessList = [{ address: signer.address, storageKeys: [] }]
    expect(faultOf(await new Wallet(key).signTransaction(tx))).to.equal('accessList')
  })

  it('S-25 a signature by another key, or over other bytes, is not by the sender', () => {
    const byOther = withSignature(SAMPLE_TX, signatureOf(otherKey, SAMPLE_TX))
    const ofOther = withSignature(SAMPLE_TX, signatureOf(key, { ...SAMPLE_TX, nonce: 8 }))
    expect([faultOf(byOther), faultOf(ofOther)]).to.deep.equal(['sender', 'sender'])
  })

  it('S-25 a high s (EIP-2) is refused, to the number', () => {
    expect(faultOf(withSignature(SAMPLE_TX, withHighS(signature)))).to.equal('s')
    const half = CURVE_ORDER / 2n
    expect(faultOf(withSignature(SAMPLE_TX, { ...signature, s: half + 1n }))).to.equal('s')
    expect(faultOf(withSignature(SAMPLE_TX, { ...signature, s: half }))).not.to.equal('s')
    expect(faultOf(withSignature(SAMPLE_TX, { ...signature, s: 0n }))).to.equal('s')
  })

  it('S-25 an r outside the curve, and one that no point has, is refused', () => {
    expect(faultOf(withSignature(SAMPLE_TX, { ...signature, r: 0n }))).to.equal('r')
    expect(faultOf(withSignature(SAMPLE_TX, { ...signature, r: CURVE_ORDER }))).to.equal('r')
    // x = 5 is on no point of secp256k1: 5³ + 7 is no square.
    expect(faultOf(withSignature(SAMPLE_TX, { ...signature, r: 5n }))).to.equal('signature')
  })

  it('S-25 the other parity is another sender, and 27 is no parity', () => {
    const turned = { ...signature, yParity: 1 - signature.yParity }
    expect(faultOf(withSignature(SAMPLE_TX, turned))).to.equal('sender')
    expect(faultOf(withSignature(SAMPLE_TX, { ...signature, yParity: 27 }))).to.equal('yParity')
  })

  it('S-25 another type of transaction is refused', async () => {
    const { maxFeePerGas: _cap, maxPriorityFeePerGas: _tip, ...rest } = SAMPLE_TX
    for (const type of [0, 1]) {
      const tx = Transaction.from({ ...rest, type, gasPrice: 10n })
      expect(faultOf(await new Wallet(key).signTransaction(tx)), String(type)).to.equal('type')
    }
  })

  it('S-25 an unsigned transaction is refused', () => {
    expect(faultOf(unsignedBytes(SAMPLE_TX))).to.equal('signature')
  })

  it('S-25 bytes that are no transaction, or not the only way to write it, are refused', () => {
    for (const raw of ['', '0x', '0x0', '0x02', '0x02zz', '0x02c0ff', `${right}00`]) {
      expect(faultOf(raw), raw).to.equal('encoding')
    }
    expect(faultOf('0x1234')).to.equal('type')
    expect(faultOf('0x02c0')).to.equal('signature')
    expect(faultOf(right.slice(0, -2))).to.equal('encoding')
    // A leading zero, and a list in the place of a number.
    const r = `0x00${signature.r.toString(16).padStart(64, '0')}`
    expect([faultOf(withItem(10, r)), faultOf(withItem(11, []))]).to.deep.equal(['r', 's'])
    expect(faultOf(withItem(1, '0x0007'))).to.equal('nonce')
    // The nonce 7 as a string of one byte instead of the byte itself; the list is one byte longer.
    const long = right.replace(/^0x02f8(..)82(....)07/, (_all, length: string, chain: string) => {
      return `0x02f8${(parseInt(length, 16) + 1).toString(16)}82${chain}8107`
    })
    expect(long).not.to.equal(right)
    expect(faultOf(long)).to.equal('encoding')
  })
})
