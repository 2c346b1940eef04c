import type { RefusingReceiver } from '../../types/ethers-contracts/index.js'
import {
  DAY,
  HOUR,
  TOKEN_STIPEND,
  TX_GAS,
  asAdmin,
  cutOf,
  deploySystem,
  ethers,
  fund,
  fundOf,
  hourOf,
  masksOf,
  networkHelpers,
  nextAt,
  nodeOf,
  time,
  toTime,
  transfer,
  wordsOf,
} from './contracts.ts'
import type { Signer, System, Terms } from './contracts.ts'

const WINDOW = 4 * HOUR
const FINALITY = 30 * 60
const CAP = 1_000_003n
/** Enough for all the caps that can add up. */
const RICH = 20n * CAP
/** As many as 9 cycles without evidence: two more than add their caps. */
const DARK = 9
const FIRST_DARK = 5
export const LAST_CYCLE = 8 + DARK

const TERMS: Terms = {
  rateBps: 8_000n,
  minSnapshots: 10n,
  weighted: false,
  payAll: false,
  maxRefused: 2n,
  stipend: 30_000n,
  grace: BigInt(HOUR),
  settleDelay: 0n,
  cap: CAP,
}

export interface Life {
  system: System
  receiver: RefusingReceiver
}

/** Every rule once, at its very limit: what a verifier gets wrong by one shows. */
export async function liveLife(isToken: boolean): Promise<Life> {
  const life = await begin(isToken)
  await quorumAndRefusals(life)
  await everybodyByWeight(life)
  await voided(life)
  await afterVoid(life)
  await dark(life)
  await capsAndRedirect(life)
  await expelled(life)
  await leftovers(life)
  return life
}

async function begin(isToken: boolean): Promise<Life> {
  const receiver = await ethers.deployContract('RefusingReceiver', [0])
  const mine = await receiver.getAddress()
  const system = await deploySystem({
    token: isToken,
    validators: 6,
    reporters: 3,
    funds: [mine, mine, mine, fundOf(3), fundOf(4), fundOf(5)],
    weights: [1n, 2n, 3n, 4n, 0n, 6n],
    params: termsOf(isToken),
  })
  await fund(system, CAP / 3n)
  return { system, receiver }
}

function termsOf(isToken: boolean, changes: Partial<Terms> = {}): Terms {
  return { ...TERMS, ...(isToken ? { stipend: TOKEN_STIPEND } : {}), ...changes }
}

type Hours = readonly number[]

/** Each reporter's list, hour by hour; undefined: it does not push. */
async function push(
  { system }: Life,
  cycle: number,
  h: number,
  lists: (Hours | undefined)[],
  second = 0,
): Promise<void> {
  const hour = hourOf(system, cycle, h)
  const words = Number(await system.registry.wordCountOf(cycle))
  for (const [r, list] of lists.entries()) {
    const reporter = system.reporters[r]
    if (list === undefined || !reporter) continue
    const at = Math.max((hour + 1) * HOUR + second, (await time.latest()) + 1)
    await nextAt(at)
    await system.registry.connect(reporter).pushStatus(wordsOf([...list], words), hour)
  }
}

async function call(life: Life, by: Signer, name: string, args: unknown[], at?: number) {
  const { rewards } = life.system
  const data = rewards.interface.encodeFunctionData(name as 'extract', args as never)
  if (at !== undefined) await nextAt(at)
  const tx = await by.sendTransaction({ to: rewards, data, gasLimit: TX_GAS })
  await tx.wait()
}

async function refuse({ system, receiver }: Life, refuses: boolean): Promise<void> {
  const { token } = system
  if (token) await token.setBlocked(receiver, refuses)
  else await receiver.setMode(refuses ? 1 : 0)
}

