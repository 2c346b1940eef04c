// What the process holds while it sends: after a garbage collection, at the beginning and at the end.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { silentLogger } from '../../keeper/base/log.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { openJournal } from '../../keeper/chain/journal/journal-writer.ts'
import { openSender } from '../../keeper/chain/sending/sender.ts'
import { openSideLog } from '../../keeper/chain/journal/side-log-file.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { KINDS, deployCounter } from '../../test/helpers/foreign-nodes.ts'
import { intentFor, sendingOptions } from '../../test/helpers/sending.ts'
import type { Measurement } from './measure.ts'
import { rounded } from './measure.ts'

const GOAL_PERCENT = 10
// Before the first look: the compiler's and the store's own caches fill.
const WARM_UP_SHARE = 0.2
const LOOKS = 8

interface Look {
  transactions: number
  heapMiB: number
  rssMiB: number
}

export async function measureMemory(transactions: number): Promise<Measurement[]> {
  const [hardhat] = KINDS
  if (!hardhat) throw new Error('no node to send to')
  const home = await mkdtemp(join(tmpdir(), 'muster-bench-'))
  const node = await hardhat.start({ automine: true })
  const db = await openStore({ home, clock: systemClock })
  const sideLog = await openSideLog({ home, clock: systemClock })
  try {
    const counter = await deployCounter(node)
    const journal = openJournal({ db, sideLog, clock: systemClock })
    const sender = openSender(sendingOptions(db, node.client, { journal, log: silentLogger }))
    const warmUp = Math.round(transactions * WARM_UP_SHARE)
    const every = Math.max(1, Math.round((transactions - warmUp) / LOOKS))
    const looks: Look[] = []
    for (let i = 1; i <= transactions; i += 1) {
      await sender.send(intentFor(counter, `tx/${i}`))
      if (i >= warmUp && (i - warmUp) % every === 0) looks.push(look(i))
    }
    return [
      growth('heap over the transactions', looks, ({ heapMiB }) => heapMiB),
      growth('resident memory over the transactions', looks, ({ rssMiB }) => rssMiB),
    ]
  } finally {
    await sideLog.close()
    await db.close()
    await node.close()
    await rm(home, { recursive: true, force: true })
  }
}

const MIB = 2 ** 20

function look(transactions: number): Look {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, rss } = process.memoryUsage()
  return { transactions, heapMiB: rounded(heapUsed / MIB, 1), rssMiB: rounded(rss / MIB, 1) }
}

/** The largest distance from the first look, in percent. */
function growth(name: string, looks: readonly Look[], of: (look: Look) => number): Measurement {
  const [first = Number.NaN, ...later] = looks.map(of)
  const found = Math.max(...later.map((value) => (Math.abs(value - first) / first) * 100))
  return { name, unit: '%', goal: GOAL_PERCENT, found: rounded(found, 1), details: { looks } }
}
