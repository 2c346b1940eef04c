import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { KeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'

/** First line of the file: what the chain is built from. */
export interface Genesis {
  chainId: number
  timestamp: UnixSeconds
  hash: Hex
}

/** What made the chain what it is, in order: blocks with their raw transactions, and test calls. */
export type ChainStep =
  { block: StoredBlock } | { call: { method: string; params: readonly unknown[] } }

export interface StoredBlock {
  number: number
  timestamp: UnixSeconds
  hash: Hex
  prevRandao: Hex
  transactions: Hex[]
  /** Clock of the machine when the block was mined: the chain's clock may be another. */
  wall: UnixSeconds
}

export interface StoredChain {
  genesis: Genesis
  steps: ChainStep[]
}

/** Undefined when there is no file yet. A last line cut short was never acknowledged: it is dropped. */
export function readChainFile(file: string): StoredChain | undefined {
  if (!existsSync(file)) return undefined
  const lines = readFileSync(file, 'utf8').split('\n')
  // Every written line ends with a line feed, so what follows the last one is empty or a torn write.
  const whole = lines.slice(0, -1).map((line, index) => parseLine(line, index + 1, file))
  const [genesis, ...steps] = whole
  if (genesis === undefined) return undefined
  return { genesis: genesis as Genesis, steps: steps as ChainStep[] }
}

function parseLine(line: string, number: number, file: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    throw new KeeperError('CHAIN_STATE_BROKEN', { file, reason: `line ${number} is not JSON` })
  }
}

export interface ChainFile {
  /** Returns when the line is on disk: only then is a transaction acknowledged. */
  append(line: Genesis | ChainStep): void
  close(): void
}

export function openChainFile(file: string): ChainFile {
  const descriptor = openSync(file, 'a')
  return {
    append: (line) => {
      writeSync(descriptor, `${JSON.stringify(line)}\n`)
      fsyncSync(descriptor)
    },
    close: () => closeSync(descriptor),
  }
}
