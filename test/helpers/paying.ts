// What a test of the payouts stands on: a node with ProgramPayouts on it, a store, and a program to be paid.
import { readFile } from 'node:fs/promises'
import { Contract, ContractFactory, NonceManager, Wallet, ZeroAddress } from 'ethers'
import type { InterfaceAbi } from 'ethers'
import { z } from 'zod'
import type { Address } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { NATIVE } from '../../keeper/chain/contracts.ts'
import type { Deployment } from '../../keeper/chain/contracts.ts'
import { openProgramContracts } from '../../keeper/chain/program-contracts.ts'
import type { ProgramContracts } from '../../keeper/chain/program-contracts.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import type { SenderOptions } from '../../keeper/chain/sending/send-context.ts'
import { openSender } from '../../keeper/chain/sending/sender.ts'
import type { Award, Program, SettlementRules } from '../../keeper/payouts/program.ts'
import type { PayoutsRoom } from '../../keeper/payouts/room.ts'
import { reachPayees } from '../../keeper/payouts/wallets/reach.ts'
import { runProgram } from '../../keeper/payouts/run.ts'
import type { ProgramRun } from '../../keeper/payouts/run.ts'
import type { Db } from '../../keeper/store/db.ts'
import { TEST_KEYS, mine, startNode } from './chain.ts'
import type { TestNode } from './chain.ts'
import { COIN, NOON } from './ledger.ts'
import { testLog } from './logs.ts'
import { sendingOptions } from './sending.ts'
import { freshDb } from './store.ts'

const [ADMIN_KEY, PAYER_KEY] = TEST_KEYS
export const PROGRAM_NUMBER = 1
export const FUNDS = 1_000_000n
const STIPEND = 30_000
// So that a lowered budget fills up again within a second of the chain's time.
const DAILY = 100_000n * 86_400n

export interface PayingOptions {
  maxRefused?: number
  /** Gas that a payee gets. */
  stipend?: number
  capacity?: bigint
  funds?: bigint
  automine?: boolean
  /** One that is there, and stays: others work on it, too. */
  node?: TestNode
}

export interface Paying {
  node: TestNode
  /** The admin and the guardian of the contract. */
  admin: NonceManager
  db: Db
  contracts: ProgramContracts
  /** A room over the store, or over another view of it. */
  room(changes?: RoomChanges): PayoutsRoom
  run(program: Program, changes?: RoomChanges): Promise<ProgramRun>
  balanceOf(address: string): Promise<bigint>
  creditOf(address: string): Promise<bigint>
  /** A payee that takes no coin, or burns all its gas instead. */
  refuser(how?: 'reverts' | 'burns'): Promise<Address>
  fund(amount: bigint): Promise<void>
  /** Anybody may have a credit sent to its owner. */
  withdraw(account: string): Promise<void>
  /** A payee that begins to take coin. */
  relent(account: string): Promise<void>
  /** By the guardian, at once. */
  lowerBudget(capacity: bigint): Promise<void>
  /** By the guardian, for so many seconds. */
  pause(seconds: number): Promise<void>
  /** By the admin. */
  setBudget(capacity: bigint): Promise<void>
  close(): Promise<void>
}

export interface RoomChanges extends Partial<Omit<PayoutsRoom, 'payer'>> {
  sending?: Partial<SenderOptions>
}

