import { Interface, ZeroHash } from 'ethers'
import { ProgramClaims__factory } from '../../../types/ethers-contracts/factories/contracts/ProgramClaims__factory.ts'
import type { ProgramClaims } from '../../../types/ethers-contracts/contracts/ProgramClaims.ts'
import { KeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import { requireCode } from '../../chain/rpc/client.ts'
import type { ChainClient } from '../../chain/rpc/client.ts'
import { readLogs } from '../../chain/rpc/logs.ts'
import type { ClaimsHome } from './leaf.ts'

export interface ClaimsContract {
  client: ChainClient
  home: ClaimsHome
  claims: ProgramClaims
  deployBlock: number
  /** Decodes a revert of it. */
  errors: Interface
}

export interface ClaimsOptions {
  contract: Address
  program: number
  /** Undefined: whatever the contract says. */
  payouts?: Address
  deployBlock: number
}

/** Checks that there is code, and that it is of that program and pays by that ProgramPayouts. */
export async function openClaims(
  client: ChainClient,
  options: ClaimsOptions,
): Promise<ClaimsContract> {
  const { contract, program, deployBlock } = options
  await requireCode(client, contract, 'ProgramClaims')
  const claims = ProgramClaims__factory.connect(contract, client.provider)
  const [ofProgram, ofPayouts] = await Promise.all([claims.PROGRAM(), claims.PAYOUTS()])
  const payouts = options.payouts ?? ofPayouts
  const faults = [
    ...(Number(ofProgram) === program ? [] : [`claims: ${contract} is of program ${ofProgram}`]),
    ...(ofPayouts === payouts ? [] : [`claims: ${contract} belongs to ${ofPayouts}`]),
  ]
  const file = `deployment of chain ${client.chainId}`
  if (faults.length > 0) throw new KeeperError('DEPLOYMENT_INVALID', { file, faults })
  return {
    client,
    home: { chainId: client.chainId, contract, program },
    claims,
    deployBlock,
    errors: new Interface(ProgramClaims__factory.abi.filter(({ type }) => type === 'error')),
  }
}

export interface ClaimsState {
  /** The accepted one, also while it is set aside; undefined before the first. */
  root: Hex | undefined
  total: bigint
  pending: { root: Hex; total: bigint; readyAt: UnixSeconds } | undefined
}

export async function readClaims(contract: ClaimsContract): Promise<ClaimsState> {
  const { claims } = contract
  const [root, total, pending] = await Promise.all([
    claims.root(),
    claims.total(),
    claims.pending(),
  ])
  const isResting = root === ZeroHash && total > 0n
  return {
    root: isResting ? await lastAccepted(contract) : rootOf(root),
    total,
    pending: rootOf(pending.root) && {
      root: pending.root as Hex,
      total: pending.total,
      readyAt: Number(pending.readyAt),
    },
  }
}

function rootOf(root: string): Hex | undefined {
  return root === ZeroHash ? undefined : (root as Hex)
}

/** A root that is set aside is told by nothing but the event of its acceptance. */
async function lastAccepted({
  client,
  home,
  claims,
  deployBlock,
}: ClaimsContract): Promise<Hex | undefined> {
  const topic = claims.interface.getEvent('RootAccepted').topicHash as Hex
  const toBlock = await client.blockNumber()
  const query = { address: home.contract, topics: [topic], fromBlock: deployBlock, toBlock }
  return (await readLogs(client, query)).at(-1)?.topics[1] as Hex | undefined
}

// Reads on their way at the same time: the smallest limits by second of public nodes are a few tens.
const READS_AT_ONCE = 20

/** What accounts have claimed, one read each; by the end of a block, or by now. */
export async function readClaimed(
  { claims }: ClaimsContract,
  accounts: readonly Address[],
  blockTag: number | 'latest' = 'latest',
): Promise<(account: Address) => bigint> {
  const claimed = new Map<Address, bigint>()
  for (let first = 0; first < accounts.length; first += READS_AT_ONCE) {
    const some = accounts.slice(first, first + READS_AT_ONCE)
    const amounts = await Promise.all(
      some.map((account) => claims.claimedOf(account, { blockTag })),
    )
    some.forEach((account, index) => claimed.set(account, amounts[index] ?? 0n))
  }
  return (account) => claimed.get(account) ?? 0n
}
