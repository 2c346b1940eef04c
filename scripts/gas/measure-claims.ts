// Gas of cumulative claims over 1,024 leaves: one's own, and a keeper's range.
import { openGasChain } from './chain.ts'
import type { Figures } from './goals.ts'
import type { Asset, Claims, Hand, Payment } from './hand.ts'
import { call, mint, openClaims, openHand, pack, paymentsOf, publish } from './hand.ts'
import { perUnit } from './measure-evidence.ts'

const LEAVES = 1_024
const RANGE = 128
/** The contract's MAX_RANGE. */
const LARGEST = 256
/** In the second half, so that it is outside the range. */
const OWN = 700

async function withClaims<T>(
  asset: Asset,
  work: (hand: Hand, claims: Claims) => Promise<T>,
): Promise<T> {
  const chain = await openGasChain()
  try {
    const hand = await openHand(chain, asset)
    return await work(hand, await openClaims(hand))
  } finally {
    await chain.close()
  }
}

interface ClaimGas {
  first: bigint
  next: bigint
  range: bigint
}

async function measureTokens(): Promise<ClaimGas> {
  return withClaims('GasToken', async (hand, claims) => {
    const { chain } = hand
    const owner = chain.accounts[3] ?? ''
    const leaves = paymentsOf('leaf', 0, LEAVES)
    leaves[OWN] = [owner, leaves[OWN]?.[1] ?? 0n]
    // Who claims holds tokens already.
    await mint(chain, hand.token, owner, 1n)
    const claim = async (from: readonly Payment[], proof: string[]): Promise<bigint> => {
      const args = [from[OWN]?.[1], proof, owner]
      return (await call(chain, owner, claims.address, claims.abi, 'claim', args)).gasUsed
    }
    const tree = await publish(hand, claims, leaves)
    const first = await claim(leaves, tree.proof(OWN))
    await claimRange(hand, claims, leaves, tree.proof(0), RANGE)
    const grown = leaves.map(([to, cumulative]): Payment => [to, cumulative + 0x0123456789abcdefn])
    const next = await publish(hand, claims, grown)
    return {
      first,
      next: await claim(grown, next.proof(OWN)),
      range: await claimRange(hand, claims, grown, next.proof(0), RANGE),
    }
  })
}

async function measureLargest(): Promise<number> {
  return withClaims('native', async (hand, claims) => {
    const leaves = paymentsOf('leaf', 0, LEAVES)
    const tree = await publish(hand, claims, leaves)
    return Number(await claimRange(hand, claims, leaves, tree.proof(0), LARGEST))
  })
}

/** The first `size` leaves. */
async function claimRange(
  { chain }: Hand,
  { address, abi }: Claims,
  leaves: readonly Payment[],
  proof: string[],
  size: number,
): Promise<bigint> {
  const packed = leaves.slice(0, size).map(pack)
  const args = [packed, proof.slice(Math.log2(size))]
  return (await call(chain, chain.accounts[1] ?? '', address, abi, 'claimRange', args)).gasUsed
}

export async function measureClaims(): Promise<
  Pick<Figures, Extract<keyof Figures, `claim${string}`>>
> {
  const { first, next, range } = await measureTokens()
  return {
    'claim, first, 1,024 leaves': Number(first),
    'claim, next, 1,024 leaves': Number(next),
    'claim, a leaf of a range of 128, next': perUnit(range, RANGE),
    'claim, the largest range: 256 new leaves to new accounts, native': await measureLargest(),
  }
}
