import { AbiCoder, concat, getCreateAddress } from 'ethers'
import { sum } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError, ensure } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import { hourOf, hoursOf } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { walletSigner } from '../chain/keys/signer.ts'
import type { Beats } from '../heartbeat/beats.ts'
import { onlineIn } from '../heartbeat/beats.ts'
import { indicesOf } from '../heartbeat/words.ts'
import type { Keeper } from '../keeper.ts'
import type { DayProgress, DayReport } from '../validators/day.ts'
import { replayDay } from '../validators/replay.ts'
import type { RosterRow } from '../validators/roster-file.ts'
import { toBatches } from '../validators/roster-file.ts'
import { readArtifact } from './artifacts.ts'
import type { Run } from './command.ts'
import { testKey } from './local-accounts.ts'
import { sendCall } from './send.ts'
import type { SendingSession } from './session.ts'
import { openSenders } from './session.ts'
import { runAdminCalls } from './timelock.ts'

export const DEMO_CYCLE = 1
/** 25 Nov 2024, 18:00 UTC: the sharpest of the file's whole days, two validators miss it with 19 of 24. */
export const DEMO_CUT: UnixSeconds = Date.UTC(2024, 10, 25, 18) / 1000

export interface DemoTx {
  kind: 'deploy' | 'register' | 'fund' | 'snapshot' | 'extract' | 'transfer'
  hash: Hex
  gasUsed: number
}

/** Nodes of the file with themselves as fund address, but one whose payee is a contract that refuses. */
export function demoRoster(
  beats: Beats,
  refuser: Address,
): { rows: RosterRow[]; refused: Address } {
  const nodes = [...beats.nodes]
  const hours = hoursOf(hourOf(DEMO_CUT), DEMO_CYCLE)
  const online = hours.map((hour) => new Set(onlineIn(beats.of(hour) ?? [])))
  const refused = nodes.find((node) => online.every((set) => set.has(node)))
  if (refused === undefined)
    throw new KeeperError('DEMO_WRONG', { faults: ['nobody was always up'] })
  const rows = nodes.map((node) => ({ node, fund: node === refused ? refuser : node, weight: 1n }))
  return { rows, refused }
}

// Mode.Revert of contracts/mocks/RefusingReceiver.sol.
const MODE_REVERT = 1
const DEPLOY_GAS = 2_000_000n

/** A payee that reverts whenever it is paid; deployed by hand, it is no part of the system. */
export async function deployRefuser(client: ChainClient): Promise<{ address: Address; hash: Hex }> {
  const { bytecode } = await readArtifact('RefusingReceiver')
  const signer = walletSigner(testKey('deployer'))
  const nonce = await client.nonceOf(signer.address)
  const argument = AbiCoder.defaultAbiCoder().encode(['uint8'], [MODE_REVERT])
  const { baseFee = 0n } = (await client.block('latest')) ?? {}
  const raw = await signer.signTransaction({
    chainId: client.chainId,
    nonce,
    value: 0n,
    gasLimit: DEPLOY_GAS,
    // A creation has no addressee.
    to: null,
    data: concat([bytecode, argument]) as Hex,
    maxFeePerGas: baseFee * 2n,
    maxPriorityFeePerGas: 0n,
  })
  const hash = await client.sendRaw(raw)
  return { address: getCreateAddress({ from: signer.address, nonce }) as Address, hash }
}

/** Works with another key on the keeper's own store: the demo opens the store once. */
export async function withKey<T>(
  run: Run,
  { client, contracts, db }: Keeper,
  role: 'admin' | 'deployer',
  work: (session: SendingSession) => Promise<T>,
): Promise<T> {
  const signers = [walletSigner(testKey(role))]
  const { senders, close } = await openSenders(run, { db, client, signers })
  try {
    const [sender] = senders
    ensure(sender, 'INTERNAL', { what: 'no sender was opened' })
    return await work({ client, contracts, db, sender, close })
  } finally {
    await close()
  }
}

export async function register(
  session: SendingSession,
  rows: RosterRow[],
  onProgress: (done: number, total: number) => void,
): Promise<Hex[]> {
  const batches = toBatches(rows, 0)
  const calls = batches.map((batch) => ({
    contract: 'registry' as const,
    name: 'addValidators',
    args: [batch],
  }))
  const outcomes = await runAdminCalls(session, calls, (done) => onProgress(done, calls.length))
  return outcomes.flatMap(({ hashes }) => hashes)
}

