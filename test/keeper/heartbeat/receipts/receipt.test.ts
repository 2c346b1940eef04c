import { expect } from 'chai'
import { AbiCoder, keccak256 } from 'ethers'
import fc from 'fast-check'
import { isKeeperError } from '../../../../keeper/base/errors.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import { checkReceipt, leafOf } from '../../../../keeper/heartbeat/receipts/receipt.ts'
import type { Receipt } from '../../../../keeper/heartbeat/receipts/receipt.ts'
import { LEAVES_PER_PAGE } from '../../../../keeper/heartbeat/receipts/tree.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { readClaim } from '../../../../keeper/verify/receipt-claim.ts'
import { TEST_KEYS } from '../../../helpers/chain.ts'
import { codeOf } from '../../../helpers/errors.ts'
import { SIGNING, hourOfMany, nodeAt, signAndList } from '../../../helpers/receipts.ts'
import { receiptMutants } from '../../../helpers/receipt-mutants.ts'
import { freshDb } from '../../../helpers/store.ts'

// Three pages, the last of them not full.
const VALIDATORS = 2 * LEAVES_PER_PAGE + 7

describe('a receipt', function () {
  this.timeout(30_000)
  let db: Db
  let receipts: Receipt[]

  before(async () => {
    db = await freshDb()
    receipts = await signAndList(db, hourOfMany(VALIDATORS))
  })
  after(() => db.close())

  it('proves itself with nothing but itself, for every validator of the hour', () => {
    expect(receipts).to.have.length(VALIDATORS)
    for (const receipt of receipts) {
      const sent = JSON.parse(JSON.stringify(receipt)) as unknown
      expect(checkReceipt(sent)).to.deep.equal(receipt)
      expect(readClaim(sent)).to.deep.include({ node: receipt.node, root: receipt.root })
    }
  })

  it('carries what was counted, and one root and one signature for all', () => {
    const [first] = receipts
    expect(new Set(receipts.map(({ signature }) => signature)).size).to.equal(1)
    expect(new Set(receipts.map(({ root }) => root)).size).to.equal(1)
    expect(first).to.include({ chainId: 31_337, reporter: SIGNING.signer.address, expected: 80 })
    const told = new Map(receipts.map(({ node, seen, online }) => [node, { seen, online }]))
    expect(told.get(nodeAt(46))).to.deep.equal({ seen: 46, online: false })
    expect(told.get(nodeAt(47))).to.deep.equal({ seen: 47, online: true })
  })

  it('has the leaf that abi.encode and two hashes give, whatever it says', () => {
    const bytes = fc.uint8Array({ minLength: 20, maxLength: 20 })
    const uint16 = fc.nat(65_535)
    fc.assert(
      fc.property(bytes, fc.nat(2 ** 31), uint16, uint16, fc.boolean(), (raw, hour, a, b, on) => {
        const node: Address = `0x${Buffer.from(raw).toString('hex')}`
        const types = ['address', 'uint32', 'uint16', 'uint16', 'bool']
        const encoded = AbiCoder.defaultAbiCoder().encode(types, [node, hour, a, b, on])
        const expected = keccak256(keccak256(encoded))
        expect(leafOf({ node, seen: a, online: on }, hour, b)).to.equal(expected)
      }),
    )
  })

  it('of the only validator has an empty proof', async () => {
    const [alone] = await signAndList(db, hourOfMany(1, 489_100))
    expect(alone?.proof).to.deep.equal([])
    expect(checkReceipt(alone)).to.deep.equal(alone)
  })

  it('is refused when any one of its fields is changed', async () => {
    const [first, second] = receipts
    if (!first || !second) throw new Error('no receipts')
    const mutants = receiptMutants(first, second)
    expect(mutants.length).to.be.above(30)
    for (const { name, value } of mutants) {
      expect(
        codeOf(() => checkReceipt(value)),
        name,
      ).to.equal('RECEIPT_INVALID')
      expect(
        codeOf(() => readClaim(value)),
        `${name}, by the verifier`,
      ).to.equal('RECEIPT_INVALID')
    }
  })

  it('signed by another key names that key or is refused', async () => {
    const signer = walletSigner(TEST_KEYS[1])
    const [forged] = await signAndList(db, hourOfMany(3, 489_101), { ...SIGNING, signer })
    expect(checkReceipt(forged).reporter).to.equal(signer.address)
    const inOurName = { ...forged, reporter: SIGNING.signer.address }
    expect(codeOf(() => checkReceipt(inOurName))).to.equal('RECEIPT_INVALID')
  })

  it('that is any other JSON is refused with the same code by both readers', () => {
    const known = receipts[0] as unknown as Record<string, unknown>
    const fields = fc.subarray(Object.keys(known))
    const given = fc.oneof(
      fc.jsonValue(),
      fc.tuple(fields, fc.jsonValue()).map(([names, value]) => {
        const changed: Record<string, unknown> = { ...known, other: value }
        for (const name of names) changed[name] = value
        return changed
      }),
    )
    fc.assert(
      fc.property(given, (value) => {
        for (const read of [checkReceipt, readClaim]) {
          try {
            read(value)
            return false
          } catch (error) {
            if (!isKeeperError(error, 'RECEIPT_INVALID')) throw error
          }
        }
        return true
      }),
      { numRuns: 300 },
    )
  })
})
