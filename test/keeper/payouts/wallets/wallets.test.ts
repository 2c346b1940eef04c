import { expect } from 'chai'
import { Wallet } from 'ethers'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { typedLink } from '../../../../keeper/payouts/wallets/link-message.ts'
import type { WalletLink } from '../../../../keeper/payouts/wallets/link-message.ts'
import {
  MAX_LINK_LIFE,
  cancelChange,
  linkWallet,
  unlinkWallet,
} from '../../../../keeper/payouts/wallets/links.ts'
import type { WalletRoom } from '../../../../keeper/payouts/wallets/links.ts'
import { addHold } from '../../../../keeper/payouts/wallets/holds.ts'
import { readWallets, walletOf, walletsOf } from '../../../../keeper/payouts/wallets/wallet-of.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { testClock } from '../../../helpers/clock.ts'
import type { TestClock } from '../../../helpers/clock.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { freshDb } from '../../../helpers/store.ts'

const CHAIN = 31_337
const START = 1_800_000_000
const HOUR = 3_600
const DELAY = 48 * HOUR
const OURS = '0x00000000000000000000000000000000000A11cE' as Address
const PLAYER = { program: 'players', payee: 'player-7' }

const keys = ['11', '22', '33', '44', '55', '66', '77', '88', '99'].map(
  (byte) => new Wallet(`0x${byte.repeat(32)}`),
)
const [first, second, third] = keys as [Wallet, Wallet, Wallet]

const addressOf = (wallet: Wallet): Address => wallet.address as Address

