// The program contracts deployed for a test: two programs with money, and what must always hold of their books.
import type { AddressLike, BaseContract, ContractTransactionResponse } from 'ethers'
import type {
  ERC20Mock,
  HostileToken,
  ProgramPayouts,
  TimelockController,
} from '../../types/ethers-contracts/index.js'
import type { Signer, Tx } from './contracts.ts'
import { TX_GAS, ZERO, ethers, time } from './contracts.ts'

/** Program A does what the test is about; program B's money must be there afterwards. */
export const A = 1
export const B = 2
export const FUNDS = 1_000_000n
export const STIPEND = 30_000n
/** Of a token: a first transfer writes two fresh slots. */
export const TOKEN_STIPEND = 150_000n

export interface Terms {
  payer: AddressLike
  capacity: bigint
  perDay: bigint
  stipend: bigint
  maxRefused: bigint
}

export interface HandOptions {
  token?: 'ERC20Mock' | 'HostileToken'
  terms?: Partial<Terms>
  /** A TimelockController with this delay is the admin; without it a plain account is. */
  timelockDelay?: number
}

export interface Hand {
  payouts: ProgramPayouts
  token: ERC20Mock | HostileToken | undefined
  timelock: TimelockController | undefined
  admin: Signer
  guardian: Signer
  payer: Signer
  payerOfB: Signer
  sponsor: Signer
  stranger: Signer
  /** Signers without a role: payees, attackers. */
  others: Signer[]
  terms: Terms
}

export async function deployHand(options: HandOptions = {}): Promise<Hand> {
  const [, admin, guardian, payer, payerOfB, sponsor, stranger, ...others] =
    await ethers.getSigners()
  if (!admin || !guardian || !payer || !payerOfB || !sponsor || !stranger) {
    throw new Error('no signers')
  }
  const token =
    options.token === undefined
      ? undefined
      : ((await ethers.deployContract(options.token as 'ERC20Mock')) as Hand['token'])
  const delay = options.timelockDelay
  const timelock =
    delay === undefined
      ? undefined
      : await ethers.deployContract('TimelockController', [delay, [admin], [ZERO], ZERO])
  const payouts = await ethers.deployContract('ProgramPayouts', [
    timelock ?? admin,
    guardian,
    token ?? ZERO,
  ])
  const terms = {
    payer: payer.address,
    capacity: FUNDS,
    perDay: FUNDS,
    stipend: token ? TOKEN_STIPEND : STIPEND,
    maxRefused: 16n,
    ...options.terms,
  }
  const hand: Hand = {
    payouts,
    token,
    timelock,
    admin,
    guardian,
    payer,
    payerOfB,
    sponsor,
    stranger,
    others,
    terms,
  }
  await byAdmin(hand, 'addProgram', [A, terms])
  await byAdmin(hand, 'addProgram', [B, { ...terms, payer: payerOfB.address }])
  for (const program of [A, B]) await fundProgram(hand, program, FUNDS)
  return hand
}

/** A call of ProgramPayouts by the admin: through the timelock where there is one, with its whole delay. */
export async function byAdmin(hand: Hand, name: string, args: unknown[]): Promise<void> {
  const { payouts, timelock, admin } = hand
  const data = payouts.interface.encodeFunctionData(name as 'addProgram', args as never)
  const to = await payouts.getAddress()
  if (!timelock) {
    await admin.sendTransaction({ to, data })
    return
  }
  const delay = await timelock.getMinDelay()
  const call = [to, 0n, data, ethers.ZeroHash, ethers.ZeroHash] as const
  await timelock.connect(admin).schedule(...call, delay)
  await time.increase(delay)
  await timelock.connect(admin).execute(...call)
}

export async function fundProgram(
  { payouts, token, sponsor }: Hand,
  program: number,
  amount: bigint,
): Promise<ContractTransactionResponse> {
  if (!token) return payouts.connect(sponsor).fund(program, amount, { value: amount })
  await token.mint(sponsor, amount)
  await token.connect(sponsor).approve(payouts, amount)
  return payouts.connect(sponsor).fund(program, amount)
}

export type Payment = readonly [to: AddressLike, amount: bigint]

/** One word a payment: address and amount. */
export async function pack(payments: readonly Payment[]): Promise<bigint[]> {
  return Promise.all(
    payments.map(async ([to, amount]) => {
      const at = await ethers.resolveAddress(to)
      return (BigInt(at) << 96n) | amount
    }),
  )
}