export async function openPaying(options: PayingOptions = {}): Promise<Paying> {
  const node = options.node ?? (await startNode({ automine: options.automine ?? true }))
  const db = await freshDb()
  const admin = new NonceManager(new Wallet(ADMIN_KEY, node.client.provider))
  const contracts = await deploy(node, admin, options)
  const { payouts } = contracts
  const fund = async (amount: bigint): Promise<void> => {
    await (await payouts.connect(admin).fund(PROGRAM_NUMBER, amount, { value: amount })).wait()
  }
  if (options.funds !== 0n) await fund(options.funds ?? FUNDS)
  const room = ({ sending, ...changes }: RoomChanges = {}): PayoutsRoom => {
    const own = { db, client: node.client, ...changes }
    const signer = walletSigner(PAYER_KEY)
    const payer = openSender(sendingOptions(own.db, own.client, { signer, ...sending }))
    const rest = { contracts, payer, clock: systemClock, log: testLog, reach: reachPayees }
    return { ...rest, ...own }
  }
  return {
    node,
    admin,
    db,
    contracts,
    room,
    run: (program, changes) => runProgram(room(changes), program, { from: 0, to: NOON + 1 }),
    balanceOf: (address) => node.client.balanceOf(address as Address),
    creditOf: async (address) => (await payouts.creditOf(address)).amount,
    refuser: (how = 'reverts') => create(admin, REFUSER, [how === 'burns' ? 2 : 1]),
    fund,
    withdraw: async (account) => {
      await (await payouts.connect(admin).withdraw(account)).wait()
    },
    relent: (account) => node.request('hardhat_setCode', [account, '0x']),
    lowerBudget: async (capacity) => {
      await (await payouts.connect(admin).lowerBudget(PROGRAM_NUMBER, capacity, 0n)).wait()
    },
    pause: async (seconds) => {
      await (await payouts.connect(admin).pauseFor(seconds)).wait()
    },
    setBudget: async (capacity) => {
      const terms = termsOf({ capacity, ...options })
      await (await payouts.connect(admin).setTerms(PROGRAM_NUMBER, { ...terms, capacity })).wait()
      // A budget refills by the second.
      await node.request('evm_increaseTime', [1])
      await mine(node)
    },
    close: async () => {
      if (!options.node) await node.close()
      await db.close()
    },
  }
}

async function deploy(
  { client }: TestNode,
  admin: NonceManager,
  options: PayingOptions,
): Promise<ProgramContracts> {
  const adminAddress = await admin.getAddress()
  const address = await create(admin, PAYOUTS, [adminAddress, adminAddress, ZeroAddress])
  const { abi } = await artifactOf(PAYOUTS)
  const add = new Contract(address, abi, admin).getFunction('addProgram')
  await (await add.send(PROGRAM_NUMBER, termsOf(options))).wait()
  const payouts = { address, asset: NATIVE, decimals: 18, symbol: 'ETH', deployBlock: 0 }
  const deployment = { chainId: client.chainId, payouts } as unknown as Deployment
  return openProgramContracts(client, deployment)
}

function termsOf({ maxRefused = 16, capacity = FUNDS, stipend = STIPEND }: PayingOptions) {
  const payer = new Wallet(PAYER_KEY).address
  return { payer, capacity, perDay: DAILY, stipend, maxRefused }
}

const PAYOUTS = 'contracts/ProgramPayouts.sol/ProgramPayouts'
const REFUSER = 'contracts/mocks/RefusingReceiver.sol/RefusingReceiver'

const artifactSchema = z.object({ abi: z.custom<InterfaceAbi>(), bytecode: z.string() })

async function artifactOf(name: string): Promise<z.output<typeof artifactSchema>> {
  const file = new URL(`../../artifacts/${name}.json`, import.meta.url)
  return artifactSchema.parse(JSON.parse(await readFile(file, 'utf8')))
}

export async function create(
  signer: NonceManager,
  name: string,
  args: unknown[],
): Promise<Address> {
  const { abi, bytecode } = await artifactOf(name)
  const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()) as Address
}

/** An address without code, by number. */
export function payeeAt(index: number): string {
  return `0x${(0x5000n * 2n ** 144n + BigInt(index + 1)).toString(16).padStart(40, '0')}`
}

export function award(
  ref: string,
  payee: string,
  amount: bigint,
  changes: Partial<Award> = {},
): Award {
  return { ref, payee, amount, reason: { reason: 'test' }, effectiveAt: NOON, ...changes }
}

/** A program that offers just these. */
export function programOf(
  awards: readonly Award[],
  rules: Partial<SettlementRules> = {},
  changes: Partial<Program> = {},
): Program {
  return {
    id: 'manual',
    number: PROGRAM_NUMBER,
    asset: COIN,
    offer: () => awards,
    rules: () => ({ minimum: 1n, unit: 1n, ...rules }),
    method: () => 'push',
    ...changes,
  }
}