export async function fundPool(session: SendingSession, amount: Wei): Promise<Hex> {
  const { rewards, deployment } = session.contracts
  const data = rewards.interface.encodeFunctionData('fund', [amount]) as Hex
  const call = { kind: 'fund', key: 'demo', to: deployment.rewards, data, value: amount }
  return (await sendCall(session, call)).hash ?? '0x'
}

export interface DemoDay {
  day: DayReport
  /** Sum of what the payees have more than before. */
  paid: Wei
  /** Read back account by account. */
  credited: Wei
  /** From the event. */
  carried: Wei
  pool: Wei
  /** Validators that got nothing, with the hours in which they were seen. */
  failed: { node: Address; hours: number }[]
}

export async function replayDemoDay(
  keeper: Keeper,
  beats: Beats,
  rows: RosterRow[],
  onProgress: (progress: DayProgress) => void,
): Promise<DemoDay> {
  const payees = [...new Set(rows.map(({ fund }) => fund))]
  const before = await totalBalance(keeper.client, payees)
  const day = await replayDay(keeper, { beats, cycle: DEMO_CYCLE, onProgress })
  const after = await totalBalance(keeper.client, payees)
  const { pool, carried, eligible } = await readDecision(keeper, day)
  const credits = await Promise.all(payees.map((payee) => keeper.contracts.rewards.creditOf(payee)))
  const failed = rows.flatMap(({ node }, index) => (eligible.has(index) ? [] : [{ node, index }]))
  const hoursOfFailed = await Promise.all(
    failed.map(({ index }) =>
      keeper.contracts.registry['appearances(uint32,uint32)'](index, DEMO_CYCLE),
    ),
  )
  return {
    day,
    pool,
    carried,
    paid: after - before,
    credited: sum(credits.map(([amount]) => amount)),
    failed: failed.map(({ node }, i) => ({ node, hours: Number(hoursOfFailed[i]) })),
  }
}

// Requests under way at once: more only fills the node's queue.
const REQUESTS_AT_ONCE = 50

async function totalBalance(client: ChainClient, accounts: Address[]): Promise<Wei> {
  let total = 0n
  for (let done = 0; done < accounts.length; done += REQUESTS_AT_ONCE) {
    const some = accounts.slice(done, done + REQUESTS_AT_ONCE)
    total += sum(await Promise.all(some.map((account) => client.balanceOf(account))))
  }
  return total
}

interface Decision {
  pool: Wei
  carried: Wei
  eligible: Set<number>
}

/** The words of the contract itself, from the receipt of extract. */
async function readDecision({ client, contracts }: Keeper, { txs }: DayReport): Promise<Decision> {
  const hash = txs.find(({ kind }) => kind === 'extract')?.hash
  const receipt = hash && (await client.provider.getTransactionReceipt(hash))
  if (!receipt) throw new KeeperError('DEMO_WRONG', { faults: ['extract has no receipt'] })
  const events = receipt.logs.flatMap((log) => contracts.rewards.interface.parseLog(log) ?? [])
  const extracted = events.find(({ name }) => name === 'Extracted')
  const counted = events.find(({ name }) => name === 'Counted')
  if (!extracted || !counted)
    throw new KeeperError('DEMO_WRONG', { faults: ['extract has no event'] })
  const words = [...(counted.args['words'] as bigint[])]
  return {
    pool: extracted.args['pool'] as bigint,
    carried: extracted.args['carried'] as bigint,
    eligible: new Set(indicesOf(words)),
  }
}

/** Each one looked up on the chain: a hash that is not there is a fault. */
export async function receiptsOf(
  client: ChainClient,
  sent: { kind: DemoTx['kind']; hash: Hex }[],
): Promise<DemoTx[]> {
  const found: DemoTx[] = []
  for (const { kind, hash } of sent) {
    const receipt = await client.receipt(hash)
    if (!receipt?.succeeded) {
      throw new KeeperError('DEMO_WRONG', { faults: [`${kind} ${hash} is not on the chain`] })
    }
    found.push({ kind, hash, gasUsed: Number(receipt.gasUsed) })
  }
  return found
}
