import { expect } from 'chai'
import type { ContractTransactionReceipt } from 'ethers'
import { parseEther } from 'ethers'
import type { RefusingReceiver } from '../../types/ethers-contracts/index.js'
import type { Terms } from './contracts.ts'
import {
  DAY,
  DEFAULT_PARAMS,
  HOUR,
  NO_CAP,
  PUSH_WINDOW,
  TOKEN_STIPEND,
  TX_GAS,
  WORD,
  asAdmin,
  balances,
  cutOf,
  fund,
  fundOf,
  hourOf,
  masksOf,
  nextAt,
  nodeOf,
  range,
  time,
  toTime,
  wordsOf,
} from './contracts.ts'
import { FIRST, RECEIVERS, SIZE, dice, pick, weightOf } from './model-world.ts'
import type { World } from './model-world.ts'
import type { BatchResult } from './model.ts'
import { Model, sumOf } from './model.ts'

const CYCLES = 5
/** Nobody is up in it, so that some run pays all. */
const DARK_CYCLE = 4
/** A fresh account takes 37,000 gas and a fresh credit more: so many fit a transaction. */
const MAX_LISTED = 200
const SWEEP_AFTER = 30 * DAY

/** Random days on the contracts and on the twin; everything is compared after every step. */
export class Run {
  readonly model: Model
  private readonly w: World
  private readonly roll: (below: number) => number
  private readonly start = new Map<string, bigint>()

  constructor(w: World, seed: number) {
    this.w = w
    this.roll = dice(seed)
    const terms = { ...DEFAULT_PARAMS, ...FIRST }
    this.model = new Model(w.system.firstCut, w.system.reporters.length, PUSH_WINDOW, terms)
    this.model.roster = w.funds.map((at, i) => ({ fund: at, weight: weightOf(i), active: true }))
  }

  private chance(percent: number): boolean {
    return this.roll(100) < percent
  }

  async go(): Promise<void> {
    for (const at of this.w.addresses) this.start.set(at, await this.balanceOf(at))
    for (let n = 1; n <= CYCLES; ++n) {
      await this.day(n)
      await this.extract(n)
      if (await this.maybeVoid(n)) continue
      for (let i = 0; i < 6; ++i) await this.payout(1 + this.roll(n))
    }
    await toTime((await time.latest()) + SWEEP_AFTER)
    for (let n = 1; n <= CYCLES; ++n) await this.sweep(n)
    for (const at of this.model.credits.keys()) await this.withdraw(at)
    await this.compareAll()
  }

  // ---------------------------------------------------------------- a day

  private async day(n: number): Promise<void> {
    const { model, roll } = this
    const lost = new Set(range(roll(9)).map(() => roll(24)))
    const changes = new Set([roll(24), roll(24), roll(24), roll(24)])
    for (let h = 0; h < 24; ++h) {
      await toTime((hourOf(this.w.system, n, h) + 1) * HOUR + 60)
      model.openUntil(await time.latest())
      if (h < 23 && changes.has(h)) await this.change(n)
      if (h === 5 && n > 1) await this.setParams(n)
      if (this.chance(15)) await this.fund()
      for (let r = 0; r < this.w.system.reporters.length; ++r) {
        if (!lost.has(h) && !this.chance(7)) await this.push(n, h, r)
        if (h > 1 && this.chance(4)) await this.push(n, h - 1, r)
      }
    }
  }

  private async push(n: number, h: number, reporter: number): Promise<void> {
    const { registry, reporters } = this.w.system
    // Not everybody is up, and the reporters do not quite agree; a removed one may be reported too.
    const up = n === DARK_CYCLE ? [] : range(SIZE).filter((i) => i % 3 === n % 3)
    const online = up.filter((i) => this.roll(100) < 70 + (i % 40))
    const words = Number(await registry.wordCountOf(n))
    const hour = hourOf(this.w.system, n, h)
    // A late settlement of the cycle before may have used the window up.
    if ((await time.latest()) + 1 >= (hour + 1) * HOUR + PUSH_WINDOW) return
    await registry.connect(pick(reporters, reporter)).pushStatus(wordsOf(online, words), hour)
    this.model.push(hour, reporter, online)
  }

