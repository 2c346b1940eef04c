import { expect } from 'chai'
import { Transaction, Wallet, keccak256 } from 'ethers'
import type { Hex } from '../../keeper/base/schema.ts'
import { isKeeperError } from '../../keeper/base/errors.ts'
import { faultOf } from '../../keeper/chain/rpc/client.ts'
import type { RpcFault } from '../../keeper/chain/rpc/rpc-fault.ts'
import { faultOfMessage } from '../../keeper/chain/rpc/rpc-fault.ts'
import { KEYS } from '../helpers/deploy.ts'
import { KINDS } from '../helpers/foreign-nodes.ts'
import type { ForeignNode } from '../helpers/foreign-nodes.ts'

const GWEI = 10n ** 9n

const raised = (fee: bigint, percent: bigint): bigint => (fee * (100n + percent)) / 100n

interface Wish {
  key?: string
  nonce: number
  cap?: bigint
  tip?: bigint
  value?: bigint
  gasLimit?: bigint
}

for (const kind of KINDS) {
  describe(`what ${kind.name} answers to a raw transaction`, function () {
    this.timeout(60_000)
    let node: ForeignNode

    beforeEach(async () => {
      node = await kind.start({ automine: false })
    })
    afterEach(() => node.close())

    async function signed(wish: Wish): Promise<Hex> {
      const { key = KEYS.keeper, nonce, cap = 10n * GWEI, tip = GWEI, value = 0n } = wish
      const wallet = new Wallet(key)
      const fields = { to: wallet.address, value, gasLimit: wish.gasLimit ?? 21_000n }
      const fees = { maxFeePerGas: cap, maxPriorityFeePerGas: tip }
      const chainId = node.client.chainId
      const transaction = Transaction.from({ type: 2, chainId, nonce, ...fields, ...fees })
      return (await wallet.signTransaction(transaction)) as Hex
    }

    const send = async (wish: Wish): Promise<Hex> => node.client.sendRaw(await signed(wish))

    /** The fault that our client makes of the node's own words, and whether the node has it. */
    async function refusalOf(wish: Wish): Promise<{ fault: RpcFault; knows: boolean }> {
      const raw = await signed(wish)
      try {
        await node.client.sendRaw(raw)
      } catch (error) {
        if (!isKeeperError(error, 'RPC_REFUSED')) throw error
        const message = String(error.facts['message'])
        if (process.env['SHOW']) console.log(`      ${kind.name}: ${message}`)
        expect(faultOfMessage(message)).to.equal(faultOf(error))
        const knows = await node.client.knows(keccak256(raw) as Hex)
        return { fault: faultOfMessage(message), knows }
      }
      throw new Error('the node took it')
    }

    it('S-14 the same bytes again: already known, and the node has them', async () => {
      await send({ nonce: 0 })
      const refusal = await refusalOf({ nonce: 0 })
      expect(refusal).to.deep.equal({ fault: 'already-known', knows: true })
    })

    it('S-16 a replacement that does not raise enough is underpriced and not taken', async () => {
      await send({ nonce: 0 })
      const percent = kind.smallestRaise / 2n
      const little = { nonce: 0, cap: raised(10n * GWEI, percent), tip: raised(GWEI, percent) }
      const refusals = [
        await refusalOf({ ...little, value: 1n }),
        await refusalOf({ nonce: 0, tip: 2n * GWEI }),
      ]
      const refused = { fault: 'underpriced', knows: false }
      expect(refusals).to.deep.equal([refused, refused])
    })

    it('S-16 a replacement that raises both by 12.5 % and a wei is taken, and is mined', async () => {
      const old = await send({ nonce: 0 })
      const raise = (fee: bigint): bigint => (fee * 1_125n + 999n) / 1_000n + 1n
      const next = await send({ nonce: 0, cap: raise(10n * GWEI), tip: raise(GWEI) })
      await node.mine()
      expect((await node.client.receipt(next))?.succeeded).to.equal(true)
      expect(await node.client.receipt(old)).to.equal(undefined)
    })

    it('S-15 a used nonce: too low, also for the very bytes that were mined', async () => {
      await send({ nonce: 0 })
      await node.mine()
      const other = await refusalOf({ nonce: 0, value: 1n })
      expect(other).to.deep.equal({ fault: 'nonce-too-low', knows: false })
      const same = await refusalOf({ nonce: 0 })
      expect(same.knows).to.equal(true)
      expect(same.fault).to.be.oneOf(['nonce-too-low', 'already-known'])
    })

    it('S-20 a nonce that is too high waits in the pool until the gap is filled', async () => {
      const high = await send({ nonce: 1 })
      await node.mine()
      expect(await node.client.knows(high)).to.equal(true)
      expect(await node.client.receipt(high)).to.equal(undefined)
      await send({ nonce: 0 })
      await node.mine()
      expect((await node.client.receipt(high))?.succeeded).to.equal(true)
    })

    it('S-21 without coin: insufficient funds, and the node has not taken it', async () => {
      const key = Wallet.createRandom().privateKey
      const refusal = await refusalOf({ key, nonce: 0 })
      expect(refusal).to.deep.equal({ fault: 'insufficient-funds', knows: false })
    })

    it('S-18 a cap below the base fee is either refused for its price or waits unmined', async () => {
      const wish = { nonce: 0, cap: GWEI / 100n, tip: 1n }
      const taken = await send(wish).catch(() => undefined)
      if (taken === undefined) {
        expect((await refusalOf(wish)).fault).to.be.oneOf(['fee-too-low', 'underpriced'])
        return
      }
      await node.mine()
      expect(await node.client.receipt(taken)).to.equal(undefined)
      expect(await node.client.knows(taken)).to.equal(true)
    })

    it('S-14 less gas than a bare transaction needs: refused for its gas', async () => {
      const refusal = await refusalOf({ nonce: 0, gasLimit: 20_000n })
      expect(refusal).to.deep.equal({ fault: 'gas-limit', knows: false })
    })
  })
}

// Only a node that mines at once has no queue.
for (const kind of KINDS.filter(({ name }) => name === "Hardhat's node")) {
  it(`S-20 ${kind.name}, mining at once, refuses a nonce that is too high: a gap, and not taken`, async function () {
    this.timeout(60_000)
    const node = await kind.start({ automine: true })
    try {
      const wallet = new Wallet(KEYS.keeper)
      const fees = { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI }
      const fields = { to: wallet.address, nonce: 1, gasLimit: 21_000n, ...fees }
      const { chainId } = node.client
      const raw = (await wallet.signTransaction({ type: 2, chainId, ...fields })) as Hex
      const error: unknown = await node.client.sendRaw(raw).catch((refusal: unknown) => refusal)
      expect(faultOf(error)).to.equal('nonce-gap')
      expect(await node.client.knows(keccak256(raw) as Hex)).to.equal(false)
    } finally {
      await node.close()
    }
  })
}
