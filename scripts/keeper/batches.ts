// The batches of one day on `hardhat node`, and in the same run the same calls by a bare loop of sign, raw
// send and receipt.
import { Wallet } from 'ethers'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { RequestStats } from '../../keeper/chain/rpc/endpoint.ts'
import { listJournal } from '../../keeper/chain/journal/journal.ts'
import type { TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import { readMarket } from '../../keeper/chain/sending/prepare.ts'
import { runDay } from '../../keeper/validators/day.ts'
import { KEYS } from '../../test/helpers/deploy.ts'
import { createWorld, makeMembers, pushCycle, withKeeper } from '../../test/helpers/muster.ts'
import type { World } from '../../test/helpers/muster.ts'
import type { Measurement } from './measure.ts'
import { rounded } from './measure.ts'

const GOAL_SECONDS = 18
const GOAL_RATIO = 2
const BATCH_SIZE = 10

export async function measureBatches(batches: number, window: number): Promise<Measurement[]> {
  const members = makeMembers(batches * BATCH_SIZE)
  const world = await createWorld({ members, batchSize: BATCH_SIZE, isNodeApart: true })
  Object.assign(world.config, { window })
  try {
    let startMs = 0
    let cpu = process.cpuUsage()
    let snapshot = ''
    let requests: Record<string, number> = {}
    const onStep = async (step: string): Promise<void> => {
      if (step !== 'extracted') return
      snapshot = await world.node.request('evm_snapshot')
      startMs = performance.now()
      cpu = process.cpuUsage()
    }
    const rows = await withKeeper(
      world,
      async (keeper) => {
        await pushCycle(world, keeper, 1, Array<number>(members.length).fill(24))
        await runDay(keeper, { cycle: 1 })
        requests = perBatch(keeper.client.stats(), batches)
        return listJournal(keeper.db, { kind: 'transfer', state: 'final', limit: 2 * batches })
      },
      { onStep },
    )
    const seconds = (performance.now() - startMs) / 1_000
    const cpuSeconds = rounded(cpuSince(cpu))
    if (rows.length !== batches) throw new Error(`${rows.length} of ${batches} batches are final`)
    await world.node.request('evm_revert', [snapshot])
    cpu = process.cpuUsage()
    const bare = await bareLoop(world, rows.toReversed())
    const bareLoopCpuSeconds = rounded(cpuSince(cpu))
    const ratio = seconds / bare
    const details = {
      window,
      batches,
      batchSize: BATCH_SIZE,
      bareLoopSeconds: rounded(bare),
      // Without the waiting: what the comparison is on a machine that does other work.
      cpuSeconds,
      bareLoopCpuSeconds,
      requests,
    }
    return [
      {
        name: `${batches} batches, all final, window ${window}`,
        unit: 's',
        goal: GOAL_SECONDS,
        found: rounded(seconds),
        details,
      },
      {
        name: `against the bare loop, window ${window}`,
        unit: 'times',
        goal: GOAL_RATIO,
        found: rounded(ratio),
        details,
      },
    ]
  } finally {
    await world.close()
  }
}

function cpuSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

/** The pushes and the extract before are among them: some hundredths of a request a batch. */
function perBatch(stats: readonly RequestStats[], batches: number): Record<string, number> {
  const rows = stats.map(({ method, requests }) => [method, rounded(requests / batches)] as const)
  return Object.fromEntries(rows.filter(([, count]) => count >= 1))
}

/** One after the other, no journal, no checks: what the node itself takes. */
async function bareLoop(world: World, rows: readonly TxRecord[]): Promise<number> {
  const { client } = world.node
  const wallet = new Wallet(KEYS.keeper)
  const first = await client.nonceOf(wallet.address as Address)
  const { baseFee, tip } = await readMarket(client)
  const fees = { maxFeePerGas: 2n * baseFee + tip, maxPriorityFeePerGas: tip }
  const startMs = performance.now()
  for (const [i, { contract: to, data, gasLimit }] of rows.entries()) {
    const fields = {
      type: 2,
      chainId: client.chainId,
      nonce: first + i,
      to,
      data,
      gasLimit,
      ...fees,
    }
    const hash = await client.sendRaw((await wallet.signTransaction(fields)) as Hex)
    let receipt = await client.receipt(hash)
    while (!receipt) {
      await systemClock.sleep(1)
      receipt = await client.receipt(hash)
    }
    if (!receipt.succeeded) throw new Error(`batch ${i} of the bare loop failed`)
  }
  return (performance.now() - startMs) / 1_000
}