export async function pay(
  hand: Hand,
  seq: bigint | number,
  payments: readonly Payment[],
  { program = A, by, gasLimit = TX_GAS }: { program?: number; by?: Signer; gasLimit?: bigint } = {},
): Tx {
  const packed = await pack(payments)
  const payer = by ?? (program === A ? hand.payer : hand.payerOfB)
  return hand.payouts.connect(payer).pay(program, seq, packed, { gasLimit })
}

export const hashOf = (packed: bigint[]): string =>
  ethers.solidityPackedKeccak256(
    packed.map(() => 'uint256'),
    packed,
  )

/** A made-up account by number. */
export function payeeOf(index: number): string {
  return ethers.getAddress(ethers.toBeHex((0x3000n << 144n) | BigInt(index + 1), 20))
}

export async function held(hand: Hand, accounts: AddressLike[]): Promise<bigint[]> {
  const { token } = hand
  return Promise.all(
    accounts.map(async (account) =>
      token ? token.balanceOf(account) : ethers.provider.getBalance(account),
    ),
  )
}

export const creditsOf = async ({ payouts }: Hand, accounts: AddressLike[]): Promise<bigint[]> =>
  Promise.all(accounts.map(async (account) => (await payouts.creditOf(account)).amount))

export const balanceOfProgram = async ({ payouts }: Hand, program: number): Promise<bigint> =>
  (await payouts.programOf(program)).balance

/** What the batches of this transaction said: done, paid and credited. */
export async function outcomeOf(hand: Hand, tx: Tx): Promise<[bigint, bigint, bigint]> {
  const receipt = await (await tx).wait()
  const { interface: abi } = hand.payouts
  for (const log of receipt?.logs ?? []) {
    const event = abi.parseLog(log)
    if (event?.name === 'BatchPaid') return [event.args.done, event.args.paid, event.args.credited]
  }
  throw new Error('no batch was paid')
}

/** Positions that were refused, in order. */
export async function refusedIn(hand: Hand, tx: Tx): Promise<bigint[]> {
  const receipt = await (await tx).wait()
  return (receipt?.logs ?? [])
    .map((log) => hand.payouts.interface.parseLog(log))
    .filter((event) => event?.name === 'PaymentRefused')
    .map((event) => (event?.args.position ?? -1n) as bigint)
}

/**
 * The books balance: the contract holds at least balances + credits, the sum of balances is the sum of the
 * programs', and all that events say came in is there or went out.
 */
export async function assertCovered(
  hand: Hand,
  programs: readonly number[] = [A, B],
): Promise<void> {
  const { payouts } = hand
  const { balances, credits, balance } = await payouts.books()
  if (balance < balances + credits) throw new Error(`${balance} < ${balances} + ${credits}`)
  let sum = 0n
  for (const program of programs) sum += await balanceOfProgram(hand, program)
  if (sum !== balances) throw new Error(`balances ${balances} != ${sum}`)
  const flow = await flowOf(payouts)
  const left = flow.in - flow.out - flow.credited
  if (left !== balances) throw new Error(`balances ${balances}, by events ${left}`)
  if (flow.credited - flow.withdrawn !== credits) {
    throw new Error(`credits ${credits}, by events ${flow.credited} - ${flow.withdrawn}`)
  }
}

async function flowOf(
  payouts: ProgramPayouts,
): Promise<{ in: bigint; out: bigint; credited: bigint; withdrawn: bigint }> {
  const flow = { in: 0n, out: 0n, credited: 0n, withdrawn: 0n }
  const logs = await ethers.provider.getLogs({
    address: await payouts.getAddress(),
    fromBlock: 0,
  })
  for (const log of logs) {
    const event = payouts.interface.parseLog(log)
    if (event === null) continue
    const {
      amount = 0n,
      paid = 0n,
      credited = 0n,
    } = event.args.toObject() as Record<string, bigint>
    if (event.name === 'Funded' || event.name === 'Skimmed') flow.in += amount
    if (event.name === 'FundsReturned' || event.name === 'MovedToClaims') flow.out += amount
    if (event.name === 'BatchPaid') {
      flow.out += paid
      flow.credited += credited
    }
    if (event.name === 'Withdrawn') flow.withdrawn += amount
  }
  return flow
}

/** Data of a call, for a contract that is told to make it. */
export const dataOf = (contract: BaseContract, name: string, args: unknown[]): string =>
  contract.interface.encodeFunctionData(name, args)
