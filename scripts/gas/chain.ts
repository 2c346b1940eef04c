// One in-process EVM and the few calls that gas is measured with: no receipts polling, no estimates.
import { network } from 'hardhat'
import { ethers } from 'ethers'
import { ensure } from '../../keeper/base/errors.ts'

/** EIP-7825: no transaction may have more. */
export const TX_GAS_LIMIT = 2n ** 24n

export interface Receipt {
  gasUsed: bigint
  logs: { address: string; topics: string[]; data: string }[]
  contractAddress: string | null
}

export interface GasChain {
  /** Unlocked accounts: 0 admin and guardian, 1 reporter, 2 keeper, 3 funds. */
  accounts: string[]
  request(method: string, params?: unknown[]): Promise<unknown>
  send(tx: { from: string; to?: string; data: string; value?: bigint }): Promise<Receipt>
  /** Runs work and takes everything it changed back. */
  aside<T>(work: () => Promise<T>): Promise<T>
  /** Lets the next block have this time, or the last block's when that is later. */
  warp(timestamp: number): Promise<void>
  close(): Promise<void>
}

/** @param initialDate ISO time of the first block; now, when it says nothing. */
export async function openGasChain(initialDate?: string): Promise<GasChain> {
  const connection = await network.connect({
    override: {
      allowBlocksWithSameTimestamp: true,
      ...(initialDate === undefined ? {} : { initialDate }),
    },
  })
  const request = async (method: string, params: unknown[] = []): Promise<unknown> =>
    connection.provider.request({ method, params })
  const accounts = (await request('eth_accounts')) as string[]
  let latest = 0
  return {
    accounts,
    request,
    send: async (tx) => send(request, tx),
    aside: async (work) => {
      const id = await request('evm_snapshot')
      const before = latest
      try {
        return await work()
      } finally {
        await request('evm_revert', [id])
        latest = before
      }
    },
    warp: async (timestamp) => {
      latest = Math.max(latest, timestamp)
      await request('evm_setNextBlockTimestamp', [ethers.toQuantity(latest)])
    },
    close: async () => connection.close(),
  }
}

async function send(
  request: GasChain['request'],
  tx: { from: string; to?: string; data: string; value?: bigint },
): Promise<Receipt> {
  const hash = await request('eth_sendTransaction', [
    { ...tx, value: ethers.toQuantity(tx.value ?? 0n), gas: ethers.toQuantity(TX_GAS_LIMIT) },
  ])
  const receipt = (await request('eth_getTransactionReceipt', [hash])) as Omit<
    Receipt,
    'gasUsed'
  > & {
    gasUsed: string
    status: string
  }
  ensure(receipt.status === '0x1', 'INTERNAL', { reason: `transaction ${String(hash)} reverted` })
  return { ...receipt, gasUsed: BigInt(receipt.gasUsed) }
}