  private async fund(): Promise<void> {
    const amount = this.chance(30) ? BigInt(this.roll(5_000) + 1) : parseEther('1') / 7n
    await fund(this.w.system, amount)
    this.model.fund(await time.latest(), amount)
  }

  private async setParams(n: number): Promise<void> {
    const { rewards, admin, token } = this.w.system
    const terms: Terms = {
      ...DEFAULT_PARAMS,
      stipend: token ? TOKEN_STIPEND : 30_000n,
      rateBps: BigInt(pick([8_000, 5_000, 10_000, 1, 9_999], this.roll(5))),
      minSnapshots: BigInt(10 + this.roll(13)),
      weighted: this.chance(50),
      payAll: this.chance(50),
      maxRefused: BigInt(1 + this.roll(5)),
      settleDelay: BigInt(this.roll(2) * HOUR),
      grace: BigInt(HOUR),
      cap: pick([NO_CAP, parseEther('0.1'), 3n, parseEther('0.2')], n + this.roll(2)),
    }
    await rewards.connect(admin).setParams(terms)
    this.model.terms = terms
  }

  private async change(n: number): Promise<void> {
    const { model, roll } = this
    const index = roll(SIZE)
    const entry = model.roster[index]
    if (!entry) return
    const kind = roll(4)
    if (kind === 3) await this.redirect(n)
    else if (entry.active) {
      const to = pick(this.w.addresses, roll(RECEIVERS))
      if (kind === 0) await asAdmin(this.w.system, 'removeValidators', [[index]])
      if (kind === 1) await asAdmin(this.w.system, 'setFunds', [[index], [to]])
      if (kind === 2) await asAdmin(this.w.system, 'setWeights', [[index], [5n]])
      if (kind === 0) entry.active = false
      if (kind === 1) entry.fund = to
      if (kind === 2) entry.weight = 5n
      await this.add()
    }
  }

  private async add(): Promise<void> {
    const at = this.model.roster.length
    const to = pick(this.w.addresses, at)
    const weight = weightOf(at)
    await asAdmin(this.w.system, 'addValidators', [[{ node: nodeOf(at), fund: to, weight }]])
    this.model.roster.push({ fund: to, weight, active: true })
  }

  /** A receiver passes on pay that it holds in an open or past cycle. */
  private async redirect(n: number): Promise<void> {
    const cycle = 1 + this.roll(n)
    const { roster } = this.model.opening(cycle)
    const held = [...roster.keys()].filter((i) => i % 5 === 0 && this.chance(5))
    const index = pick(held, this.roll(held.length))
    const fundAddress = roster[index]?.fund ?? ''
    const from = this.receiverAt(this.model.payee(cycle, index))
    if (!from) return
    const to = this.chance(20)
      ? fundOf(90_000 + index)
      : pick(this.w.addresses, this.roll(RECEIVERS))
    const { registry } = this.w.system
    const data = registry.interface.encodeFunctionData('redirect', [
      fundAddress,
      cycle,
      [index],
      to,
    ])
    await from.execute(registry, data)
    this.model.redirect(fundAddress, index, to)
  }

  private receiverAt(address: string): RefusingReceiver | undefined {
    return this.w.receivers[this.w.addresses.indexOf(address)]
  }

  // ---------------------------------------------------------------- the decision

