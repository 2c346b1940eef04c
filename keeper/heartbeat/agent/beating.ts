import type { Hour } from '../../base/time.ts'
import type { HelloFacts } from '../intake/frames.ts'
import type { NodeStatus } from '../tally/tally.ts'
import type { IntakeAddress } from './intake-address.ts'
import type { Expected, NodeKey } from './node-key.ts'

/** What a session, or a round of single beats, tells while it goes on. */
export interface BeatEvents {
  hello(hello: HelloFacts): void
  /** The first sign that beats are taken; the count of the hour so far, where it is told. */
  welcome(at?: { hour: Hour; count: number }): void
  counted(at: { hour: Hour; count: number; why?: string }): void
  receipt(receipt: object): void
}

export interface BeatingOptions {
  intake: IntakeAddress
  key: NodeKey
  expected: Expected
  status: () => Promise<NodeStatus>
  events: BeatEvents
  signal: AbortSignal
}

/** Beats until it is stopped (resolves) or something ends it (rejects): by a session, or one by one. */
export type Beating = (options: BeatingOptions) => Promise<void>