/** Ten counted hours; 0 is up in exactly eight of them, 1 in seven, 2 and 3 by a thin majority. */
async function quorumAndRefusals(life: Life): Promise<void> {
  const { system, receiver } = life
  const { registry, keeper, stranger, admin, rewards } = system
  const all = [0, 1, 2, 3, 4, 5]
  for (const h of [0, 1, 2, 3, 4, 5, 20, 21, 22, 23]) {
    const seen = all.filter((i) => !(i === 0 && h < 2) && !(i === 1 && h < 3))
    const thin = h < 2 ? [...seen, 3] : seen.filter((i) => i !== 3)
    if (h === 20) await change(life)
    if (h === 5) await push(life, 1, h, [undefined, seen, undefined])
    if (h === 5) await push(life, 1, h, [seen, undefined, undefined], WINDOW - 1)
    else if (h === 23) await push(life, 1, h, [seen, undefined, seen])
    else if (h === 21) await push(life, 1, h, [thin.slice(1), seen, undefined])
    else await push(life, 1, h, [thin.slice(1), seen, h < 2 ? all.slice(4) : seen])
    // The same reporter again: only what is new is in its event.
    if (h !== 5 && h !== 23) await push(life, 1, h, [thin, undefined, undefined])
    if (h === 4) await push(life, 1, 6, [all, undefined, undefined], 0)
  }
  const decided = cutOf(system, 1) + FINALITY
  await toTime(cutOf(system, 1) + 60)
  await fund(system, 17n)
  await call(life, keeper, 'extract', [1], decided)
  await refuse(life, true)
  await transfer(system, 1, [0, 3, 4])
  const [words, masks] = masksOf([2, 5])
  await call(life, stranger, 'extractTransfer', [1, words, masks], decided + HOUR)
  await refuse(life, false)
  const claim = rewards.interface.encodeFunctionData('claim', [[1], 2])
  await receiver.execute(rewards, claim)
  await call(life, stranger, 'withdraw', [await receiver.getAddress()])
  await rewards
    .connect(admin)
    .setParams(termsOf(system.token !== undefined, { settleDelay: BigInt(HOUR) }))
  await registry.validatorCount()
}

/** During cycle 1: all of it counts from cycle 2 on. */
async function change({ system }: Life): Promise<void> {
  const { rewards, admin, token } = system
  const entry = { node: nodeOf(6), fund: fundOf(6), weight: 7n }
  await asAdmin(system, 'addValidators', [[entry]])
  await asAdmin(system, 'removeValidators', [[5]])
  await asAdmin(system, 'setFunds', [[4], [fundOf(44)]])
  await asAdmin(system, 'setWeights', [[3], [5n]])
  const terms = { weighted: true, payAll: true, settleDelay: BigInt(HOUR) }
  await rewards.connect(admin).setParams(termsOf(token !== undefined, terms))
}

/** Nobody is up often enough, so everybody of the cycle is paid; a stranger decides, to the second. */
async function everybodyByWeight(life: Life): Promise<void> {
  const { system } = life
  for (let h = 0; h < 20; h += 1) {
    if (hourEnds(system, 2, h) <= (await time.latest())) continue
    await push(life, 2, h, [[5], [5], undefined], 30)
  }
  // Not yet one of this cycle.
  await asAdmin(system, 'addValidators', [[{ node: nodeOf(7), fund: fundOf(7), weight: 9n }]])
  const decided = cutOf(system, 2) + HOUR
  await toTime(cutOf(system, 2) + 60)
  // The last hours have nothing; their windows end later than the grace period.
  const at = Math.max(decided, cutOf(system, 2) + WINDOW)
  await fund(system, RICH)
  await call(life, system.stranger, 'extract', [2], at)
  const [words, masks] = masksOf([0, 1, 2, 3, 4, 6])
  await call(life, system.keeper, 'extractTransfer', [2, words, masks], at + HOUR)
}

const hourEnds = (system: System, cycle: number, h: number): number =>
  (hourOf(system, cycle, h) + 1) * HOUR

async function pushDay(life: Life, cycle: number, online: Hours, count = 24): Promise<void> {
  const { system } = life
  for (let h = 24 - count; h < 24; h += 1) {
    const now = await time.latest()
    if (now >= hourEnds(system, cycle, h) + WINDOW - 30) continue
    await push(life, cycle, h, [online, online, online], 30)
  }
}

/** Taken back in the last second of the delay. */
async function voided(life: Life): Promise<void> {
  const { system } = life
  await pushDay(life, 3, [0, 1, 2, 3, 4, 6])
  const decided = cutOf(system, 3) + 600
  await call(life, system.keeper, 'extract', [3], decided)
  await call(life, system.guardian, 'voidCycle', [3], decided + HOUR - 1)
}

