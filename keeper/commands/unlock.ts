import { getAddress } from 'ethers'
import type { Address } from '../base/schema.ts'
import { readLeases, unlockLease } from '../chain/lease.ts'
import { openStore, unlockStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'
import { plural } from './print.ts'

/** Takes away what a dead process holds. Nothing is taken from one that lives: then it is refused. */
export async function unlockCommand(run: Run): Promise<Report> {
  const { config, clock } = run
  const isEmbedded = config.databaseUrl === undefined
  const isFreed = isEmbedded && (await unlockStore({ home: config.home, clock }))
  const db = await openStore({ ...config, clock })
  try {
    const freed: { chainId: number; sender: string; holder: string }[] = []
    for (const { chainId, sender, holder } of await readLeases(db)) {
      if (holder === undefined) continue
      await unlockLease(db, { chainId, sender: getAddress(sender) as Address })
      freed.push({ chainId, sender, holder })
    }
    return {
      json: { directory: isFreed, leases: freed },
      lines: [
        isFreed ? 'the lock of the store was left by a dead process: it is gone' : '',
        freed.length === 0
          ? 'no key is held by a dead process'
          : `${plural(freed.length, 'key')} freed: ${freed.map(({ sender }) => sender).join(', ')}`,
      ].filter((line) => line !== ''),
    }
  } finally {
    await db.close()
  }
}
