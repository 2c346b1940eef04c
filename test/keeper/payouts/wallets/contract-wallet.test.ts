import { expect } from 'chai'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import type { CallFields } from '../../../../keeper/chain/rpc/client.ts'
import { isSignedBy } from '../../../../keeper/payouts/wallets/check-signature.ts'
import { typedLink } from '../../../../keeper/payouts/wallets/link-message.ts'
import { ethers } from '../../../helpers/contracts.ts'

/** The network in this process, as isSignedBy asks a chain. */
const client = {
  codeAt: async (address: Address): Promise<Hex> => (await ethers.provider.getCode(address)) as Hex,
  call: async ({ to, data, gas }: CallFields): Promise<Hex> =>
    (await ethers.provider.call({ to, data: data ?? '0x', gasLimit: gas ?? 0n })) as Hex,
}

describe('a contract that signs for its owner (EIP-1271)', () => {
  it('is linked by the owner’s signature and by nobody else’s', async () => {
    const [owner, other] = await ethers.getSigners()
    if (!owner || !other) throw new Error('no signers')
    const contract = await ethers.deployContract('ContractWallet', [owner])
    const wallet = (await contract.getAddress()) as Address
    const link = { program: 'players', payee: 'player-7', wallet, primary: true, nonce: 1n }
    const typed = typedLink(31_337, { ...link, deadline: 1_800_000_000 })
    const by = async (signer: typeof owner): Promise<Hex> =>
      (await signer.signTypedData(typed.domain, typed.types, typed.value)) as Hex

    expect(await isSignedBy(client, { wallet, typed, signature: await by(owner) })).to.equal(true)
    expect(await isSignedBy(client, { wallet, typed, signature: await by(other) })).to.equal(false)
  })
})
