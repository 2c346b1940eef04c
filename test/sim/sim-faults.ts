import type { ModelTx } from './model-chain.ts'
import { unpaidOf } from './model-contract.ts'
import type { NodeMode } from './model-node.ts'
import type { Event } from './schedule.ts'
import type { SimWorld } from './sim-world.ts'

/** What the events of a schedule do to the running process, if there is one. */
export interface Keepers {
  kill(): void
  /** The machine loses power: what the store had not synced is gone. */
  loseStore(kind: 'power' | 'backup' | 'whole-home'): Promise<void>
  /** Stands still; a second instance may take over meanwhile. */
  freeze(forMs: number, isOvertaken: boolean): void
  order(step: 'bump' | 'cancel'): void
}

const LEFT_OUT_PERMILLE = 150
const HALF = 500

/** A block every so often, some transactions left out of each, until the schedule is over. */
export function startBlocks(world: SimWorld): void {
  const { time, chain, schedule, random } = world
  const own = random.fork('blocks')
  const next = (): void => {
    const jitter = own.below(schedule.blockMs)
    time.after(schedule.blockMs / 2 + jitter, () => {
      if (time.nowMs() >= stalledUntil(world)) {
        const isLeftOut = (): boolean => !world.isQuiet() && own.chance(LEFT_OUT_PERMILLE)
        const { number, txs } = chain.mine(time.nowMs(), isLeftOut)
        if (txs.length > 0) world.note(`block ${number}: ${txs.map(showTx).join(', ')}`)
      }
      next()
    })
  }
  next()
}

const stalls = new WeakMap<SimWorld, number>()

function stalledUntil(world: SimWorld): number {
  return stalls.get(world) ?? 0
}

function showTx({ by, nonce, call, hash }: ModelTx): string {
  const what = call.kind === 'transfer' ? `${call.cycle}/${call.mask.toString(16)}` : call.kind
  return `${by} ${nonce ?? '-'} ${what} ${hash.slice(0, 10)}`
}

export function schedule(world: SimWorld, keepers: Keepers): void {
  for (const { atMs, event } of world.schedule.timed) {
    world.time.after(atMs, () => {
      world.note(`>> ${show(event)}`)
      strike(world, keepers, event)
    })
  }
  world.time.after(world.schedule.quietAtMs, () => {
    world.note('>> nothing goes wrong from here on')
    for (const node of world.nodes) node.behave('well')
  })
}

function show(event: Event): string {
  return Object.values(event).map(String).join(' ')
}

function strike(world: SimWorld, keepers: Keepers, event: Event): void {
  const { chain, time, random, nodes } = world
  switch (event.do) {
    case 'node-fault':
      return misbehave(world, [event.node], event.mode, event.forMs)
    case 'outage':
      return misbehave(world, [...nodes.keys()], event.mode, event.forMs)
    case 'reorg':
    case 'deep-reorg':
      return reorg(world, event)
    case 'fee-spike': {
      chain.baseFee *= event.factor
      return void time.after(Math.min(event.forMs, world.quietInMs()), () => {
        chain.baseFee /= event.factor
      })
    }
    case 'pool-drop':
      return chain.drop((tx) => tx.by === 'keeper' && random.chance(event.share))
    case 'block-stall':
      return void stalls.set(world, time.nowMs() + event.forMs)
    case 'foreign':
      return intrudeForeign(world)
    case 'stranger-extract':
      return void chain.intrude('stranger', { kind: 'extract', cycle: openCycle(world) })
    case 'stranger-transfer':
      return strangerTransfer(world)
    case 'operator-bump':
    case 'operator-cancel':
      return keepers.order(event.do === 'operator-bump' ? 'bump' : 'cancel')
    case 'poor': {
      const before = chain.balance
      chain.balance = 1n
      return void time.after(Math.min(event.forMs, world.quietInMs()), () => {
        chain.balance = before > 1n ? before : chain.balance
      })
    }
    case 'store-fails':
      return void storeFailures.set(world, time.nowMs() + event.forMs)
    case 'kill':
      return keepers.kill()
    case 'power-loss':
      return void keepers.loseStore('power')
    case 'backup':
      return void keepers.loseStore(event.isWholeHome ? 'whole-home' : 'backup')
    case 'freeze':
      return keepers.freeze(event.forMs, event.isOvertaken)
  }
}

const storeFailures = new WeakMap<SimWorld, number>()

export function isStoreFailing(world: SimWorld): boolean {
  return !world.isQuiet() && world.time.nowMs() < (storeFailures.get(world) ?? 0)
}

function misbehave(world: SimWorld, which: number[], mode: NodeMode, forMs: number): void {
  const nodes = which.map((index) => world.nodes[index]).filter((node) => node !== undefined)
  // At most one liar: the honest have to be able to outvote it.
  if (mode === 'lying') {
    for (const node of world.nodes) if (node.mode === 'lying') node.behave('well')
  }
  for (const node of nodes) {
    node.behave(mode)
    world.time.after(forMs, () => {
      if (node.mode === mode) node.behave('well')
    })
  }
}

function reorg(world: SimWorld, event: Extract<Event, { do: 'reorg' | 'deep-reorg' }>): void {
  const { chain, random, schedule, truth, time } = world
  const isDeep = event.do === 'deep-reorg'
  const depth = isDeep ? schedule.finalDepth + event.beyond : event.depth
  const before = chain.view().height
  const taken = chain.reorg(depth, () => random.chance(event.returns))
  if (isDeep) truth.isFinalityBroken = true
  // The other fork is longer: its blocks are there at once.
  for (let made = 0; made <= taken; made += 1) {
    const isLeftOut = (): boolean => random.chance(HALF)
    chain.mine(time.nowMs(), isLeftOut)
  }
  world.note(`reorg of ${taken}, was at ${before}, is at ${chain.view().height}`)
}

/** Somebody else uses our key: at the next nonce, or in the place of one that waits in the pool. */
function intrudeForeign({ chain, truth, random }: SimWorld): void {
  const { fork, height } = chain.view()
  const next = fork[height]?.nonce ?? 0
  const nonce = next + random.below(2)
  truth.foreignNonces.push(nonce)
  chain.intrude('foreign', { kind: 'none' }, nonce)
}

function openCycle({ chain, schedule, members }: SimWorld): number {
  const { fork, height } = chain.view()
  const state = fork[height]?.state ?? []
  for (let cycle = 1; cycle < schedule.cycles; cycle += 1) {
    const isSettled = state.some(({ call }) => call.kind === 'extract' && call.cycle === cycle)
    if (!isSettled || unpaidOf(state, cycle, members) !== 0n) return cycle
  }
  return schedule.cycles
}

function strangerTransfer(world: SimWorld): void {
  const { chain, random, members } = world
  const mask = members & BigInt(random.between(1, Number(members)))
  chain.intrude('stranger', { kind: 'transfer', cycle: openCycle(world), mask })
}