/** The cap of the voided cycle is added to the next one's. */
async function afterVoid(life: Life): Promise<void> {
  const { system } = life
  await pushDay(life, 4, [0, 1, 2])
  await call(life, system.keeper, 'extract', [4], cutOf(system, 4) + 600)
  await toTime((await time.latest()) + HOUR)
  await transfer(system, 4, [0, 1, 2])
}

/** No evidence at all: each rolls over once no push can come any more. */
async function dark(life: Life): Promise<void> {
  const { system } = life
  for (let n = FIRST_DARK; n < FIRST_DARK + DARK; n += 1) {
    await call(life, system.keeper, 'extract', [n], cutOf(system, n) + WINDOW)
  }
}

/** The caps of seven cycles add up, and no more; who redirected is paid elsewhere. */
async function capsAndRedirect(life: Life): Promise<void> {
  const { system, receiver } = life
  const { registry, guardian, keeper } = system
  const n = FIRST_DARK + DARK
  await pushDay(life, n, [0, 1, 2, 3, 4, 5, 6], 18)
  const mine = await receiver.getAddress()
  const [next] = system.others
  if (!next) throw new Error('no signers')
  const redirect = registry.interface.encodeFunctionData('redirect', [mine, n, [0], next.address])
  await call(life, keeper, 'extract', [n], cutOf(system, n) + 600)
  await receiver.execute(registry, redirect)
  // Who holds the pay now may pass it on.
  await registry.connect(next).redirect(mine, n, [0], fundOf(77))
  await call(life, guardian, 'pauseFor', [60])
  await toTime((await time.latest()) + HOUR)
  await refuse(life, true)
  await transfer(system, n, [0, 1, 3, 4])
  await refuse(life, false)
  await call(life, guardian, 'lowerCap', [CAP / 2n])
}

/** A reporter is expelled in the middle of a cycle: its words are gone, its seat still counts. */
async function expelled(life: Life): Promise<void> {
  const { system } = life
  const { registry, guardian, reporters } = system
  const n = FIRST_DARK + DARK + 1
  const third = reporters[2]?.address ?? ''
  for (let h = 2; h < 24; h += 1) {
    const lists = h < 8 ? [[0], [0, 3], [0, 3]] : [[0, 3], [0, 3], undefined]
    await push(life, n, h, lists, 30)
    if (h === 9) await registry.connect(guardian).expelReporter(third)
    if (h === 10) await asAdmin(system, 'removeReporter', [third])
  }
  await call(life, system.keeper, 'extract', [n], cutOf(system, n) + WINDOW)
  await toTime((await time.latest()) + HOUR)
  await transfer(system, n, [0, 3])
  // Two reporters are left: both are needed.
  const last = n + 1
  for (let h = 6; h < 24; h += 1) {
    await push(life, last, h, [[0, 3], [0]], 30)
    if (h === 9) await asAdmin(system, 'removeReporter', [reporters[1]?.address])
  }
  await call(life, system.keeper, 'extract', [last], cutOf(system, last) + 60)
  // One is left, and nobody was up: all is carried.
  for (let h = 6; h < 24; h += 1) await push(life, last + 1, h, [[]], 30)
  await call(life, system.keeper, 'extract', [last + 1], cutOf(system, last + 1) + 60)
}

/** What nobody took is swept in its first second; coin that was forced in is booked; the pool goes back. */
async function leftovers(life: Life): Promise<void> {
  const { system, receiver } = life
  const { rewards, token, stranger, sponsor, admin } = system
  const decided = cutOf(system, LAST_CYCLE) + 60
  const swept = LAST_CYCLE - 1
  const at = await rewards.getAddress()
  if (token) await token.mint(at, 5n)
  else await networkHelpers.setBalance(at, (await ethers.provider.getBalance(at)) + 5n)
  await call(life, stranger, 'skim', [])
  const [words, masks] = masksOf([0, 3])
  await call(life, sponsor, 'sweep', [swept, words, masks], decided + 29 * DAY)
  await call(life, stranger, 'returnToSponsor', [], decided + 90 * DAY)
  // Nobody asked for the credit for half a year: it is re-pointed, with a month's notice.
  const mine = await receiver.getAddress()
  const move = [mine, stranger.address]
  await call(life, admin, 'proposeCreditMove', move, decided + 200 * DAY)
  await call(life, sponsor, 'executeCreditMove', [mine], decided + 230 * DAY)
}
