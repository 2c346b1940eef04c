import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import { logAlerts } from '../../../../keeper/base/alerts.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { listJournal } from '../../../../keeper/chain/journal/journal.ts'
import { balanceOf, trialBalance } from '../../../../keeper/ledger/balances.ts'
import { sumLeaves } from '../../../../keeper/payouts/claims/claims-rows.ts'
import { publishClaims } from '../../../../keeper/payouts/claims/publish.ts'
import { payClaims } from '../../../../keeper/payouts/claims/run-claims.ts'
import { readTreeFile } from '../../../../keeper/payouts/claims/tree-file.ts'
import { verifyFile } from '../../../../keeper/payouts/claims/verify-file.ts'
import type { Award } from '../../../../keeper/payouts/program.ts'
import { readCursors } from '../../../../keeper/payouts/program-row.ts'
import { addHold } from '../../../../keeper/payouts/wallets/holds.ts'
import type { Reach, ReachPayees } from '../../../../keeper/payouts/room.ts'
import { claimed, forwardRange, leafIn, openClaiming, publish } from '../../../helpers/claiming.ts'
import type { Claiming } from '../../../helpers/claiming.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { COIN, NOON, assertBooksBalance } from '../../../helpers/ledger.ts'
import { testLog } from '../../../helpers/logs.ts'
import { award, payeeAt, programOf } from '../../../helpers/paying.ts'
import type { PayingOptions } from '../../../helpers/paying.ts'

const FOREIGN = `0x${'ab'.repeat(32)}`

