import { existsSync } from 'node:fs'
import { Interface, getAddress, isAddress } from 'ethers'
import { parseAmount, sum } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Address, Hex } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import { NATIVE } from '../chain/contracts.ts'
import type { Role } from '../config.ts'
import { ROLES } from '../config.ts'
import { creditsOf } from '../validators/status.ts'
import { readRoster } from '../validators/roster.ts'
import { balanceLines, readBalance } from './balance.ts'
import type { Report, Run } from './command.ts'
import { money, plural, shownTime, table } from './print.ts'
import { sendCall } from './send.ts'
import type { SendingSession } from './session.ts'
import { openSendingSession, openSession } from './session.ts'
import { findValidator } from './validators.ts'

const ERC20 = new Interface([
  'function approve(address spender, uint256 amount) returns (bool)',
  'function allowance(address owner, address spender) view returns (uint256)',
])

export interface KeyOption {
  key?: string
  keystore?: string
}

/** Which of our keys pays or asks: the deployer's unless told otherwise. */
function roleFor(key: string | undefined, fallback: Role, command: string): Role {
  const role = ROLES.find((known) => known === (key ?? fallback))
  if (role !== undefined) return role
  throw new KeeperError('USAGE', { what: `"${key}" is not one of ${ROLES.join(', ')}`, command })
}

/** Any keystore file: a payee's key has none of our roles. */
async function openFor(
  run: Run,
  { key, keystore }: KeyOption,
  command: string,
): Promise<SendingSession> {
  const role = roleFor(key, 'deployer', command)
  if (keystore === undefined) return openSendingSession(run, role)
  if (!existsSync(keystore)) {
    throw new KeeperError('KEYSTORE_UNREADABLE', { file: keystore, reason: 'no such file' })
  }
  const { keys } = run.config
  const signer = { kind: 'keystore' } as const
  const config = { ...run.config, keys: { ...keys, [role]: { ...keys[role], signer, keystore } } }
  return openSendingSession({ ...run, config }, role)
}

export async function fundCommand(
  run: Run,
  { raw, ...signing }: KeyOption & { raw?: boolean },
  [text = '']: string[],
): Promise<Report> {
  const session = await openFor(run, signing, 'fund')
  try {
    const { deployment } = session.contracts
    const amount = parseAmount(text, raw === true ? 0 : deployment.decimals)
    if (amount === 0n)
      throw new KeeperError('AMOUNT_INVALID', { text, decimals: deployment.decimals })
    const isNative = deployment.asset === NATIVE
    if (!isNative) await approve(run, session, amount)
    const tx = await sendCall(session, {
      kind: 'fund',
      key: newKey(run),
      to: deployment.rewards,
      data: session.contracts.rewards.interface.encodeFunctionData('fund', [amount]) as Hex,
      value: isNative ? amount : 0n,
    })
    const cycle = await fundedCycle(session, tx.hash)
    const joins = `it joins the pool of cycle ${cycle}, which is decided after ${await cutOf(session, cycle)}`
    return {
      json: { amount, hash: tx.hash, cycle },
      lines: [`funded ${money(amount, deployment)}: ${joins}`, `  ${tx.hash}`],
    }
  } finally {
    await session.close()
  }
}

/** Every funding is another one: only a journalled transaction itself is never sent twice. */
function newKey({ clock }: Run): string {
  return String(clock.nowMs())
}

async function approve(run: Run, session: SendingSession, amount: Wei): Promise<void> {
  const { client, contracts, sender } = session
  const { asset, rewards } = contracts.deployment
  const question = ERC20.encodeFunctionData('allowance', [sender.address, rewards]) as Hex
  const allowed = BigInt(await client.call({ to: asset, data: question }))
  if (allowed >= amount) return
  const data = ERC20.encodeFunctionData('approve', [rewards, amount]) as Hex
  await sendCall(session, { kind: 'approve', key: newKey(run), to: asset, data })
}

/** From the event: after a cut the money joins the next pool. */
async function fundedCycle(session: SendingSession, hash: Hex | undefined): Promise<number> {
  const { rewards } = session.contracts
  const topic = rewards.interface.getEvent('Funded').topicHash
  const receipt = hash && (await session.client.provider.getTransactionReceipt(hash))
  const log = receipt && receipt.logs.find(({ topics }) => topics[0] === topic)
  const event = log && rewards.interface.parseLog(log)
  return event ? Number(event.args['cycle']) : 0
}

async function cutOf({ contracts }: SendingSession, cycle: number): Promise<string> {
  return shownTime(Number(await contracts.registry.cutOf(cycle)))
}

export async function balanceCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  const session = await openSession(run)
  try {
    const balance = await readBalance(session, name)
    return { json: balance, lines: balanceLines(balance, session.contracts.deployment) }
  } finally {
    await session.close()
  }
}

export async function creditsCommand(run: Run): Promise<Report> {
  const session = await openSession(run)
  try {
    const credits = await creditsOf(session)
    const asset = session.contracts.deployment
    const rows = credits.map(({ account, amount, since }) => [
      account,
      money(amount, asset),
      shownTime(since),
    ])
    const hint =
      'muster withdraw ACCOUNT pays one out; muster withdraw --to OTHER is for the account itself.'
    return {
      json: { credits },
      lines: [
        `${plural(credits.length, 'account')} with a credit (a refused payment)`,
        ...(rows.length > 0 ? [...table(['account', 'amount', 'since'], rows), hint] : []),
      ],
    }
  } finally {
    await session.close()
  }
}

