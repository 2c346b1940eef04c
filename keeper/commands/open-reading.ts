import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import { openContractsAt } from '../chain/contracts.ts'
import type { Run } from './command.ts'
import { option } from './command-row.ts'
import type { Session } from './session.ts'
import { openClient, openSession } from './session.ts'

/** For who trusts no file of the operator's: a node and one address are enough. */
export interface ReadingOptions {
  rewards?: string
  fromBlock?: string
}

export const READING_OPTIONS = [
  option('--rewards <address>', 'the rewards contract, instead of a recorded deployment'),
  option('--from-block <n>', 'with --rewards: read events from here on (default: 0)'),
]

export async function openReading(
  run: Run,
  { rewards, fromBlock }: ReadingOptions,
  command: string,
): Promise<Session> {
  if (rewards === undefined) {
    if (fromBlock === undefined) return openSession(run)
    throw new KeeperError('USAGE', { what: '--from-block goes with --rewards', command })
  }
  if (fromBlock !== undefined && !/^\d{1,15}$/.test(fromBlock)) {
    throw new KeeperError('USAGE', { what: `--from-block ${fromBlock} is not a block`, command })
  }
  const address = parseWith(addressSchema, rewards, '--rewards')
  const client = await openClient(run)
  try {
    const contracts = await openContractsAt(client, {
      rewards: address,
      fromBlock: Number(fromBlock ?? 0),
    })
    return { client, contracts, close: async () => client.close() }
  } catch (error) {
    client.close()
    throw error
  }
}
