import { expect } from 'chai'
import { AbiCoder, hexlify, keccak256 } from 'ethers'
import fc from 'fast-check'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import {
  attemptsOf,
  findIntent,
  listJournal,
  openIntent,
  payloadHashOf,
  unresolved,
} from '../../../../keeper/chain/journal/journal.ts'
import type { TxIntent } from '../../../../keeper/chain/journal/journal.ts'
import {
  recordBroadcast,
  recordFinal,
  recordIncluded,
  recordReleased,
  recordSigned,
} from '../../../../keeper/chain/journal/journal-moves.ts'
import type { TxRecord } from '../../../../keeper/chain/journal/journal-rows.ts'
import { openJournal } from '../../../../keeper/chain/journal/journal-writer.ts'
import type { Journal } from '../../../../keeper/chain/journal/journal-writer.ts'
import { noSideLog } from '../../../../keeper/chain/journal/side-log.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { intentFor } from '../../../helpers/sending.ts'
import { freshDb } from '../../../helpers/store.ts'

const SENDER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const TO: Address = '0x52908400098527886E0F7030069857D2E4169EE7'
const HASH = `0x${'11'.repeat(32)}` as const
const fees = { maxFeePerGas: 10n, maxPriorityFeePerGas: 1n }
const receipt = {
  hash: HASH,
  blockNumber: 9,
  blockHash: `0x${'22'.repeat(32)}` as const,
  succeeded: true,
  gasUsed: 21_000n,
  gasPrice: 7n,
}

describe('the journal', function () {
  this.timeout(60_000)
  let db: Db
  let journal: Journal
  beforeEach(async () => {
    db = await freshDb()
    journal = openJournal({ db, sideLog: noSideLog, clock: systemClock })
  })
  afterEach(() => db.close())

  const open = (intent: TxIntent, chainNonce = 0): Promise<TxRecord> =>
    openIntent(journal, { chainId: 1, sender: SENDER, chainNonce, intent, at: 100 })

  async function finished(key: string): Promise<TxRecord> {
    const planned = await open(intentFor(TO, key))
    const attempt = { hash: HASH, raw: '0x02ff', purpose: 'send', fees } as const
    const signed = await recordSigned(journal, planned, attempt, 101)
    const sent = await recordBroadcast(journal, signed, HASH, 102)
    return recordFinal(journal, await recordIncluded(journal, sent, receipt, 103), 104)
  }

  it('Z-47 nonces follow one another without a gap, and the chain is only a floor', async () => {
    const nonces: (number | undefined)[] = []
    for (const [key, chainNonce] of [
      ['a', 3],
      ['b', 0],
      ['c', 4],
      ['d', 9],
    ] as const) {
      nonces.push((await open(intentFor(TO, key), chainNonce)).nonce)
    }
    expect(nonces).to.deep.equal([3, 4, 5, 9])
  })

  it('Z-49 the same key with the same payload is the old row, with another payload a refusal', async () => {
    const first = await open(intentFor(TO, 'a'))
    expect(await open(intentFor(TO, 'a'), 50)).to.deep.equal(first)
    for (const change of [{ data: '0x01' }, { value: 1n }] as const) {
      const refusal = await rejectionOf(open(intentFor(TO, 'a', change)))
      expect(refusal.code).to.equal('IDEMPOTENCY_PAYLOAD')
    }
    expect((await open(intentFor(TO, 'b'))).nonce).to.equal(1)
  })

  it('the hash of a payload is that of its ABI encoding', () => {
    const payload = fc.record({
      to: fc.constantFrom(TO, SENDER),
      value: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
      data: fc.uint8Array({ maxLength: 100 }),
    })
    fc.assert(
      fc.property(payload, ({ to, value, data }) => {
        const hex = hexlify(data) as Hex
        const types = ['address', 'uint256', 'bytes']
        const encoded = AbiCoder.defaultAbiCoder().encode(types, [to, value, hex])
        expect(payloadHashOf({ to, value, data: hex })).to.equal(keccak256(encoded))
      }),
    )
  })

  it('another kind, contract or chain is another key', async () => {
    const rows = [
      await open(intentFor(TO, 'a')),
      await open(intentFor(TO, 'a', { kind: 'other' })),
      await open(intentFor(SENDER, 'a')),
    ]
    expect(new Set(rows.map(({ id }) => id)).size).to.equal(3)
    const found = await findIntent(db, { chainId: 1, contract: SENDER, kind: 'test', key: 'a' })
    expect(found?.id).to.equal(rows[2]?.id)
  })

  it('two intents opened at the same time never share a nonce', async () => {
    const keys = Array.from({ length: 8 }, (_, index) => `k${index}`)
    const results = await Promise.allSettled(keys.map((key) => open(intentFor(TO, key))))
    const nonces = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value.nonce] : []))
    expect(nonces).to.not.have.length(0)
    expect(new Set(nonces).size).to.equal(nonces.length)
  })

  it('a row goes planned → signed → broadcast → included → final and keeps bytes and receipt', async () => {
    const done = await finished('a')
    expect(done).to.include({ state: 'final', hash: HASH, blockNumber: 9, gasUsed: 21_000n })
    const [attempt] = await attemptsOf(db, done.id)
    expect(attempt).to.include({ raw: '0x02ff', signedAt: 101, broadcastAt: 102 })
    expect(await unresolved(db, 1, SENDER)).to.deep.equal([])
    expect((await listJournal(db, { state: 'final' })).map(({ key }) => key)).to.deep.equal(['a'])
  })

  it('a move that does not follow from the state is refused and leaves no event', async () => {
    const planned = await open(intentFor(TO, 'a'))
    expect((await rejectionOf(recordFinal(journal, planned, 1))).code).to.equal('JOURNAL_STATE')
    expect(await db.query('select * from journal_event')).to.have.length(1)
  })

  it('S-21 a nonce may be given back only before anything is signed', async () => {
    const planned = await open(intentFor(TO, 'a'))
    await recordReleased(journal, planned, 'would revert', 1)
    const again = await open(intentFor(TO, 'a'))
    expect(again).to.include({ id: planned.id, nonce: 0, state: 'planned' })
    const attempt = { hash: HASH, raw: '0x02ff', purpose: 'send', fees } as const
    const signed = await recordSigned(journal, again, attempt, 2)
    expect((await rejectionOf(recordReleased(journal, signed, 'no', 3))).code).to.equal(
      'JOURNAL_STATE',
    )
  })
})
