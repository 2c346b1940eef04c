import { expect } from 'chai'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import type { Address } from '../../../keeper/base/schema.ts'
import { hourOf, startOfHour } from '../../../keeper/base/time.ts'
import type { Hour } from '../../../keeper/base/time.ts'
import { walletSigner } from '../../../keeper/chain/keys/signer.ts'
import { leafOf } from '../../../keeper/heartbeat/receipts/receipt.ts'
import type { Receipt } from '../../../keeper/heartbeat/receipts/receipt.ts'
import { signHour } from '../../../keeper/heartbeat/receipts/sign-hour.ts'
import type { Signing } from '../../../keeper/heartbeat/receipts/sign-hour.ts'
import { buildTree } from '../../../keeper/heartbeat/receipts/tree.ts'
import { pushHour } from '../../../keeper/heartbeat/snapshot.ts'
import { toWords } from '../../../keeper/heartbeat/words.ts'
import { tallyOf } from '../../../keeper/commands/audit.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import type { Db } from '../../../keeper/store/db.ts'
import type { Shown } from '../../../keeper/verify/audit-receipts.ts'
import { rootOf } from '../../../keeper/verify/tally-root.ts'
import { verifyReceipts } from '../../../keeper/verify/verify-receipts.ts'
import type { ReceiptsVerdict } from '../../../keeper/verify/verify-receipts.ts'
import { verify } from '../../../keeper/verify/verify.ts'
import type { Verdict } from '../../../keeper/verify/verify.ts'
import { KEYS } from '../../helpers/deploy.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { FIRST_CUT, createWorld, makeMembers } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'
import { closedHour, hourOfMany, nodeAt, receiptsIn, storeHour } from '../../helpers/receipts.ts'

const MEMBERS = makeMembers(5).map(({ node }) => ({ node: node as Address }))
const FIRST = hourOf(FIRST_CUT)
const BEATS = [80, 47, 46, 60, 0]
const UP = [0, 1, 3]

/** Hours of the day and what the reporter pushes of each: all but the first are wrong in one way. */
const HONEST = FIRST
const LEFT_OUT = FIRST + 1
const LOST = FIRST + 2
const DENIED = FIRST + 3
const MERGED = FIRST + 4
const OPEN = FIRST + 8