export async function withdrawCommand(
  run: Run,
  { to, ...signing }: KeyOption & { to?: string },
  [name]: string[],
): Promise<Report> {
  const session = await openFor(run, signing, 'withdraw')
  try {
    const { contracts, sender } = session
    const account = accountOf(name ?? sender.address)
    if (to !== undefined && account !== sender.address) {
      const what = `only ${account} itself can send its credit elsewhere`
      throw new KeeperError('USAGE', { what, command: 'withdraw' })
    }
    const [amount] = await contracts.rewards.creditOf(account)
    if (amount === 0n) throw new KeeperError('NO_CREDIT', { account })
    const target = to === undefined ? account : parseWith(addressSchema, to, 'recipient')
    const face = contracts.rewards.interface
    const data =
      to === undefined
        ? face.encodeFunctionData('withdraw', [account])
        : face.encodeFunctionData('withdrawTo', [target])
    const rewards = contracts.deployment.rewards
    const tx = await sendCall(session, {
      kind: 'withdraw',
      key: newKey(run),
      to: rewards,
      data: data as Hex,
    })
    return {
      json: { account, to: target, amount, hash: tx.hash },
      lines: [`withdrawn ${money(amount, contracts.deployment)} to ${target}`, `  ${tx.hash}`],
    }
  } finally {
    await session.close()
  }
}

// The contract takes 64 cycles in one claim.
const MAX_CLAIM_CYCLES = 64

interface Due {
  cycle: number
  amount: Wei
  payee: Address
  /** Until then the guardian may void the cycle. */
  from: UnixSeconds
}

/** A validator's own way to its pay, with its fund address's key; never paused. */
export async function claimCommand(
  run: Run,
  { cycles, ...signing }: KeyOption & { cycles?: string },
  [name = '']: string[],
): Promise<Report> {
  const session = await openFor(run, signing, 'claim')
  try {
    const { contracts, sender } = session
    const { index } = findValidator(await readRoster(session), name)
    const due = await duesOf(session, index, cycles === undefined ? undefined : listOf(cycles))
    const ripe = await ripeOf(session, ownOf(due, sender.address, index))
    const own = ripe.slice(0, MAX_CLAIM_CYCLES)
    const claimed = own.map(({ cycle }) => cycle)
    const data = contracts.rewards.interface.encodeFunctionData('claim', [claimed, index]) as Hex
    const to = contracts.deployment.rewards
    const tx = await sendCall(session, { kind: 'claim', key: newKey(run), to, data })
    const amount = sum(own.map((each) => each.amount))
    const what = `${money(amount, contracts.deployment)} to ${sender.address}`
    return {
      json: { index, cycles: claimed, amount, to: sender.address, hash: tx.hash },
      lines: [
        `claimed ${what}: ${plural(claimed.length, 'cycle')} of validator ${index}`,
        `  ${tx.hash}`,
      ],
    }
  } finally {
    await session.close()
  }
}

/** A validator that changed its fund address has dues of two payees: each claims its own. */
function ownOf(due: readonly Due[], account: Address, index: number): Due[] {
  const [first] = due
  if (first === undefined) {
    throw new KeeperError('NOTHING_CHANGES', { what: `validator ${index} has nothing unpaid` })
  }
  const own = due.filter(({ payee }) => payee === account)
  if (own.length > 0) return own
  throw new KeeperError('NOT_PAYEE', { index, payee: first.payee, sender: account })
}

async function ripeOf({ client }: SendingSession, due: readonly Due[]): Promise<Due[]> {
  const now = (await client.block('latest'))?.timestamp ?? 0
  const ripe = due.filter(({ from }) => from <= now)
  const [first] = due
  if (ripe.length > 0 || first === undefined) return ripe
  const [from, blockTime] = [isoTime(first.from), isoTime(now)]
  throw new KeeperError('TRANSFER_TOO_EARLY', { cycle: first.cycle, from, blockTime })
}

async function duesOf(
  { contracts }: SendingSession,
  index: number,
  only: readonly number[] | undefined,
): Promise<Due[]> {
  const { rewards, registry } = contracts
  const next = Number(await rewards.nextCycle())
  const decided = Array.from({ length: Math.max(0, next - 1) }, (_, n) => n + 1)
  const due: Due[] = []
  for (const cycle of only ?? decided) {
    const amount = await rewards.rewardOf(cycle, index)
    if (amount === 0n) continue
    const payee = (await registry.fundOf(cycle, index)) as Address
    due.push({ cycle, amount, payee, from: Number((await rewards.cycle(cycle)).transferFrom) })
  }
  return due
}

function listOf(text: string): number[] {
  if (/^\d{1,9}(,\d{1,9})*$/.test(text)) return text.split(',').map(Number)
  throw new KeeperError('USAGE', { what: `"${text}" is not a list like 3,4,5`, command: 'claim' })
}

function accountOf(text: string): Address {
  if (isAddress(text)) return getAddress(text) as Address
  return parseWith(addressSchema, text, 'account')
}
