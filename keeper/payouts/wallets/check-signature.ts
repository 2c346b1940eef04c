import { Interface } from 'ethers'
import type { Address, Hex } from '../../base/schema.ts'
import { signerOf, typedDigest } from '../../chain/keys/typed-data.ts'
import type { TypedData } from '../../chain/keys/typed-data.ts'
import { faultOf } from '../../chain/rpc/client.ts'
import type { ChainClient } from '../../chain/rpc/client.ts'

const ERC1271 = new Interface(['function isValidSignature(bytes32 hash, bytes signature)'])
/** The selector as a whole word: a contract that echoes what it is called with does not answer so. */
const IS_VALID = `0x1626ba7e${'0'.repeat(56)}`
// What a check may cost: a multi-signature of some twenty owners stays below 300,000, a passkey below 500,000.
const MAX_GAS_OF_CHECK = 3_000_000n

/** By its key, or by its code where it is a contract (EIP-1271). */
export async function isSignedBy(
  client: Pick<ChainClient, 'call' | 'codeAt'>,
  { wallet, typed, signature }: { wallet: Address; typed: TypedData; signature: Hex },
): Promise<boolean> {
  if (signerOf(typed, signature) === wallet) return true
  if ((await client.codeAt(wallet)) === '0x') return false
  const args = [typedDigest(typed), signature]
  const data = ERC1271.encodeFunctionData('isValidSignature', args) as Hex
  try {
    return (await client.call({ to: wallet, data, gas: MAX_GAS_OF_CHECK })) === IS_VALID
  } catch (error) {
    // What the code does is a no; a node that does not answer is not.
    const fault = faultOf(error)
    if (fault === 'reverted' || fault === 'gas-limit') return false
    throw error
  }
}
