import type { Address, Hex } from '../base/schema.ts'
import type { ValidatorsRoom } from './room.ts'

/** A transaction that settled part of a cycle and was not sent by us (S-51). */
export interface Stranger {
  hash: Hex
  from: Address
}

// A stranger's batches are at the end, because ours come first: the newest thousand of a cycle tell enough.
const MAX_LOOKUPS = 1_000
// As many calls at a time do not flood a node.
const CONCURRENT_READS = 8

/** Who else extracted or transferred; our own hashes are not asked for. */
export async function findStrangers(
  { client, keeper }: Pick<ValidatorsRoom, 'client' | 'keeper'>,
  hashes: readonly Hex[],
  ours: ReadonlySet<Hex>,
): Promise<Stranger[]> {
  const asked = hashes.filter((hash) => !ours.has(hash)).slice(-MAX_LOOKUPS)
  const found: Stranger[] = []
  for (let i = 0; i < asked.length; i += CONCURRENT_READS) {
    const some = asked.slice(i, i + CONCURRENT_READS)
    const senders = await Promise.all(some.map((hash) => readSender(client, hash)))
    for (const [k, from] of senders.entries()) {
      const hash = some[k]
      if (hash !== undefined && from !== undefined && !isSame(from, keeper.address)) {
        found.push({ hash, from })
      }
    }
  }
  return found
}

async function readSender(
  client: ValidatorsRoom['client'],
  hash: Hex,
): Promise<Address | undefined> {
  const tx = await client.request<{ from: Address } | null>('eth_getTransactionByHash', [hash])
  return tx?.from
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
