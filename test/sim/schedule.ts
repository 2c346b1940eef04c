import { NODE_FAULTS } from './model-node.ts'
import type { NodeMode, Words } from './model-node.ts'
import type { Place } from './sim-process.ts'
import type { Random } from './random.ts'

/** One thing that goes wrong, or that somebody else does, at a moment. */
export type Event =
  | { do: 'node-fault'; node: number; mode: NodeMode; forMs: number }
  | { do: 'outage'; mode: NodeMode; forMs: number }
  | { do: 'reorg'; depth: number; returns: number }
  /** Deeper than what the chain called final. */
  | { do: 'deep-reorg'; beyond: number; returns: number }
  | { do: 'fee-spike'; factor: bigint; forMs: number }
  | { do: 'pool-drop'; share: number }
  | { do: 'block-stall'; forMs: number }
  | { do: 'foreign' }
  | { do: 'stranger-extract' }
  | { do: 'stranger-transfer' }
  | { do: 'operator-bump' }
  | { do: 'operator-cancel' }
  | { do: 'poor'; forMs: number }
  | { do: 'store-fails'; forMs: number }
  | { do: 'kill' }
  | { do: 'power-loss' }
  | { do: 'backup'; isWholeHome: boolean }
  | { do: 'freeze'; forMs: number; isOvertaken: boolean }

export interface Timed {
  atMs: number
  event: Event
}

/** Where a process is to die: the n-th touch of a kind, before it or after it. */
export interface Death {
  place: Place
  count: number
  fate: 'dies-before' | 'dies-after'
}

/** Everything a seed decides before the first block. */
export interface Schedule {
  nodes: number
  /** How each of them words a refusal. */
  words: readonly Words[]
  window: number
  cycles: number
  members: number
  batchSize: number
  finality: 'finalized' | number
  finalDepth: number
  blockMs: number
  bumpAfterMs: number
  /** From here on nothing goes wrong any more: what is not settled then is lost. */
  quietAtMs: number
  /** Copies of the store to go back to are taken after so many of 1,000 writes; 0 when none is needed. */
  copyPermille: number
  timed: Timed[]
  /** A human looks at a queue that stopped, finds out what happened, and lets it go on. */
  hasHuman: boolean
}

const SECOND = 1_000
// Seldom, because they end the day early: most schedules have to be paid out to the end.
const RARE: readonly Event['do'][] = ['foreign', 'foreign', 'deep-reorg', 'backup']
const COMMON: readonly Event['do'][] = [
  'node-fault',
  'node-fault',
  'outage',
  'reorg',
  'reorg',
  'fee-spike',
  'pool-drop',
  'block-stall',
  'stranger-extract',
  'stranger-transfer',
  'stranger-transfer',
  'operator-bump',
  'operator-cancel',
  'poor',
  'store-fails',
  'kill',
  'kill',
  'power-loss',
  'freeze',
  'freeze',
]
const WORDS: readonly Words[] = ['geth', 'geth', 'hardhat', 'parity', 'mute']
const RARE_PERMILLE = 200

export function drawSchedule(random: Random): Schedule {
  const nodes = random.between(1, 3)
  const finalDepth = random.between(1, 4)
  const quietAtMs = random.between(20, 120) * SECOND
  const events = Array.from({ length: random.between(0, 8) }, () => {
    return drawEvent(random, random.pick(COMMON), nodes, finalDepth)
  })
  if (random.chance(RARE_PERMILLE)) {
    events.push(drawEvent(random, random.pick(RARE), nodes, finalDepth))
  }
  const isCopied = events.some(({ do: kind }) => kind === 'power-loss' || kind === 'backup')
  return {
    nodes,
    words: Array.from({ length: nodes }, () => random.pick(WORDS)),
    window: random.pick([1, 1, 2, 4]),
    cycles: random.pick([1, 1, 1, 2]),
    members: random.between(2, 8),
    batchSize: random.between(1, 3),
    finality: random.chance(500) ? 'finalized' : finalDepth + 1,
    finalDepth,
    blockMs: random.between(1, 4) * SECOND,
    bumpAfterMs: random.pick([10, 20, 60, 300]) * SECOND,
    quietAtMs,
    copyPermille: isCopied ? 250 : 0,
    hasHuman: random.chance(700),
    timed: events.map((event) => ({ atMs: random.below(quietAtMs), event })),
  }
}

function drawEvent(random: Random, kind: Event['do'], nodes: number, finalDepth: number): Event {
  const forMs = random.between(1, 60) * SECOND
  switch (kind) {
    case 'node-fault': {
      // A lie can be told from the truth only where the honest are more.
      const modes: readonly NodeMode[] =
        nodes > 1 ? [...NODE_FAULTS, 'lying', 'lying', 'lying', 'lying'] : NODE_FAULTS
      return { do: kind, node: random.below(nodes), mode: random.pick(modes), forMs }
    }
    case 'outage':
      return { do: kind, mode: random.pick(NODE_FAULTS), forMs }
    case 'reorg':
      return {
        do: kind,
        depth: random.between(1, finalDepth),
        returns: random.pick([0, 500, 1_000]),
      }
    case 'deep-reorg':
      return { do: kind, beyond: random.between(1, 3), returns: random.pick([0, 500, 1_000]) }
    case 'fee-spike':
      return { do: kind, factor: BigInt(random.pick([3, 10, 100])), forMs }
    case 'pool-drop':
      return { do: kind, share: random.pick([500, 1_000]) }
    case 'backup':
      return { do: kind, isWholeHome: random.chance(500) }
    case 'block-stall':
    case 'poor':
    case 'store-fails':
      return { do: kind, forMs }
    case 'freeze':
      return { do: kind, forMs, isOvertaken: random.chance(700) }
    case 'foreign':
    case 'stranger-extract':
    case 'stranger-transfer':
    case 'operator-bump':
    case 'operator-cancel':
    case 'kill':
    case 'power-loss':
    default:
      return { do: kind }
  }
}

const DEATHS: readonly [Place, number][] = [
  ['write', 30],
  ['within', 40],
  ['send', 5],
  ['send', 5],
  ['label', 25],
  ['label', 25],
  ['rpc', 120],
  ['read', 80],
  ['log', 8],
]
const LONG_LIFE_PERMILLE = 400

/** Undefined: this one lives until somebody ends it. */
export function drawDeath(random: Random): Death | undefined {
  if (random.chance(LONG_LIFE_PERMILLE)) return undefined
  const [place, most] = random.pick(DEATHS)
  const fate = random.chance(500) ? 'dies-before' : 'dies-after'
  return { place, count: random.between(1, most), fate }
}