  private async extract(n: number): Promise<void> {
    const { rewards, keeper } = this.w.system
    const by = rewards.connect(keeper)
    await toTime(cutOf(this.w.system, n) + 120 + this.roll(4 * HOUR))
    if (!this.model.isFinal(n, (await time.latest()) + 1)) {
      await nextAt((await time.latest()) + 1)
      await expect(by.extract(n)).to.be.revertedWithCustomError(rewards, 'EvidenceNotFinal')
      await toTime(cutOf(this.w.system, n) + PUSH_WINDOW)
    }
    this.model.openUntil(await time.latest())
    const decided = this.model.decide(n)
    for (let calls = 0; Number(await rewards.nextCycle()) === n && calls < 9; ++calls) {
      if (this.chance(30)) await by.extract(n, { gasLimit: TX_GAS })
      else await by.extractPage(n, 16 + this.roll(6), { gasLimit: TX_GAS })
      if (this.chance(20)) await this.fund()
    }
    const { pool, allocated, eligible, snapshots, state } = await rewards.cycle(n)
    expect(Number(state), `state of ${n}`).to.equal(decided.state === 'settled' ? 2 : 3)
    expect(Number(snapshots)).to.equal(decided.snapshots)
    expect([pool, allocated, eligible], `cycle ${n}`).to.deep.equal([
      decided.pool,
      decided.allocated,
      BigInt(decided.eligible),
    ])
    await this.compareCycle(n)
  }

  private async maybeVoid(n: number): Promise<boolean> {
    const { rewards, guardian } = this.w.system
    const { settleDelay } = this.model.opening(n).terms
    if (this.model.decided(n).state !== 'settled' || settleDelay === 0n) return false
    const [words, masks] = masksOf([1])
    const early = rewards.connect(this.w.system.keeper).extractTransfer(n, words, masks)
    await expect(early).to.be.revertedWithCustomError(rewards, 'TransferTooEarly')
    if (this.chance(40)) {
      await rewards.connect(guardian).voidCycle(n)
      this.model.void(n)
      await this.compareBooks()
      return true
    }
    await toTime((await time.latest()) + HOUR)
    return false
  }

  // ---------------------------------------------------------------- money out

  private async payout(n: number): Promise<void> {
    if (this.model.decided(n).state !== 'settled') return
    const receiver = this.roll(RECEIVERS)
    await this.setRefusing(receiver, this.chance(60))
    const action = this.roll(8)
    if (action === 0) await this.claim(n)
    else if (action === 1) await this.withdrawOne()
    else await this.batch(n, await this.mayStranger(n))
    await this.compareCycle(n)
  }

  /** A stranger's batch, when the cycle's grace is over. */
  private async mayStranger(n: number): Promise<boolean> {
    const { openFrom } = await this.w.system.rewards.cycle(n)
    return this.chance(50) && BigInt(await time.latest()) >= openFrom
  }

  private async setRefusing(receiver: number, refuses: boolean): Promise<void> {
    const at = pick(this.w.addresses, receiver)
    const { token } = this.w.system
    if (token) await token.setBlocked(at, refuses)
    else await pick(this.w.receivers, receiver).setMode(refuses ? 1 : 0)
    if (refuses) this.model.refusing.add(at)
    else this.model.refusing.delete(at)
  }

  /** Words in any order, some twice, some outside the roster; everybody of some, nobody of others. */
  private list(n: number): [word: number, indices: number[]][] {
    const list: [number, number[]][] = []
    let due = 0
    for (let i = 0; i < 1 + this.roll(12); ++i) {
      const word = this.roll(19)
      const indices = range(WORD).flatMap((b) => (this.chance(30) ? [word * WORD + b] : []))
      due += indices.filter((index) => this.model.decided(n).unpaid.has(index)).length
      if (due > MAX_LISTED) break
      list.push([word, indices])
    }
    return list
  }

  private async batch(n: number, byStranger: boolean): Promise<void> {
    const { rewards, keeper, stranger } = this.w.system
    const list = this.list(n)
    const words = list.map(([word]) => word)
    const masks = list.map(([, indices]) => masksOf(indices)[1][0] ?? 0n)
    const by = rewards.connect(byStranger ? stranger : keeper)
    const tx = await by.extractTransfer(n, words, masks, { gasLimit: TX_GAS })
    const expected = this.model.batch(n, list, !byStranger)
    expect(this.resultOf(await tx.wait(), !byStranger), `batch of ${n}`).to.deep.equal(expected)
  }

