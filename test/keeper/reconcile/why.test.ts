import { expect } from 'chai'
import { readReceiptOf } from '../../../keeper/payouts/why-receipt.ts'
import { writeSettings } from '../../../keeper/payouts/settings.ts'
import { explain } from '../../../keeper/payouts/why.ts'
import type { Booked, Why } from '../../../keeper/payouts/why.ts'
import { paymentLines, shareLines } from '../../../keeper/commands/why-lines.ts'
import { explainShare } from '../../../keeper/validators/why-share.ts'
import type { WhyShare } from '../../../keeper/validators/why-share.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { NOON } from '../../helpers/ledger.ts'
import { makeMembers } from '../../helpers/muster.ts'
import { award, payeeAt, programOf } from '../../helpers/paying.ts'
import { openSettlements } from '../../helpers/reconciling.ts'
import type { Settlements } from '../../helpers/reconciling.ts'

describe('the way from a fact to a transaction', function () {
  this.timeout(180_000)
  let paid: Settlements
  before(async () => {
    paid = await openSettlements()
    await paid.book()
  })
  after(() => paid.close())

  const why = (ref: string): Promise<Why> => explain(paid.paying.db, ref)

  async function shareOf(fundOrNode: string, cycle = 1): Promise<WhyShare> {
    const { paying, contracts } = paid
    const room = { client: paying.node.client, contracts }
    return explainShare(room, paying.db, { name: fundOrNode, cycle })
  }

  it('of an award is its reason, its payout, the batch, the journal and both transfers', async () => {
    const { awards, payout, payee } = await why('manual:one')

    expect(payee).to.equal(paid.payees.paid)
    expect(awards).to.have.length(1)
    const [one] = awards
    const booked = one?.booked as Booked
    expect(booked.transfer).to.deep.include({
      debit: 'expense:manual',
      amount: 57n,
      reason: { reason: 'test' },
    })
    expect(booked.proof?.hash).to.match(/^[0-9a-f]{64}$/)
    expect(payout).to.include({ amount: 50n, bound: 57n, carried: 7n, state: 'paid' })
    expect(payout?.carriedInto).to.equal(null)
    const [sent] = payout?.sent ?? []
    expect(sent?.payment).to.include({ outcome: 'paid', amount: 50n, address: payee })
    expect(sent?.journal?.state).to.equal('final')
    expect(sent?.attempts.map(({ hash }) => hash)).to.deep.equal([sent?.journal?.hash])
    const outcome = sent?.booked.outcome as Booked
    expect(outcome.transfer.code).to.equal('pay')
  })

  it('is found by the reference alone, by the payout’s key and by its beginning', async () => {
    const { payout } = await why('one')
    const key = payout?.key ?? ''

    expect((await why(key)).payout?.key).to.equal(key)
    expect((await why(key.slice(0, 12))).payout?.key).to.equal(key)
  })

  it('of a refused payment ends with its event, and with the credit that was taken', async () => {
    const { client } = paid.paying.node
    const { payouts } = paid.paying.contracts
    const waiting = await why('two')
    const taken = await why('three')

    const [refused] = waiting.payout?.sent ?? []
    const position = refused?.payment.position ?? -1
    const receipt = await readReceiptOf(client, payouts.interface, {
      hash: refused?.journal?.hash ?? '0x',
      contract: paid.paying.contracts.address,
      position,
    })
    expect(receipt?.lines.map(({ event }) => event)).to.deep.equal(['PaymentRefused', 'BatchPaid'])
    expect(receipt?.lines[0]?.args['position']).to.equal(String(position))
    expect(refused?.creditMoves).to.deep.equal([])
    expect(taken.payout?.sent[0]?.creditMoves.map(({ code }) => code)).to.deep.equal(['withdraw'])
    const text = paymentLines(waiting, { receipts: [receipt], kept: undefined }).join('\n')
    expect(text)
      .to.match(/PaymentRefused/)
      .and.match(/the credit waits for 0x/)
    expect(text)
      .to.match(/award two: 31/)
      .and.match(/less 1 above the cap or a unit, which waits/)
  })

  it('of an award that nobody has settled ends there, and says what keeps it back', async () => {
    const held = async (_t: unknown, _p: string, payees: readonly string[]) =>
      new Map(payees.map((payee) => [payee, { kept: 'held' as const }]))
    await paid.paying.run(programOf([award('late', payeeAt(9), 5n)]), { reach: held })

    const settings = { minimum: 10n, capPerPayee: 100n, unit: 5n }
    await writeSettings(paid.paying.db, 'manual', settings, { actor: 'test', now: NOON })

    const late = await why('late')

    expect(late).to.deep.include({ payout: undefined, open: 5n })
    const text = paymentLines(late, { receipts: [], kept: 'held' }).join('\n')
    expect(text)
      .to.match(/not settled yet: of this payee 5 waits/)
      .and.match(/kept back: held/)
    expect(text).to.match(/pays at least 10, at most 100, in units of 5 \(set .+ by test\)/)
  })

  it('of nothing names what is near', async () => {
    const near = await rejectionOf(why('thre'))
    const payee = await rejectionOf(why(paid.payees.credited))
    const none = await rejectionOf(why('no-such-thing'))

    expect([near.code, payee.code, none.code]).to.deep.equal(Array(3).fill('PAYMENT_UNKNOWN'))
    expect(near.message).to.match(/\(near it: manual:three\)\.$/)
    expect(payee.message).to.match(/\(near it: [0-9a-f]{64}\)\.$/)
    expect(none.message).to.equal('Nothing is known of no-such-thing.')
  })

  it('of a batch with many payments names some of them', async () => {
    const { payout } = await why('one')
    const [sent] = payout?.sent ?? []

    const error = await rejectionOf(why(sent?.journal?.hash ?? ''))

    expect(error.code).to.equal('PAYMENT_UNKNOWN')
    expect(error.message).to.match(/batch 0 of manual has 4 payments: [0-9a-f]{64}/)
  })

  it('of a validator and a cycle is its share, the batch and its line in the books', async () => {
    const [first, refuser] = makeMembers(5)
    const one = await shareOf(first?.node ?? '')
    const two = await shareOf(refuser?.fund ?? '')

    expect(one.eligible).to.equal(4)
    const [own] = one.validators
    expect(own?.pay).to.include({ earned: one.pool / 4n, paid: one.pool / 4n })
    expect(own?.moves.map(({ kind }) => kind)).to.deep.equal(['paid'])
    expect(own?.moves[0]?.booked?.transfer.code).to.equal('validators.pay')
    const [refused] = two.validators
    expect(refused?.moves[0]).to.include({ kind: 'refused', amount: one.pool / 4n })
    expect(refused?.moves[0]?.booked?.transfer).to.include({ amount: one.pool / 4n })
    const text = shareLines(two, { decimals: 18, symbol: 'ETH' }).join('\n')
    expect(text)
      .to.match(/refused 0\.25/)
      .and.match(/link \d+ of the hash chain/)
    const stranger = await rejectionOf(shareOf(payeeAt(1)))
    expect(stranger.code).to.equal('VALIDATOR_UNKNOWN')
  })
})
