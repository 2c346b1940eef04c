import { KeeperError, isKeeperError } from '../../keeper/base/errors.ts'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import type { BlockTag, ChainClient } from '../../keeper/chain/rpc/client.ts'
import { listJournal } from '../../keeper/chain/journal/journal.ts'
import { listUnsettled } from '../../keeper/chain/journal/journal-queries.ts'
import type { TxIntent } from '../../keeper/chain/journal/journal.ts'
import type { TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import { freshKey } from '../../keeper/validators/attempt.ts'
import { CONTRACT, encodeCall } from './model-contract.ts'
import type { Call } from './model-contract.ts'
import type { SimKeeper } from './sim-keeper.ts'

/** What the daily job does, in small: extract each cycle, then transfer what the chain says is unpaid. */
export interface DayTerms {
  contract: Address
  cycles: number
  batchSize: number
  finality: 'finalized' | number
  blockMs: number
}

// A round that pays nobody is the last one; the store never needs more.
const MAX_ROUNDS = 20
const MAX_PASSES = 20
const GAS = 200_000n

export async function runSimDay(keeper: SimKeeper, terms: DayTerms): Promise<void> {
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    if (await resumeOnce(keeper)) break
  }
  for (let cycle = 1; cycle <= terms.cycles; cycle += 1) {
    await extract(keeper, terms, cycle)
    await transfer(keeper, terms, cycle)
  }
}

/** As at the start of the daemon: what failed is recorded as that, and the chain's state decides. */
async function resumeOnce({ sender }: SimKeeper): Promise<boolean> {
  try {
    await sender.resume()
    return true
  } catch (error) {
    if (!isKeeperError(error, 'TX_REVERTED', 'TX_CANCELLED', 'TX_WOULD_REVERT')) throw error
    return false
  }
}

export interface CycleState {
  extracted: boolean
  unpaid: bigint
}

export async function readSimCycle(
  client: ChainClient,
  to: Address,
  cycle: number,
  tag: BlockTag = 'latest',
): Promise<CycleState> {
  const data = CONTRACT.encodeFunctionData('cycleOf', [cycle]) as Hex
  const answer = await client.call({ to, data }, tag)
  const [extracted, unpaid] = CONTRACT.decodeFunctionResult('cycleOf', answer)
  return { extracted: Boolean(extracted), unpaid: BigInt(unpaid) }
}

async function extract(keeper: SimKeeper, terms: DayTerms, cycle: number): Promise<void> {
  const { client, sender } = keeper
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const { extracted } = await readSimCycle(client, terms.contract, cycle)
    if (extracted) break
    const intent = await intentOf(keeper, terms, { kind: 'extract', cycle })
    try {
      await sender.send(intent, { until: 'final' })
    } catch (error) {
      if (!isKeeperError(error, 'TX_WOULD_REVERT', 'TX_REVERTED')) throw error
      if (!(await readSimCycle(client, terms.contract, cycle)).extracted) throw error
    }
  }
  await finish(keeper, `${cycle}`, 'extract')
}

async function transfer(keeper: SimKeeper, terms: DayTerms, cycle: number): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { extracted, unpaid } = await readSimCycle(keeper.client, terms.contract, cycle)
    // A reorg took a stranger's extract away after we had seen it.
    if (!extracted) await extract(keeper, terms, cycle)
    if (unpaid !== 0n && (await settleOwn(keeper, cycle, unpaid))) continue
    if (!extracted || unpaid !== 0n) {
      await sendAll(keeper, terms, cycle, slicesOf(unpaid, terms.batchSize))
      continue
    }
    await finish(keeper, `${cycle}/`, 'transfer')
    if (await isPaidForGood(keeper, terms, cycle)) return
  }
  throw new KeeperError('TRANSFER_STUCK', { cycle, rounds: MAX_ROUNDS, unpaid: 'some' })
}

