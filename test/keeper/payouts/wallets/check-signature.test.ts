import { expect } from 'chai'
import { Wallet } from 'ethers'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { typedDigest } from '../../../../keeper/chain/keys/typed-data.ts'
import type { CallFields } from '../../../../keeper/chain/rpc/client.ts'
import { isSignedBy } from '../../../../keeper/payouts/wallets/check-signature.ts'
import {
  linkRequestSchema,
  linkRequest,
  typedLink,
} from '../../../../keeper/payouts/wallets/link-message.ts'
import { rejectionOf } from '../../../helpers/errors.ts'

const CONTRACT = '0x00000000000000000000000000000000000A11cE' as Address
const LINK = {
  program: 'players',
  payee: 'player-7',
  wallet: CONTRACT,
  primary: true,
  nonce: 7n,
  deadline: 1_800_000_000,
}
const YES = `0x1626ba7e${'0'.repeat(56)}` as Hex

/** A wallet with code that answers as it is told. */
function chainWith(answer: Hex | KeeperError, code: Hex = '0x60') {
  const calls: CallFields[] = []
  const call = async (fields: CallFields): Promise<Hex> => {
    calls.push(fields)
    if (answer instanceof KeeperError) throw answer
    return answer
  }
  return { calls, client: { codeAt: async () => code, call } }
}

describe('the signature of a contract wallet (EIP-1271)', () => {
  const typed = typedLink(31_337, LINK)
  const signed = { wallet: CONTRACT, typed, signature: '0x1234' as Hex }

  it('is what the contract says it is, asked with the digest and the bytes', async () => {
    const { calls, client } = chainWith(YES)

    expect(await isSignedBy(client, signed)).to.equal(true)

    const [asked] = calls
    expect(asked?.to).to.equal(CONTRACT)
    expect(asked?.data).to.match(new RegExp(`^0x1626ba7e${typedDigest(typed).slice(2)}.*1234`))
  })

  const answers: [string, Hex][] = [
    ['zero', `0x${'0'.repeat(64)}`],
    ['nothing', '0x'],
    ['the selector alone', '0x1626ba7e'],
    ['an echo of the call', `${YES}${'0'.repeat(64)}`],
    ['the selector with a tail', `0x1626ba7e${'0'.repeat(55)}1`],
  ]
  for (const [what, answer] of answers) {
    it(`is none when it answers ${what}`, async () => {
      expect(await isSignedBy(chainWith(answer).client, signed)).to.equal(false)
    })
  }

  it('is none when there is no code, or the code reverts', async () => {
    const reverted = new KeeperError('RPC_REFUSED', { fault: 'reverted' })

    expect(await isSignedBy(chainWith(YES, '0x').client, signed)).to.equal(false)
    expect(await isSignedBy(chainWith(reverted).client, signed)).to.equal(false)
  })

  it('is unknown, not wrong, when the node does not answer', async () => {
    const { client } = chainWith(new KeeperError('RPC_UNAVAILABLE'))

    expect((await rejectionOf(isSignedBy(client, signed))).code).to.equal('RPC_UNAVAILABLE')
  })

  it('is not asked for where the key of the address itself signed, as with delegated code', async () => {
    const owner = new Wallet(`0x${'11'.repeat(32)}`)
    const own = typedLink(31_337, { ...LINK, wallet: owner.address as Address })
    const signature = (await owner.signTypedData(own.domain, own.types, own.value)) as Hex
    const { calls, client } = chainWith('0x')

    const wallet = owner.address as Address
    expect(await isSignedBy(client, { wallet, typed: own, signature })).to.equal(true)
    expect(calls).to.have.length(0)
  })
})

describe('the request that a wallet signs', () => {
  it('reads back as the link it was made of', () => {
    const request: unknown = JSON.parse(JSON.stringify(linkRequest(31_337, LINK)))

    expect(linkRequestSchema.parse(request)).to.deep.equal({ chainId: 31_337, link: LINK })
  })
})
