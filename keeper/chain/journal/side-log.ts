import type { UnixSeconds } from '../../base/time.ts'
import type { Address, Hex } from '../../base/schema.ts'
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

/** With the journal's head before it. */
export type SignedLine = { type: 'signed'; head: JournalHead } & SignedEntry

export type SideLine =
  | { type: 'open'; at: UnixSeconds }
  | SignedLine
  | { type: 'head'; head: JournalHead }
  | { type: 'void'; hash: Hex }
  /** The journal was found shorter than this log: what is said above of later events is of a lost past. */
  | { type: 'restart'; head: JournalHead; lost: JournalHead; at: UnixSeconds }

export interface SideLines {
  lines: SideLine[]
  /** Places of lines whose checksum fails, other than a torn end: `signed.log:17`. */
  damaged: string[]
}

/** A second book beside the store: what was signed is on the disk before it may be broadcast. */
export interface SideLog {
  /** Resolves once the bytes are on the disk; `head` is the journal's end at that moment. */
  signed(entry: SignedEntry, head: JournalHead): Promise<void>
  /** Notes where the journal ends now. Neither waited for nor ever a reason to fail. */
  head(head: JournalHead): void
  /** Signed, but refused by the journal: these bytes never left the process. */
  voided(hash: Hex): void
  restarted(head: JournalHead, lost: JournalHead): Promise<void>
  /** 'recent' is enough to bring a store up to date; the anchors of its whole past are in 'all'. */
  read(scope: 'recent' | 'all'): Promise<SideLines>
  close(): Promise<void>
}

/** Nothing is kept: for tests, and for reads. */
export const noSideLog: SideLog = {
  signed: async () => {},
  head: () => {},
  voided: () => {},
  restarted: async () => {},
  read: async () => ({ lines: [], damaged: [] }),
  close: async () => {},
}
