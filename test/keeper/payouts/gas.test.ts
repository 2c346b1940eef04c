import { expect } from 'chai'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { MAX_BATCH_GAS, MAX_PAYMENTS, maxPayments, payGas } from '../../../keeper/payouts/gas.ts'
import type { PayTerms } from '../../../keeper/payouts/gas.ts'
import type { PayoutsRoom } from '../../../keeper/payouts/room.ts'
import { runProgram } from '../../../keeper/payouts/run.ts'
import { NOON } from '../../helpers/ledger.ts'
import { award, openPaying, payeeAt, programOf } from '../../helpers/paying.ts'
import type { Paying } from '../../helpers/paying.ts'

const EIP_7825 = 16_777_216n
const PAYEES = 100
const EACH = 5n

interface Gas {
  used: bigint
  limit: bigint
}
const NOTHING: Gas = { used: 0n, limit: 0n }

describe('the gas limit of a batch of payouts', function () {
  this.timeout(60_000)
  let paying: Paying
  afterEach(() => paying.close())

  /** Of each batch. */
  async function pay(payees: readonly string[], prefix: string): Promise<Gas[]> {
    const awards = payees.map((payee, i) =>
      award(`${prefix}${i}`, payee.toLowerCase(), EACH, { effectiveAt: NOON - payees.length + i }),
    )
    const { paidOut } = await paying.run(programOf(awards))
    expect(paidOut.left.payouts).to.equal(0)
    return paidOut.txs.map(({ gasUsed, gasLimit }) => ({ used: gasUsed ?? 0n, limit: gasLimit }))
  }

  const people = (count: number): string[] => Array.from({ length: count }, (_, i) => payeeAt(i))

  it('is what new payees use and at most a twentieth more; those who exist use 10,000 each', async () => {
    // The least stipend and one refusal: what is left is the formula for each payee.
    paying = await openPaying({ stipend: 15_000, maxRefused: 1 })
    const [{ used, limit } = NOTHING] = await pay(people(PAYEES), 'new')
    expect(used).to.be.at.most(limit)
    expect(used * 20n).to.be.at.least(limit * 19n)

    const [again = NOTHING] = await pay(people(PAYEES), 'again')
    expect(again.used).to.be.at.most(60_000n + BigInt(PAYEES) * 10_000n)
  })

  it('is enough for as many as may refuse and burn all they get: the others are paid', async () => {
    paying = await openPaying({ maxRefused: 16 })
    const burners: string[] = []
    for (let i = 0; i < 15; i += 1) burners.push(await paying.refuser('burns'))
    // Last, so that each leaves the least gas for those behind it.
    const [{ used, limit } = NOTHING, ...more] = await pay([...people(100), ...burners], 'b')
    expect(more).to.deep.equal([])
    expect(used).to.be.at.most(limit)
    expect(await paying.balanceOf(payeeAt(99))).to.equal(EACH)
    for (const burner of burners) expect(await paying.creditOf(burner)).to.equal(EACH)
  })

  it('grows to the whole stipend a payee when the token takes more than an ordinary one', async () => {
    const token = { stipend: 150_000, maxRefused: 16, isNative: false }
    expect(payGas(11, token) - payGas(10, token)).to.equal(150_000n + 40_000n + 8_700n + 17_100n)
    const dear = { ...token, isDear: true }
    expect(payGas(31, dear) - payGas(30, dear)).to.equal(8_700n + 150_000n)
    expect(maxPayments(dear)).to.be.within(50, maxPayments(token))

    paying = await openPaying()
    let calls = 0
    const room = paying.room()
    const send: PayoutsRoom['payer']['send'] = (intent, options) => {
      calls += 1
      if (calls > 1) return room.payer.send(intent, options)
      const { kind, key } = intent
      throw new KeeperError('TX_WOULD_REVERT', { kind, key, error: 'GasTooLow', args: ['0'] })
    }
    const program = programOf([award('a', payeeAt(0), EACH)])
    const payer = { ...room.payer, send }
    const { paidOut } = await runProgram({ ...room, payer }, program, { from: 0, to: NOON + 1 })
    expect([paidOut.payments, calls]).to.deep.equal([1, 2])
  })
})

describe('the gas limit of the largest batch of payouts', () => {
  it('stays below what a transaction may use, whatever the terms (EIP-7825)', () => {
    expect(MAX_BATCH_GAS < EIP_7825).to.equal(true)
    for (const stipend of [15_000, 30_000, 150_000, 500_000]) {
      for (const maxRefused of [1, 16, 32]) {
        for (const isNative of [true, false]) {
          const terms: PayTerms = { stipend, maxRefused, isNative }
          const most = maxPayments(terms)
          expect(most).to.be.within(1, MAX_PAYMENTS)
          expect(payGas(most, terms) <= MAX_BATCH_GAS, `${stipend} ${maxRefused}`).to.equal(true)
          if (most === MAX_PAYMENTS) continue
          expect(payGas(most + 1, terms) > MAX_BATCH_GAS).to.equal(true)
        }
      }
    }
  })
})