describe('a program whose payees claim', function () {
  this.timeout(240_000)
  let claiming: Claiming
  const open = async (options?: PayingOptions): Promise<void> => {
    claiming = await openClaiming(options)
  }
  const books = (account: string): Promise<bigint> => balanceOf(claiming.db, account, COIN)
  /** Of all accounts of a kind. */
  const kind = async (name: string): Promise<bigint> => {
    const [asset] = await trialBalance(claiming.db)
    return asset?.kinds.find((each) => each.kind === name)?.balance ?? 0n
  }
  const contractHolds = (): Promise<bigint> =>
    claiming.balanceOf(claiming.desk.contract.home.contract)
  const pay = (options = {}, program = claimed([])): ReturnType<typeof payClaims> =>
    payClaims(claiming.room(), program, claiming.desk, options)

  afterEach(async () => {
    await assertBooksBalance(claiming.db)
    await claiming.close()
  })

  it('1,100 payees: some claim, a stranger claims for one, the keeper pays the rest, a refuser keeps its leaf', async () => {
    await open()
    const refuser = await claiming.refuser()
    const own = [await claiming.wallet(), await claiming.wallet()]
    const payees = [
      ...Array.from({ length: 1_097 }, (_, i) => payeeAt(i)),
      refuser.toLowerCase(),
      ...own.map(({ address }) => address.toLowerCase()),
    ]
    const awards = payees.map((payee, i) => award(`a${i}`, payee, 5n))
    const program = claimed(awards)
    const total = 5n * 1_100n

    const first = await claiming.run(program)
    expect(first.paidOut.claims?.waiting).to.include({ state: 'submitted', amount: total })
    expect(await books('inflight:manual:claims')).to.equal(total)
    const again = await claiming.run(program)
    expect(again.paidOut.claims?.waiting?.root).to.equal(first.paidOut.claims?.waiting?.root)
    expect(await listJournal(claiming.db)).to.have.length(1)

    await claiming.rest()
    const accepted = await claiming.run(program)
    expect(accepted.paidOut.claims?.booked.accepted).to.have.length(1)
    expect(await kind('claimable')).to.equal(total)
    expect(await books('inflight:manual:claims')).to.equal(0n)
    expect(await contractHolds()).to.equal(total)

    const tree = await claiming.tree()
    for (const wallet of own) {
      const { cumulative, proof } = leafIn(tree, wallet.address)
      await (await claiming.claims.connect(wallet).claim(cumulative, proof, payeeAt(5_000))).wait()
    }
    await claiming.claimFor(payeeAt(3))
    const paid = await pay()

    expect(paid.txs).to.have.length(9)
    expect(paid.booked).to.deep.include({ claims: 1_099, claimed: total - 5n, refusals: 1 })
    expect(await books('paid:manual')).to.equal(total - 5n)
    expect(await books(`claimable:manual:${refuser.toLowerCase()}`)).to.equal(5n)
    expect(await contractHolds()).to.equal(5n)
    expect(await claiming.balanceOf(payeeAt(0))).to.equal(5n)
    expect(await claiming.balanceOf(payeeAt(5_000))).to.equal(10n)
    expect(await claiming.balanceOf(refuser)).to.equal(0n)

    const journal = (await listJournal(claiming.db, { limit: 100 })).length
    const twice = await pay()
    expect(twice.txs).to.deep.equal([])
    expect(twice.booked.claims).to.equal(0)
    expect(await listJournal(claiming.db, { limit: 100 })).to.have.length(journal)

    await claiming.relent(refuser)
    const relented = await pay({ again: true })
    expect(relented.txs).to.have.length(1)
    expect(relented.booked).to.deep.include({ claims: 1, claimed: 5n })
    expect(await kind('claimable')).to.equal(0n)
    expect(await contractHolds()).to.equal(0n)
  })

  it('what comes while a root rests is in the next one, which is cumulative', async () => {
    await open()
    const [alice, bob] = [payeeAt(0), payeeAt(1)]
    const march = [award('a', alice, 5n), award('b', bob, 7n)]
    await claiming.run(claimed(march))
    const april = [...march, award('c', alice, 11n)]
    const during = await claiming.run(claimed(april))
    expect(during.paidOut.left).to.deep.include({ payouts: 1, amount: 11n })
    expect(await books(`owed:manual:${alice}`)).to.equal(11n)

    await claiming.rest()
    const after = await claiming.run(claimed(april))

    expect(after.paidOut.claims?.booked.accepted).to.have.length(1)
    expect(after.paidOut.claims?.waiting?.total).to.equal(23n)
    await claiming.claimFor(alice)
    await claiming.rest()
    await claiming.run(claimed(april))
    await claiming.claimFor(alice)
    await claiming.claimFor(bob)
    const { paidOut } = await claiming.run(claimed(april))

    expect(paidOut.claims?.booked).to.deep.include({ claims: 2, claimed: 18n })
    expect(await claiming.balanceOf(alice)).to.equal(16n)
    expect(await claiming.balanceOf(bob)).to.equal(7n)
    expect(await books('paid:manual')).to.equal(23n)
    expect(await sumLeaves(claiming.db, claiming.desk.place)).to.deep.equal({
      leaves: 2,
      total: 23n,
      claimed: 23n,
    })
    expect((await readCursors(claiming.db, 'manual')).settledThrough).to.equal(NOON + 1)
    const states = await claiming.db.query('select distinct state from payout')
    expect(states).to.deep.equal([{ state: 'paid' }])
  })

  it('a vetoed root gives everything back, and publishing waits for somebody who has looked', async () => {
    await open()
    const program = claimed([award('a', payeeAt(0), 5n), award('b', payeeAt(1), 7n)])
    await claiming.run(program)
    await (await claiming.claims.veto()).wait()

    const error = await rejectionOf(claiming.run(program))

    expect(error.code).to.equal('CLAIMS_ROOT_VETOED')
    expect(await books('inflight:manual:claims')).to.equal(0n)
    expect(await books(`owed:manual:${payeeAt(0)}`)).to.equal(5n)
    // The same leaves would be the same root, which is barred; without one of them it is another.
    const held = new Set([payeeAt(1)])
    const reach = claiming.room().reach
    const room = claiming.room({
      reach: async (t, id, payees, now) => {
        const all = await reach(t, id, payees, now)
        return new Map([...all].filter(([payee]) => !held.has(payee)))
      },
    })
    const options = { money: 100n, afterVeto: true }
    const barred = publishClaims(claiming.room(), program, claiming.desk, options)
    expect((await rejectionOf(barred)).code).to.equal('CLAIMS_ROOT_BARRED')
    await publishClaims(room, program, claiming.desk, options)
    await claiming.rest()
    // With one more award it is a root that the contract has never seen.
    const more = claimed([award('c', payeeAt(0), 1n)])
    await claiming.run(more)
    await claiming.rest()
    await claiming.run(more)
    await claiming.claimFor(payeeAt(0))
    await claiming.claimFor(payeeAt(1))
    await claiming.run(more)
    expect(await books('paid:manual')).to.equal(13n)
  })

  it('a root that is set aside pays nobody and loses nothing', async () => {
    await open()
    const program = claimed([award('a', payeeAt(0), 5n), award('b', payeeAt(1), 7n)])
    await publish(claiming, program)
    await (await claiming.claims.setAside(3_600)).wait()

    const aside = await pay()
    expect(aside).to.deep.include({ isAside: true, txs: [] })
    expect(await kind('claimable')).to.equal(12n)
    const more = [award('c', payeeAt(0), 1n)]
    const { paidOut } = await claiming.run(claimed(more))
    expect(paidOut.claims?.waiting?.total).to.equal(13n)

    await claiming.rest()
    await claiming.run(claimed(more))
    const back = await pay()
    expect(back.isAside).to.equal(false)
    expect(await books('paid:manual')).to.equal(13n)
    expect(await contractHolds()).to.equal(0n)
  })

  it('a range that a stranger has paid through a contract of his own is booked from the state', async () => {
    await open()
    const awards = Array.from({ length: 5 }, (_, i) => award(`a${i}`, payeeAt(i), 5n))
    await publish(claiming, claimed(awards))
    await claiming.claimFor(payeeAt(4))
    await forwardRange(claiming, 0, 8)

    const { paidOut } = await claiming.run(claimed(awards))

    expect(paidOut.claims?.booked).to.deep.include({ claims: 5, claimed: 25n })
    expect(await books('paid:manual')).to.equal(25n)
    expect((await claiming.run(claimed(awards))).paidOut.claims?.booked.claims).to.equal(0)
  })

  it('anybody accepts, and the keeper finds it done', async () => {
    await open()
    const program = claimed([award('a', payeeAt(0), 5n)])
    await claiming.run(program)
    await claiming.rest()
    await (await claiming.claims.accept()).wait()

    const { paidOut } = await claiming.run(program)

    expect(paidOut.claims?.booked.accepted).to.have.length(1)
    expect(await books(`claimable:manual:${payeeAt(0)}`)).to.equal(5n)
    const kinds = (await listJournal(claiming.db)).map((tx) => tx.kind)
    expect(kinds).to.deep.equal(['root'])
  })

  it('a root that somebody else proposed with the payer’s key is told, until it is gone', async () => {
    await open()
    const alerts = logAlerts(testLog, systemClock)
    const { payer } = claiming.room()
    const submit = claiming.claims.interface.encodeFunctionData('submit', [FOREIGN, 1n, FOREIGN])
    await claiming.node.request('hardhat_impersonateAccount', [payer.address])
    await claiming.node.request('eth_sendTransaction', [
      { from: payer.address, to: claiming.desk.contract.home.contract, data: submit },
    ])

    const program = claimed([award('a', payeeAt(0), 5n)])
    const error = await rejectionOf(claiming.run(program, { alerts }))

    expect(error.code).to.equal('CLAIMS_ROOT_PENDING')
    expect(alerts.active()).to.have.length(1)
    expect(alerts.active()[0]).to.include({ kind: 'foreign-root', key: 'manual' })
    await (await claiming.claims.veto()).wait()
    await claiming.run(program, { alerts })
    expect(alerts.active()).to.deep.equal([])
  })

  it('with too little money the first in line are in the root, and the rest waits for more', async () => {
    await open({ funds: 12n })
    const awards = [5n, 7n, 9n].map((amount, i) => award(`a${i}`, payeeAt(i), amount))
    const { paidOut } = await claiming.run(claimed(awards))
    expect(paidOut).to.include({ isShort: true })
    expect(paidOut.claims?.waiting?.amount).to.equal(12n)
    // What the root takes along is not there to be pushed.
    const pushed = await claiming.run(programOf(awards))
    expect(pushed.paidOut).to.include({ isShort: true, payments: 0 })

    await claiming.fund(9n)
    await claiming.rest()
    const next = await claiming.run(claimed(awards))
    expect(next.paidOut.claims?.waiting?.total).to.equal(21n)
  })

  it('a budget that was lowered while the root rested keeps it waiting, and loses nothing', async () => {
    await open()
    const program = claimed([award('a', payeeAt(0), 500n)])
    await claiming.run(program)
    await claiming.lowerBudget(100n)
    await claiming.rest()

    const short = await claiming.run(program)
    expect(short.paidOut.claims).to.include({ isShort: true })
    expect(short.paidOut.claims?.waiting?.state).to.equal('submitted')

    await claiming.setBudget(1_000n)
    const done = await claiming.run(program)
    expect(done.paidOut.claims?.booked.accepted).to.have.length(1)
  })

  it('up to n payees are paid, more of them claim', async () => {
    await open()
    const upToTwo = { method: (payees: number) => (payees <= 2 ? 'push' : 'claim') } as const
    const awards = (from: number, count: number): Award[] =>
      Array.from({ length: count }, (_, i) => award(`p${from + i}`, payeeAt(from + i), 3n))

    const pushed = await claiming.run(programOf(awards(0, 2), {}, upToTwo))
    const asked = await claiming.run(programOf(awards(10, 3), {}, upToTwo))

    expect(pushed.paidOut).to.include({ payments: 2, paid: 6n })
    expect(asked.paidOut).to.include({ payments: 0 })
    expect(asked.paidOut.claims?.waiting?.amount).to.equal(9n)
  })

  it('with keeperPays nobody has to fetch anything', async () => {
    await open()
    const awards = [award('a', payeeAt(0), 5n), award('b', payeeAt(1), 7n)]
    const program = claimed(awards, {}, { keeperPays: true })

    const { paidOut } = await publish(claiming, program)

    expect(paidOut.claims?.booked).to.deep.include({ claims: 2, claimed: 12n })
    expect(await claiming.balanceOf(payeeAt(1))).to.equal(7n)
  })

  it('who is denied after his leaf was published is sent nothing by the keeper, his neighbours are', async () => {
    await open()
    const program = claimed([0, 1, 2].map((i) => award(`r${i}`, payeeAt(i), 5n)))
    await publish(claiming, program)
    const address = payeeAt(1) as Address
    await addHold(claiming.room(), { list: 'deny', address, reason: 'sanctioned', actor: 'test' })

    const whole = await pay({}, program)
    const single = await pay({ size: 1 }, program)

    expect(whole).to.include({ kept: 1 })
    expect(whole.txs).to.deep.equal([])
    expect(single).to.include({ kept: 1 })
    expect(single.booked).to.include({ claims: 2, claimed: 10n })
    expect(await claiming.balanceOf(payeeAt(1))).to.equal(0n)
  })

  it('an address that the contract never pays is passed over, and keeps no other from the root', async () => {
    await open()
    const { contract } = claiming.desk.contract.home
    const awards = [award('a', contract.toLowerCase(), 5n), award('b', payeeAt(1), 7n)]

    const { paidOut } = await claiming.run(claimed(awards))

    expect(paidOut.claims?.waiting?.amount).to.equal(7n)
    expect(paidOut.left).to.deep.include({ payouts: 1, amount: 5n })
  })

  it('the published file is what the chain says, and a file in which somebody has less is named', async () => {
    await open()
    await publish(claiming, claimed([award('a', payeeAt(0), 5n), award('b', payeeAt(1), 7n)]))
    const [name = ''] = readdirSync(claiming.dir)
    const file = await readTreeFile(`${claiming.dir}/${name}`)

    const good = await verifyFile(claiming.desk.contract, file)
    expect(good).to.deep.include({ standing: 'in-force', faults: [], claimed: 0n })

    const before = { ...file, leaves: [{ account: payeeAt(0) as Address, cumulative: 6n }] }
    const { faults } = await verifyFile(claiming.desk.contract, file, before)
    expect(faults).to.have.length(1)
  })

  it('who comes on hold while the tree is made is in no root', async () => {
    await open()
    const awards = [0, 1].map((i) => award(`r${i}`, payeeAt(i), 5n))
    let asked = 0
    // By the settlement, by the choice, and in the transaction of the intent.
    const reach: ReachPayees = async (_t, _program, payees) => {
      asked += 1
      const isHeld = (payee: string): boolean => asked > 2 && payee === payeeAt(0)
      const reachOf = (payee: string): Reach =>
        isHeld(payee) ? { kept: 'held' } : { address: payee as Address }
      return new Map(payees.map((payee) => [payee, reachOf(payee)]))
    }

    const error = await rejectionOf(claiming.run(claimed(awards), { reach }))
    await claiming.run(claimed(awards), { reach })

    expect(error.code).to.equal('PAYOUT_MOVED')
    expect(await books('inflight:manual:claims')).to.equal(5n)
    expect(await books(`owed:manual:${payeeAt(0)}`)).to.equal(5n)
  })

  it('without a claims contract nothing is sent, and what is owed stays owed', async () => {
    await open()
    const { claims: _none, ...deployment } = claiming.contracts.deployment
    const contracts = { ...claiming.contracts, deployment }
    const error = await rejectionOf(
      claiming.run(claimed([award('a', payeeAt(0), 5n)]), { contracts }),
    )
    expect(error.code).to.equal('CLAIMS_NOT_DEPLOYED')
    expect(await books(`owed:manual:${payeeAt(0)}`)).to.equal(5n)
  })
})