  private resultOf(receipt: ContractTransactionReceipt | null, credited: boolean): BatchResult {
    const { interface: abi } = this.w.system.rewards
    const result: BatchResult = { paid: [], refused: [] }
    for (const log of receipt?.logs ?? []) {
      const event = abi.parseLog(log)
      if (event?.name === 'Paid') {
        for (const [word, mask] of event.args['words'] as [bigint, bigint][])
          result.paid.push([word, mask])
      }
      if (event?.name !== 'PaymentRefused') continue
      expect(event.args['credited']).to.equal(credited)
      const { index, to, amount } = event.args
      result.refused.push({ index: Number(index), to: String(to), amount: BigInt(amount) })
    }
    return result
  }

  private async claim(n: number): Promise<void> {
    const { rewards } = this.w.system
    const unpaid = [...this.model.decided(n).unpaid].filter(([, amount]) => amount !== 0n)
    const mine = unpaid
      .map(([i]) => i)
      .filter((i) => this.w.addresses.includes(this.model.payee(n, i)))
    if (mine.length === 0) return
    const index = pick(mine, this.roll(mine.length))
    const payee = this.model.payee(n, index)
    const data = rewards.interface.encodeFunctionData('claim', [[n, n], index])
    await this.setRefusing(this.w.addresses.indexOf(payee), false)
    await this.receiverAt(payee)?.execute(rewards, data)
    this.model.claim(n, index)
  }

  private async withdrawOne(): Promise<void> {
    const accounts = [...this.model.credits.keys()]
    if (accounts.length !== 0) await this.withdraw(pick(accounts, this.roll(accounts.length)))
  }

  private async withdraw(account: string): Promise<void> {
    const receiver = this.w.addresses.indexOf(account)
    if (receiver >= 0) await this.setRefusing(receiver, false)
    await this.w.system.rewards.connect(this.w.system.stranger).withdraw(account)
    this.model.withdraw(account)
  }

  private async sweep(n: number): Promise<void> {
    const { unpaid, state } = this.model.decided(n)
    if (state !== 'settled') return
    const left = [...unpaid.keys()].slice(0, MAX_LISTED)
    const [words, masks] = masksOf(left)
    await this.w.system.rewards.sweep(n, words, masks, { gasLimit: TX_GAS })
    for (const index of left) this.model.credit(n, index)
    for (const [at, amount] of this.model.credits) if (amount === 0n) this.model.credits.delete(at)
    await this.compareCycle(n)
  }

  // ---------------------------------------------------------------- comparing

  private async compareCycle(n: number): Promise<void> {
    const { rewards } = this.w.system
    const { unpaid, state } = this.model.decided(n)
    const [, masks] = masksOf(range(SIZE + 40))
    for (const word of masks.keys()) {
      const indices = state === 'settled' ? [...unpaid.keys()] : []
      const mine = indices.filter((i) => Math.floor(i / WORD) === word)
      const mask = masksOf(mine)[1][0] ?? 0n
      expect(await rewards.unpaidMask(n, word), `cycle ${n} word ${word}`).to.equal(mask)
    }
    for (const index of range(5).map(() => this.roll(SIZE))) {
      const amount = state === 'settled' ? (unpaid.get(index) ?? 0n) : 0n
      expect(await rewards.rewardOf(n, index), `cycle ${n} index ${index}`).to.equal(amount)
    }
    await this.compareBooks()
  }

  private async compareBooks(): Promise<void> {
    const { model } = this
    const { funded, pool, unpaid, credits, balance } = await this.w.system.rewards.books()
    const creditSum = sumOf(model.credits.values())
    const expected = [
      model.funded(),
      model.pool,
      model.unpaid,
      creditSum,
      model.funded() - model.out,
    ]
    expect([funded, pool, unpaid, credits, balance]).to.deep.equal(expected)
    expect(balance).to.equal(pool + unpaid + credits)
  }

  /** Every account got exactly what the twin says, over the whole run. */
  private async compareAll(): Promise<void> {
    for (const [at, amount] of this.model.received) {
      const before = this.start.get(at) ?? 0n
      expect(await this.balanceOf(at), at).to.equal(before + amount)
    }
  }

  private async balanceOf(at: string): Promise<bigint> {
    return (await balances(this.w.system, [at]))[0] ?? 0n
  }
}
