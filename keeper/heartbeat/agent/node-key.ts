import type { Address, Hex } from '../../base/schema.ts'
import type { TxSigner } from '../../chain/keys/signer.ts'
import type { HelloFacts, HelloFrame, LoginFrame, SignedBeat } from '../intake/frames.ts'
import { beatTyped, loginTyped } from '../intake/login.ts'
import type { Beat } from '../intake/login.ts'
import type { IntakeAddress } from './intake-address.ts'
import { KeeperError } from '../../base/errors.ts'

/** The key of a node, wherever it is: in a keystore, behind Web3Signer, in a KMS. */
export type NodeKey = Pick<TxSigner, 'address' | 'signTypedData'>

/** What the owner meant; what is undefined is not held against the intake. */
export interface Expected {
  chainId?: number | undefined
  registry?: Address | undefined
}

/** Nothing is signed for a chain or a registry that the owner did not mean. */
export function refuseOtherChain(
  hello: HelloFacts,
  { chainId = hello.chainId, registry = hello.registry }: Expected,
  { url }: IntakeAddress,
): void {
  const isSame =
    hello.chainId === chainId && hello.registry.toLowerCase() === registry.toLowerCase()
  if (isSame) return
  const expected = `chain ${chainId} and ${registry}`
  const found = { chainId: hello.chainId, registry: hello.registry }
  throw new KeeperError('INTAKE_OTHER_CHAIN', { origin: url, ...found, expected })
}

export async function signLogin(
  key: NodeKey,
  hello: HelloFrame,
  { audience }: IntakeAddress,
): Promise<LoginFrame> {
  const node = key.address
  const typed = loginTyped(hello, { node, audience, challenge: hello.challenge })
  return { t: 'login', node, audience, signature: await key.signTypedData(typed) }
}

export async function signBeat(key: NodeKey, hello: HelloFacts, beat: Beat): Promise<SignedBeat> {
  const signature: Hex = await key.signTypedData(beatTyped(hello, beat))
  return { ...beat, signature }
}