describe('the wallets of payees', () => {
  let db: Db
  let clock: TestClock
  let room: WalletRoom
  let nonce = 0n

  beforeEach(async () => {
    db = await freshDb()
    clock = testClock(START)
    const client = {
      chainId: CHAIN,
      codeAt: async () => '0x' as Hex,
      call: async () => '0x' as Hex,
    }
    room = { db, client, clock, primaryDelay: DELAY, ours: [OURS] }
  })

  afterEach(() => db.close())

  function linkOf(wallet: Wallet, facts: Partial<WalletLink> = {}): WalletLink {
    nonce += 1n
    const deadline = clock.now() + HOUR
    return { ...PLAYER, wallet: addressOf(wallet), primary: true, nonce, deadline, ...facts }
  }

  async function sign(by: Wallet, link: WalletLink, chainId = CHAIN): Promise<Hex> {
    const { domain, types, value } = typedLink(chainId, link)
    return (await by.signTypedData(domain, types, value)) as Hex
  }

  async function link(wallet: Wallet, facts: Partial<WalletLink> = {}) {
    const message = linkOf(wallet, facts)
    const signature = await sign(wallet, message)
    return linkWallet(room, { link: message, signature, actor: 'api' })
  }

  const payee = () => walletOf(db, PLAYER.program, PLAYER.payee, clock.now())
  const wallets = () => readWallets(db, PLAYER.program, PLAYER.payee, clock.now())
  const correction = { ...PLAYER, actor: 'support', reason: 'asked for' }

  it('the first primary is paid at once, a payee without one is not', async () => {
    expect(await payee()).to.equal(undefined)

    await link(first)

    expect(await payee()).to.equal(first.address)
    expect(await walletOf(db, PLAYER.program, 'player-8', clock.now())).to.equal(undefined)
    expect(await walletOf(db, 'partners', PLAYER.payee, clock.now())).to.equal(undefined)
  })

  it('a change of the primary takes effect after its 48 h, not a second before', async () => {
    await link(first)
    const { pending } = await link(second)

    expect(pending).to.deep.equal({
      wallet: second.address,
      effectiveAt: START + DELAY,
      isNew: true,
    })
    clock.advance(DELAY - 1)
    expect(await payee()).to.equal(first.address)
    clock.advance(1)
    expect(await payee()).to.equal(second.address)
    expect((await wallets()).linked).to.deep.equal([first.address, second.address])
  })

  it('a change that is cancelled never comes, and its new wallet goes with it', async () => {
    await link(first)
    await link(second)

    await cancelChange(room, correction)

    clock.advance(2 * DELAY)
    expect(await payee()).to.equal(first.address)
    expect((await wallets()).linked).to.deep.equal([first.address])
    expect((await rejectionOf(cancelChange(room, correction))).code).to.equal('WALLET_NOT_LINKED')
  })

  it('a change that is in effect cannot be cancelled', async () => {
    await link(first)
    await link(second)
    clock.advance(DELAY)

    expect((await rejectionOf(cancelChange(room, correction))).code).to.equal('WALLET_NOT_LINKED')
    expect(await payee()).to.equal(second.address)
  })

  it('a second change while one is pending is refused: it would start the delay anew', async () => {
    await link(first)
    await link(second)

    expect((await rejectionOf(link(third))).code).to.equal('WALLET_CHANGE_PENDING')
  })

  it('unlinking the primary stops payment, and is no way round the delay of the next one', async () => {
    await link(first)
    await unlinkWallet(room, { ...correction, wallet: addressOf(first) })
    expect(await payee()).to.equal(undefined)

    await link(second)

    expect(await payee()).to.equal(undefined)
    clock.advance(DELAY)
    expect(await payee()).to.equal(second.address)
  })

  it('a linked wallet becomes the primary one by a message of its own; cancelled, it stays linked', async () => {
    await link(first)
    await link(second, { primary: false })
    expect(await payee()).to.equal(first.address)

    await link(second)
    await cancelChange(room, correction)

    expect((await wallets()).linked).to.deep.equal([first.address, second.address])
    clock.advance(DELAY)
    expect(await payee()).to.equal(first.address)
  })

  it('unlinking the wallet of a pending change takes the change back', async () => {
    await link(first)
    await link(second)

    await unlinkWallet(room, { ...correction, wallet: addressOf(second) })

    clock.advance(DELAY)
    expect(await payee()).to.equal(first.address)
    const again = unlinkWallet(room, { ...correction, wallet: addressOf(second) })
    expect((await rejectionOf(again)).code).to.equal('WALLET_NOT_LINKED')
  })

  it('a message counts once, also after an unlinking', async () => {
    const message = linkOf(first)
    const signed = { link: message, signature: await sign(first, message), actor: 'api' }
    await linkWallet(room, signed)
    await unlinkWallet(room, { ...correction, wallet: addressOf(first) })

    expect((await rejectionOf(linkWallet(room, signed))).code).to.equal('WALLET_NONCE_USED')
  })

  it('of two links at the same time one is refused and the history has no gap', async () => {
    const results = await Promise.allSettled([link(first), link(second, { primary: false })])

    const rows = await db.query<{ seq: number }>('select seq from wallet_event order by seq')
    const linked = results.filter(({ status }) => status === 'fulfilled')
    expect(rows.map(({ seq }) => seq)).to.deep.equal(linked.map((_, index) => index + 1))
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason.code).to.equal('WALLET_RACE')
    }
  })

  for (const [what, changed] of [
    ['another program', { program: 'partners' }],
    ['another payee', { payee: 'player-8' }],
    ['another wallet', { wallet: addressOf(second) }],
    ['not as primary', { primary: false }],
    ['another nonce', { nonce: 999n }],
    ['a later deadline', { deadline: START + 2 * HOUR }],
  ] as [string, Partial<WalletLink>][]) {
    it(`a signature is for what it says: refused for ${what}`, async () => {
      const message = linkOf(first)
      const signature = await sign(first, message)

      const forged = linkWallet(room, { link: { ...message, ...changed }, signature, actor: 'api' })

      expect((await rejectionOf(forged)).code).to.equal('WALLET_SIGNATURE_WRONG')
    })
  }

  it('a signature for another chain, or by another key, is refused', async () => {
    const message = linkOf(first)
    for (const signature of [
      await sign(first, message, 1),
      await sign(second, message),
      '0x',
    ] as Hex[]) {
      const forged = linkWallet(room, { link: message, signature, actor: 'api' })
      expect((await rejectionOf(forged)).code).to.equal('WALLET_SIGNATURE_WRONG')
    }
  })

  for (const [what, facts] of [
    ['the second of its deadline', { deadline: START }],
    ['a deadline that is too far', { deadline: START + MAX_LINK_LIFE + 1 }],
    ['the zero address', { wallet: `0x${'0'.repeat(40)}` }],
    ['a contract of ours', { wallet: OURS }],
    ['a program whose payees are addresses', { program: 'manual' }],
  ] as [string, Partial<WalletLink>][]) {
    it(`a link is refused for ${what}`, async () => {
      expect((await rejectionOf(link(first, facts))).code).to.equal('WALLET_LINK_INVALID')
    })
  }

  it('a wallet twice is refused, and a ninth one', async () => {
    await link(first)
    expect((await rejectionOf(link(first))).code).to.equal('WALLET_LINK_INVALID')
    expect((await rejectionOf(link(first, { primary: false }))).code).to.equal(
      'WALLET_LINK_INVALID',
    )
    for (const wallet of keys.slice(1, 8)) await link(wallet, { primary: false })

    const ninth = link(keys[8] as Wallet, { primary: false })
    expect((await rejectionOf(ninth)).code).to.equal('WALLET_LINK_INVALID')
  })

  it('an address on the deny list is not linked; one that is held is', async () => {
    const list = { reason: 'sanctions', actor: 'compliance' }
    await addHold(room, { ...list, list: 'deny', address: addressOf(first) })
    await addHold(room, { ...list, list: 'hold', address: addressOf(second) })

    expect((await rejectionOf(link(first))).code).to.equal('PAYEE_DENIED')
    await link(second)
  })

  it('many payees are looked up at once; payees of manual are their own wallets', async () => {
    await link(first)
    await link(second, { payee: 'player-8' })

    const now = clock.now()
    const found = await walletsOf(db, PLAYER.program, ['player-7', 'player-8', 'player-9'], now)
    expect([...found]).to.deep.equal([
      ['player-7', first.address],
      ['player-8', second.address],
    ])
    expect(await walletOf(db, 'manual', third.address.toLowerCase(), now)).to.equal(third.address)
    expect(await walletOf(db, 'manual', 'player-7', now)).to.equal(undefined)
  })

  for (const sql of [
    'update wallet_event set is_primary = false',
    'delete from wallet_event',
    'truncate wallet_event',
  ]) {
    it(`the history only grows: ${sql.split(' ')[0]} is refused`, async () => {
      await link(first)

      const refusal = await db.exec(sql).catch((error: Error) => error)

      expect(refusal).to.be.instanceOf(Error)
      expect(await payee()).to.equal(first.address)
    })
  }
})
