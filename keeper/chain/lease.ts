/** The right to write for one sender, until another one takes it over. */
export interface Lease {
  /** Grows at each take-over; every write of the journal carries it. */
  readonly epoch: bigint
  /** Aborted as soon as we know that the lease is gone. */
  readonly lost: AbortSignal
  isHeld(): boolean
  /** LEASE_LOST unless the store says at this moment that the lease is ours. */
  check(): Promise<void>
  release(): Promise<void>
}
