import { KeeperError } from '../../base/errors.ts'
import type { Contract } from '../batch-rows.ts'
import type { Program } from '../program.ts'
import type { PayoutsRoom } from '../room.ts'
import { openClaims } from './claims-contract.ts'
import type { ClaimsContract } from './claims-contract.ts'

/** A program's claims contract, and where its trees are published. */
export interface ClaimsDesk {
  contract: ClaimsContract
  place: Contract
  dir: string
}

/** Undefined: nothing of that program is claimed. */
export async function openDesk(
  { client, contracts, claimsDir }: PayoutsRoom,
  { id, number }: Pick<Program, 'id' | 'number'>,
): Promise<ClaimsDesk | undefined> {
  const { claims, payouts } = contracts.deployment
  const address = claims?.[id]
  if (address === undefined || claimsDir === undefined) return undefined
  const contract = await openClaims(client, {
    contract: address,
    program: number,
    payouts: contracts.address,
    deployBlock: payouts?.deployBlock ?? 0,
  })
  return { contract, place: { chainId: client.chainId, address }, dir: claimsDir }
}

export async function requireDesk(
  room: PayoutsRoom,
  program: Pick<Program, 'id' | 'number'>,
): Promise<ClaimsDesk> {
  const desk = await openDesk(room, program)
  if (desk) return desk
  throw new KeeperError('CLAIMS_NOT_DEPLOYED', { program: program.id })
}
