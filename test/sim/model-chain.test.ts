import { expect } from 'chai'
import type { Hex } from '../../keeper/base/schema.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { GWEI, createChain } from './model-chain.ts'
import type { ModelChain } from './model-chain.ts'
import { encodeCall, isExtracted, unpaidOf } from './model-contract.ts'
import { CONTRACT_ADDRESS } from './sim-world.ts'

const signer = walletSigner(`0x${'5b'.repeat(32)}`)
const MEMBERS = 0b1111n

function chainOf(): ModelChain {
  const terms = { sender: signer.address, contract: CONTRACT_ADDRESS, members: MEMBERS }
  return createChain({ ...terms, finalDepth: 2, startMs: 0 })
}

function sign(nonce: number, data: Hex, gwei = 20n): Promise<Hex> {
  return signer.signTransaction({
    chainId: 31_337,
    nonce,
    to: CONTRACT_ADDRESS,
    data,
    value: 0n,
    gasLimit: 100_000n,
    maxFeePerGas: gwei * GWEI,
    maxPriorityFeePerGas: (gwei * GWEI) / 10n,
  })
}

const EXTRACT = encodeCall({ kind: 'extract', cycle: 1 })
const none = (): boolean => false
const stateOf = (chain: ModelChain) => chain.view().fork.at(-1)?.state ?? []

describe('the model chain', () => {
  it('replaces a waiting transaction only for 10 % more of both fees', async () => {
    const chain = chainOf()
    chain.submit(await sign(0, EXTRACT, 20n))
    expect(() => chain.submit('0x')).to.throw()
    const dear = await sign(0, EXTRACT, 22n)
    const cheap = await sign(0, EXTRACT, 21n)
    expect(() => chain.submit(cheap)).to.throw('replacement transaction underpriced')
    chain.submit(dear)
    expect(() => chain.submit(dear)).to.throw('already known')
    expect(chain.mine(0, none).txs).to.have.length(1)
    expect(() => chain.submit(cheap)).to.throw('nonce too low')
  })

  it('mines in the order of nonces and holds what follows a gap', async () => {
    const chain = chainOf()
    chain.submit(await sign(1, '0x'))
    expect(chain.mine(0, none).txs).to.have.length(0)
    chain.submit(await sign(0, EXTRACT))
    expect(chain.mine(0, none).txs.map(({ nonce }) => nonce)).to.deep.equal([0, 1])
  })

  it('goes back with its state in a reorg, with or without the transactions', async () => {
    for (const returns of [true, false]) {
      const chain = chainOf()
      chain.submit(await sign(0, EXTRACT))
      chain.mine(0, none)
      expect(isExtracted(stateOf(chain), 1)).to.equal(true)
      chain.reorg(1, () => returns)
      expect(isExtracted(stateOf(chain), 1)).to.equal(false)
      expect(chain.pooled()).to.have.length(returns ? 1 : 0)
    }
  })

  it('pays each bit once, whoever asks for it', async () => {
    const chain = chainOf()
    chain.submit(await sign(0, EXTRACT))
    chain.submit(await sign(1, encodeCall({ kind: 'transfer', cycle: 1, mask: 0b0011n })))
    chain.intrude('stranger', { kind: 'transfer', cycle: 1, mask: 0b0110n })
    chain.mine(0, none)
    chain.intrude('stranger', { kind: 'transfer', cycle: 1, mask: 0b0110n })
    chain.mine(0, none)
    expect(stateOf(chain).map(({ paid }) => paid)).to.deep.equal([0n, 0n, 0b0011n, 0b0100n])
    expect(unpaidOf(stateOf(chain), 1, MEMBERS)).to.equal(0b1000n)
  })
})
