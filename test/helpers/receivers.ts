import type { HostilePayee } from '../../types/ethers-contracts/index.js'
import { ethers } from './contracts.ts'
import { deployHand } from './payouts.ts'
import type { Hand } from './payouts.ts'

export interface Refusers {
  hand: Hand
  receivers: HostilePayee[]
}

/** Payees that do with a payment what their mode says (HostilePayee.sol). */
export async function withReceivers(modes: number[]): Promise<Refusers> {
  const hand = await deployHand()
  const receivers: HostilePayee[] = []
  for (const mode of modes) {
    const receiver = await ethers.deployContract('HostilePayee')
    await receiver.setMode(mode)
    receivers.push(receiver)
  }
  return { hand, receivers }
}
