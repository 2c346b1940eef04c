// A cycle that owes something to a payee with a key and to a contract that takes no coin.
import type { ContractWallet } from '../../types/ethers-contracts/index.js'
import {
  DAY,
  allUp,
  deploySystem,
  ethers,
  fund,
  masksOf,
  settle,
  time,
  transfer,
} from './contracts.ts'
import type { Signer, System } from './contracts.ts'

export interface Owned {
  system: System
  /** Payee of validators 0 and 1: a plain account. */
  payee: Signer
  /** Payee of validator 2: a contract that takes no coin. */
  wallet: ContractWallet
  /** The key of the wallet. */
  owner: Signer
}

export async function owned(): Promise<Owned> {
  const signers = await ethers.getSigners()
  const [payee, owner] = signers.slice(15)
  if (!payee || !owner) throw new Error('no signers')
  const wallet = await ethers.deployContract('ContractWallet', [owner])
  const system = await deploySystem({ validators: 4, funds: [payee, payee, wallet] })
  await fund(system, 400n)
  await settle(system, 1, allUp(4))
  return { system, payee, wallet, owner }
}

/** With credits: 100 of the wallet by a refusal, 200 of the payee by a sweep. */
export async function credited(): Promise<Owned> {
  const all = await owned()
  const { system } = all
  await transfer(system, 1, [2])
  await time.increase(30 * DAY)
  await system.rewards.sweep(1, ...masksOf([0, 1]))
  return all
}
