// A program that is claimed: paying.ts with a claims contract beside it, and hands that claim from it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Wallet } from 'ethers'
import type { ContractTransactionResponse, HDNodeWallet } from 'ethers'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { openProgramContracts } from '../../keeper/chain/program-contracts.ts'
import { readLeaves } from '../../keeper/payouts/claims/claims-rows.ts'
import { requireDesk } from '../../keeper/payouts/claims/desk.ts'
import type { ClaimsDesk } from '../../keeper/payouts/claims/desk.ts'
import { buildTree } from '../../keeper/payouts/claims/tree.ts'
import type { ClaimsTree } from '../../keeper/payouts/claims/tree.ts'
import type { Program } from '../../keeper/payouts/program.ts'
import { runProgram } from '../../keeper/payouts/run.ts'
import type { ProgramRun } from '../../keeper/payouts/run.ts'
import { ProgramClaims__factory } from '../../types/ethers-contracts/factories/contracts/ProgramClaims__factory.ts'
import type { ProgramClaims } from '../../types/ethers-contracts/index.js'
import { mine } from './chain.ts'
import { NOON } from './ledger.ts'
import { PROGRAM_NUMBER, create, openPaying, payeeAt, programOf } from './paying.ts'
import type { Paying, PayingOptions } from './paying.ts'

export const DELAY = 3_600

export interface Claiming extends Paying {
  dir: string
  desk: ClaimsDesk
  /** With the guardian's key. */
  claims: ProgramClaims
  /** The delay of a root passes. */
  rest(): Promise<void>
  /** A payee with a key and coin for gas. */
  wallet(): Promise<HDNodeWallet>
  /** Of the accepted root, as the store has it. */
  tree(): Promise<ClaimsTree>
  claimFor(account: string): Promise<ContractTransactionResponse>
}

const CLAIMS = 'contracts/ProgramClaims.sol/ProgramClaims'

export async function openClaiming(options: PayingOptions = {}): Promise<Claiming> {
  const paying = await openPaying(options)
  const { node, admin, db } = paying
  const dir = mkdtempSync(join(tmpdir(), 'muster-claims-'))
  const hand = paying.contracts
  const address = await create(admin, CLAIMS, [hand.address, PROGRAM_NUMBER, DELAY])
  await (await hand.payouts.connect(admin).setClaims(PROGRAM_NUMBER, address)).wait()
  const deployment = { ...hand.deployment, claims: { manual: address } }
  const contracts = await openProgramContracts(node.client, deployment)
  const room: Paying['room'] = (changes) => paying.room({ contracts, claimsDir: dir, ...changes })
  const desk = await requireDesk(room(), { id: 'manual', number: PROGRAM_NUMBER })
  const claims = ProgramClaims__factory.connect(address, admin)
  const tree = async (): Promise<ClaimsTree> =>
    buildTree(desk.contract.home, await readLeaves(db, desk.place))
  return {
    ...paying,
    contracts,
    room,
    run: (program, changes) => runProgram(room(changes), program, { from: 0, to: NOON + 1 }),
    dir,
    desk,
    claims,
    rest: async () => {
      await node.request('evm_increaseTime', [DELAY])
      await mine(node)
    },
    wallet: async () => {
      const wallet = Wallet.createRandom(node.client.provider)
      await node.request('hardhat_setBalance', [wallet.address, `0x${GAS_MONEY.toString(16)}`])
      return wallet
    },
    tree,
    claimFor: async (account) => {
      const { cumulative, proof } = leafIn(await tree(), account)
      const tx = await claims.claimFor(account, cumulative, proof)
      await tx.wait()
      return tx
    },
    close: async () => {
      await paying.close()
      rmSync(dir, { recursive: true })
    },
  }
}

export const GAS_MONEY = 10n ** 18n

export function leafIn(tree: ClaimsTree, account: string): { cumulative: bigint; proof: Hex[] } {
  const leaf = tree.proofOf(account as Address)
  if (!leaf) throw new Error(`${account} has no leaf`)
  return leaf
}

/** Runs it, lets its root rest, and runs it again: accepted. */
export async function publish(claiming: Claiming, program: Program): Promise<ProgramRun> {
  await claiming.run(program)
  await claiming.rest()
  return claiming.run(program)
}

/** The same awards, to be claimed. */
export function claimed(...parameters: Parameters<typeof programOf>): Program {
  const [awards, rules, changes] = parameters
  return programOf(awards, rules, { method: () => 'claim', ...changes })
}

/** A range that is paid through a contract of others, so that no call shows its leaves. */
export async function forwardRange(
  { desk, node, admin, claims, tree }: Claiming,
  first: number,
  size: number,
): Promise<void> {
  const { contract } = desk.contract.home
  const forwarder = payeeAt(9_000)
  // CALLDATACOPY all, CALL the claims contract with it.
  const code = `0x365f5f375f5f365f5f73${contract.slice(2)}5af100`
  await node.request('hardhat_setCode', [forwarder, code])
  const { packed, path } = (await tree()).range(first, size)
  const data = claims.interface.encodeFunctionData('claimRange', [packed, path])
  // An estimate would starve the call within it.
  await (await admin.sendTransaction({ to: forwarder, data, gasLimit: 2_000_000 })).wait()
}