/** Batches of ours for payees who look unpaid go first, as in validators/transfer.ts. */
async function settleOwn(
  { journal, client, sender }: SimKeeper,
  cycle: number,
  unpaid: bigint,
): Promise<boolean> {
  const filter = { chainId: client.chainId, kind: 'transfer', keyPrefix: `${cycle}/` }
  let isChanged = false
  for (const tx of await listUnsettled(journal.db, filter)) {
    const mask = BigInt(`0x${tx.key.split('/')[1]?.replace(/#.*/, '') ?? '0'}`)
    if ((mask & unpaid) === 0n) continue
    const receipt = tx.state === 'included' && tx.hash ? await client.receipt(tx.hash) : undefined
    if (receipt !== undefined && receipt.blockHash === tx.blockHash) continue
    const until = tx.state === 'included' ? 'final' : 'included'
    await sender.carryOut(tx, { until }).catch((error: unknown) => {
      if (!isKeeperError(error, 'TX_REVERTED', 'TX_CANCELLED', 'TX_WOULD_REVERT')) throw error
    })
    isChanged = true
  }
  return isChanged
}

// Blocks until what is latest is final, and a few that the chain may stand still for.
const MAX_LOOKS = 60

/** A stranger's payment counts once no reorg can take it away; false when one has. */
async function isPaidForGood(
  { client, clock }: SimKeeper,
  { contract, finality, blockMs }: DayTerms,
  cycle: number,
): Promise<boolean> {
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const head = await client.blockNumber()
    const tag = finality === 'finalized' ? finality : Math.max(0, head - finality + 1)
    const { extracted, unpaid } = await readSimCycle(client, contract, cycle, tag)
    if (extracted && unpaid === 0n) return true
    const latest = await readSimCycle(client, contract, cycle)
    if (latest.unpaid !== 0n || !latest.extracted) return false
    await clock.sleep(blockMs)
  }
  return false
}

/** At most a window of batches at a time; each is narrowed to what is unpaid when its turn comes. */
async function sendAll(
  keeper: SimKeeper,
  terms: DayTerms,
  cycle: number,
  slices: bigint[],
): Promise<void> {
  const left = [...slices]
  const work = async (): Promise<void> => {
    for (let slice = left.shift(); slice !== undefined; slice = left.shift()) {
      const { unpaid } = await readSimCycle(keeper.client, terms.contract, cycle)
      const mask = slice & unpaid
      if (mask === 0n) continue
      const intent = await intentOf(keeper, terms, { kind: 'transfer', cycle, mask })
      await keeper.sender.send(intent, { until: 'included' })
    }
  }
  const all = await Promise.allSettled(Array.from({ length: keeper.sender.window }, work))
  const failed = all.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

function slicesOf(unpaid: bigint, batchSize: number): bigint[] {
  const slices: bigint[] = []
  let slice = 0n
  let size = 0
  for (let bit = 1n; bit <= unpaid; bit <<= 1n) {
    if ((unpaid & bit) === 0n) continue
    slice |= bit
    size += 1
    if (size < batchSize) continue
    slices.push(slice)
    slice = 0n
    size = 0
  }
  return slice === 0n ? slices : [...slices, slice]
}

async function intentOf(
  { journal, client }: SimKeeper,
  { contract: to }: DayTerms,
  call: Exclude<Call, { kind: 'none' }>,
): Promise<TxIntent> {
  const { kind, cycle } = call
  const business = kind === 'extract' ? `${cycle}` : `${cycle}/${call.mask.toString(16)}`
  const room = { db: journal.db, client } as Parameters<typeof freshKey>[0]
  const key = await freshKey(room, { to, kind, key: business })
  const intent = { kind, key, to, data: encodeCall(call), value: 0n, gasLimit: GAS }
  return kind === 'extract' ? { ...intent, anchor: true } : intent
}

/** Follows what is included to its end, as the real job does. */
async function finish(
  { journal, sender }: SimKeeper,
  keyPrefix: string,
  kind: string,
): Promise<TxRecord[]> {
  const rows = await listJournal(journal.db, { kind, keyPrefix, state: 'included' })
  const done: TxRecord[] = []
  for (const tx of rows.toReversed()) done.push(await sender.carryOut(tx, { until: 'final' }))
  return done
}
