import type { UnixSeconds } from '../base/time.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { AttemptPurpose } from './journal-rows.ts'

/** Where the chain of events ends. */
export interface JournalHead {
  seq: bigint
  hash: string
}

/** All that is needed to put a lost row back: the other fields are in the signed bytes. */
export interface SignedEntry {
  chainId: number
  sender: Address
  nonce: number
  kind: string
  key: string
  contract: Address
  payloadHash: Hex
  hash: Hex
  raw: Hex
  purpose: AttemptPurpose
  anchor: Hex | undefined
  at: UnixSeconds
}

/** A second book beside the store: what was signed is on the disk before it may be broadcast. */
export interface SideLog {
  /** Resolves once the bytes are on the disk; `head` is the journal's end at that moment. */
  signed(entry: SignedEntry, head: JournalHead): Promise<void>
  /** Notes where the journal ends now; not waited for. */
  head(head: JournalHead): void
  /** Signed, but refused by the journal: these bytes never left the process. */
  voided(hash: Hex): void
  close(): Promise<void>
}

/** Nothing is kept: for tests, and for reads. */
export const noSideLog: SideLog = {
  signed: async () => {},
  head: () => {},
  voided: () => {},
  close: async () => {},
}