describe('receipts and the tally held against a chain', function () {
  this.timeout(120_000)
  let world: World
  let keeper: Keeper
  let signing: Signing
  const receipts = new Map<Hour, Receipt[]>()

  before(async () => {
    world = await createWorld({ members: makeMembers(5) })
    keeper = await world.open()
    const { deployment } = world.muster
    const signer = walletSigner(KEYS.reporter)
    const { chainId } = world.node.client
    signing = { chainId, registry: deployment.registry, signer, clock: keeper.clock }
    for (const hour of [HONEST, LEFT_OUT, LOST, DENIED, MERGED, OPEN]) await count(hour)
    await push(HONEST, UP)
    await push(LEFT_OUT, [0, 1])
    await push(DENIED, [...UP, 2])
    await push(MERGED, [0])
    await pushAgain(MERGED, UP)
    await world.moveTo(startOfHour(OPEN + 1) + 60)
  })
  after(async () => {
    await closeKeeper(keeper)
    await world.close()
  })

  /** Closes and signs an hour in which all were heard as BEATS says. */
  async function count(hour: Hour): Promise<void> {
    const beats = new Map(MEMBERS.map(({ node }, i) => [node, BEATS[i] ?? 0]))
    const closed = closedHour(beats, hour)
    await storeHour(keeper.db, closed)
    receipts.set(hour, await receiptsIn(await signHour(keeper.db, closed, signing)))
  }

  async function push(hour: Hour, online: number[]): Promise<void> {
    await world.moveTo(startOfHour(hour + 1) + 5)
    await pushHour(keeper, { hour, words: toWords(online, 1), source: 'test' })
  }

  /** As a second process with the same key and a store of its own would. */
  async function pushAgain(hour: Hour, online: number[]): Promise<void> {
    const { registry, deployment } = world.muster
    await world.node.request('hardhat_impersonateAccount', [deployment.reporter])
    const data = registry.interface.encodeFunctionData('pushStatus', [toWords(online, 1), hour])
    const tx = { from: deployment.reporter, to: deployment.registry, data, gas: '0x100000' }
    await world.node.request('eth_sendTransaction', [tx])
  }

  function shownOf(hour: Hour, member?: number): Shown[] {
    const wanted = member === undefined ? undefined : MEMBERS[member]?.node
    const some = (receipts.get(hour) ?? []).filter(({ node }) => !wanted || node === wanted)
    return some.map((value) => ({ from: `${hour}-${value.node}.json`, value }))
  }

  function judgeOnChain(shown: Shown[], fromBlock = 0): Promise<ReceiptsVerdict> {
    const { client } = world.node
    const { registry } = world.muster.deployment
    return verifyReceipts({ client, registry, fromBlock, onProgress: () => {} }, shown)
  }

  function verifyAll(db: Db | undefined, shown: Shown[] = []): Promise<Verdict> {
    const { client } = world.node
    const { registry, rewards, asset, keeper: own, reporter } = world.muster.deployment
    const range = { from: 1, to: 9, fromBlock: 0, onProgress: () => {} }
    const ask = { client, registry, rewards, asset, ...range }
    if (!db) return verify(ask, undefined, shown)
    return verify(
      ask,
      async (use) => {
        const tally = await tallyOf(db)
        return use({ db, notes: { actions: [], slots: [], tally }, ours: [own, reporter] })
      },
      shown,
    )
  }

  const outcomes = ({ judged }: ReceiptsVerdict): string[] => judged.map(({ outcome }) => outcome)

  it('an honest hour keeps all its receipts, with a node and one address', async () => {
    const verdict = await judgeOnChain(shownOf(HONEST))
    expect(verdict.divergences).to.deep.equal([])
    expect(outcomes(verdict)).to.deep.equal(BEATS.map(() => 'kept'))
  })

  it('a validator that was left out contradicts its reporter, and the others do not', async () => {
    const verdict = await judgeOnChain(shownOf(LEFT_OUT))
    expect(outcomes(verdict).filter((outcome) => outcome === 'kept')).to.have.length(4)
    expect(verdict.divergences.map(({ kind }) => kind)).to.deep.equal(['left-out'])
    expect(verdict.divergences[0]?.sentence).to.include(`validator 3 (${MEMBERS[3]?.node})`)
    expect(verdict.divergences[0]?.sentence).to.include('.json: expected its bit')
  })

  it('an hour that was lost contradicts the receipts of who was online in it', async () => {
    const verdict = await judgeOnChain(shownOf(LOST))
    expect(verdict.divergences.map(({ kind }) => kind)).to.deep.equal(UP.map(() => 'never-pushed'))
    expect(outcomes(verdict).filter((each) => each === 'not-pushed')).to.have.length(2)
  })

  it('an hour whose window is open contradicts nobody', async () => {
    const verdict = await judgeOnChain(shownOf(OPEN))
    expect(verdict.ok).to.equal(true)
    expect(new Set(outcomes(verdict))).to.deep.equal(new Set(['pending']))
  })

  it('one that was pushed as online contradicts a receipt that denies it', async () => {
    const verdict = await judgeOnChain(shownOf(DENIED))
    expect(verdict.divergences.map(({ kind }) => kind)).to.deep.equal(['denied-online'])
  })

  it('an hour that was merged from two pushes keeps its receipts', async () => {
    expect((await judgeOnChain(shownOf(MERGED))).divergences).to.deep.equal([])
  })

  it('many hours are asked for at once, and what is no receipt is named beside them', async () => {
    const [first] = shownOf(HONEST)
    const others = Array.from({ length: 450 }, (_, i) => ({
      from: `made-up-${i}`,
      value: { hour: FIRST - 1 - i },
    }))
    const verdict = await judgeOnChain([...others, ...(first ? [first] : [])])
    expect(outcomes(verdict).at(-1)).to.equal('kept')
    expect(verdict.found).to.equal(450)
    expect(verdict.divergences[0]?.sentence).to.include('what made-up-0 shows')
  })

  it('a receipt for another registry or chain proves nothing here', async () => {
    const home = { ...signing, registry: nodeAt(5) }
    const closed = closedHour(new Map([[MEMBERS[0]?.node ?? nodeAt(0), 80]]), FIRST + 50)
    await storeHour(keeper.db, closed)
    const [value] = await receiptsIn(await signHour(keeper.db, closed, home))
    await keeper.db.query('delete from tally_hour where hour = $1', [FIRST + 50])
    const verdict = await judgeOnChain([{ from: 'elsewhere.json', value }])
    expect(verdict.divergences.map(({ kind }) => kind)).to.deep.equal(['invalid-receipt'])
    expect(verdict.judged[0]?.reason).to.match(/^it is for chain 31337 and registry/)
  })

  it('two roots of one hour contradict each other, whatever the chain has', async () => {
    const twice = await secondSignature([80, 80, 80, 80, 80])
    const verdict = await judgeOnChain([...shownOf(HONEST, 0), ...twice.slice(0, 1)])
    expect(verdict.divergences.map(({ kind }) => kind)).to.include('two-roots')
    expect(verdict.divergences[0]?.sentence).to.include(`hour ${HONEST} more than once`)
    const store = await verifyAll(keeper.db, twice.slice(0, 1))
    expect(store.divergences.map(({ kind }) => kind)).to.include('two-roots')
    expect(store.layers.receipts).to.equal('diverged')
  })

  it('two leaves of one validator under one root contradict each other', async () => {
    const { node } = MEMBERS[0] ?? { node: nodeAt(0) }
    const { node: other } = MEMBERS[1] ?? { node: nodeAt(1) }
    const rows = [80, 12].map((seen) => ({ node, seen, online: seen >= 47 }))
    const both = await resigned([...rows, { node: other, seen: 60, online: true }])
    const verdict = await judgeOnChain(both)
    expect(verdict.divergences.map(({ kind }) => kind)).to.include('two-leaves')
  })

  it('reads not half of a history: an honest reporter would be a stranger', async () => {
    const head = await world.node.client.blockNumber()
    for (const fromBlock of [head, head - 4]) {
      const refusal = await rejectionOf(judgeOnChain(shownOf(HONEST), fromBlock))
      expect(refusal.code).to.equal('VERIFY_INCOMPLETE')
    }
  })

  // ------------------------------------------------------------------ with the keeper's records

  it('verify reports the contradiction beside the chain alone', async () => {
    const verdict = await verifyAll(undefined, shownOf(LEFT_OUT))
    expect(verdict.ok).to.equal(false)
    expect(verdict.layers).to.include({ chain: 'ok', receipts: 'diverged', store: 'skipped' })
    expect(verdict.divergence?.kind).to.equal('left-out')
    expect(verdict.receipts).to.deep.equal({ kept: 4, contradicted: 1 })
  })

  it('verify finds by itself where the tally and what was pushed differ', async () => {
    const verdict = await verifyAll(keeper.db)
    const of = verdict.divergences.filter(({ layer }) => layer === 'store')
    const found = of.map(({ kind, what }) => `${kind} ${/hour \d+/.exec(what)?.[0]}`)
    expect(found).to.deep.equal([`tally-bits hour ${LEFT_OUT}`, `tally-bits hour ${DENIED}`])
    expect(verdict.notes).to.deep.equal([`counted and signed, but never pushed: hour ${LOST}`])
    expect(verdict.layers).to.include({
      journal: 'diverged',
      store: 'diverged',
      receipts: 'skipped',
    })
  })

  const EDITS: [string, string, string][] = [
    ['a count', `update tally set seen = seen + 1 where hour = ${HONEST}`, 'tally-rows'],
    ['a decision', `update tally set online = not online where hour = ${HONEST}`, 'tally-rows'],
    ['a deleted row', `delete from tally where hour = ${HONEST} and seen = 60`, 'tally-rows'],
    ['the intervals', `update tally_hour set expected = 79 where hour = ${HONEST}`, 'tally-rows'],
    [
      'the number of validators',
      `update tally_hour set validators = 4 where hour = ${HONEST}`,
      'tally-signature',
    ],
    [
      'the reporter',
      `update tally_hour set reporter = '${nodeAt(1)}' where hour = ${HONEST}`,
      'tally-signature',
    ],
    [
      'the signature',
      `update tally_hour set signature = '0x' || repeat('1b', 65) where hour = ${HONEST}`,
      'tally-signature',
    ],
  ]
  for (const [what, edit, kind] of EDITS) {
    it(`names an hour of the tally of which somebody changed ${what}`, async () => {
      const verdict = await tampered(edit)
      const found = verdict.divergences.find((each) => each.kind === kind)
      expect(found?.layer).to.equal('store')
      expect(found?.what).to.include(`hour ${HONEST} of the tally`)
    })
  }

  it('names an hour that was emptied, although older ones are kept', async () => {
    const verdict = await tampered(`delete from tally where hour = ${LEFT_OUT}`)
    const kinds = verdict.divergences.filter(({ what }) => what.includes(`hour ${LEFT_OUT}`))
    expect(kinds.map(({ kind, found }) => [kind, found])).to.deep.equal([['tally-rows', 'no rows']])
  })

  it('an hour whose counters were pruned keeps its signature to be checked', async () => {
    const verdict = await tampered(`delete from tally where hour = ${HONEST}`)
    expect(
      verdict.divergences.filter(({ what }) => what.includes(`hour ${HONEST}`)),
    ).to.have.length(0)
  })

  async function tampered(edit: string): Promise<Verdict> {
    const back = new Error('taken back')
    let verdict: Verdict | undefined
    try {
      await keeper.db.begin(async (t) => {
        await t.query(edit)
        verdict = await verifyAll(t)
        throw back
      })
    } catch (error) {
      if (error !== back) throw error
    }
    if (!verdict) throw new Error('nothing was verified')
    return verdict
  }

  /** What a reporter does that tells the one this and the other that. */
  function secondSignature(beats: number[]): Promise<Shown[]> {
    const rows = MEMBERS.map(({ node }, i) => ({
      node,
      seen: beats[i] ?? 0,
      online: (beats[i] ?? 0) >= 47,
    }))
    return resigned(rows)
  }

  async function resigned(
    rows: { node: Address; seen: number; online: boolean }[],
  ): Promise<Shown[]> {
    const closed = { hour: HONEST, expected: 80, rows }
    let shown: Shown[] = []
    const back = new Error('taken back')
    await keeper.db
      .begin(async (t) => {
        await t.query('update tally_hour set root = null, signature = null where hour = $1', [
          HONEST,
        ])
        await t.query('delete from receipt_page where hour = $1', [HONEST])
        const signed = await receiptsIn(await signHour(t, closed, signing))
        shown = signed.map((value, i) => ({ from: `second-${i}.json`, value }))
        throw back
      })
      .catch((error: unknown) => {
        if (error !== back) throw error
      })
    return shown
  }
})

describe('the root over the tally', () => {
  it('computed by the verifier is the one that the intake signs, for every number of rows', async () => {
    const counts = [1, 2, 3, 63, 64, 65, 127, 128, 129, 200, 64 * 5 + 1]
    for (const count of counts) {
      const { hour, expected, rows } = hourOfMany(count)
      const leaves = rows.map((row) => leafOf(row, hour, expected))
      const tree = await buildTree(count, (place) => leaves[place] ?? '0x')
      expect(rootOf(rows.map((row) => ({ ...row, hour, expected }))), `${count}`).to.equal(
        tree.root,
      )
    }
    expect(rootOf([])).to.equal(undefined)
  })

  it('does not depend on the order in which the rows are read', async () => {
    const { hour, expected, rows } = hourOfMany(150)
    const told = rows.map((row) => ({ ...row, hour, expected }))
    const root = rootOf(told)
    await nextTurn()
    fc.assert(
      fc.property(fc.shuffledSubarray(told, { minLength: told.length }), (shuffled) => {
        expect(rootOf(shuffled)).to.equal(root)
      }),
      { numRuns: 10 },
    )
  })
})
