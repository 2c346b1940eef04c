import { Interface } from 'ethers'
import { parseAmount } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Hex } from '../base/schema.ts'
import { NATIVE } from '../chain/contracts.ts'
import { openProgramContracts, pauseOf } from '../chain/program-contracts.ts'
import type { ProgramContracts } from '../chain/program-contracts.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import { MANUAL } from '../programs/manual/program.ts'
import { reportAdminCalls } from './admin.ts'
import type { Report, Run } from './command.ts'
import { money, shownTime, table } from './print.ts'
import { sendCall } from './send.ts'
import { openSendingSession, openSession, openSigner } from './session.ts'
import type { SendingSession } from './session.ts'

export interface AddProgramOptions {
  payer?: string
  capacity: string
  perDay: string
  stipend?: string
  maxRefused?: string
}

// a splitter that only books needs less; a token's transfer needs the second.
const NATIVE_STIPEND = 30_000
const TOKEN_STIPEND = 150_000
const DEFAULT_MAX_REFUSED = 16

/** Through the timelock: what may leave for the program, and who may sign for it. */
export async function addProgramCommand(
  run: Run,
  options: AddProgramOptions,
  [name = '']: string[],
): Promise<Report> {
  const { number } = knownProgram(name)
  return reportAdminCalls(run, async ({ client, contracts: { deployment } }) => {
    const { asset, unit } = await openProgramContracts(client, deployment)
    const payer =
      options.payer === undefined
        ? (await openSigner(run, 'payer', client.chainId)).address
        : parseWith(addressSchema, options.payer, 'payer')
    const terms = {
      payer,
      capacity: parseAmount(options.capacity, unit.decimals),
      perDay: parseAmount(options.perDay, unit.decimals),
      stipend: wholeNumber(options.stipend, asset === NATIVE ? NATIVE_STIPEND : TOKEN_STIPEND),
      maxRefused: wholeNumber(options.maxRefused, DEFAULT_MAX_REFUSED),
    }
    return { calls: [{ contract: 'payouts', name: 'addProgram', args: [number, terms] }] }
  })
}

export interface TermsOptions {
  payer?: string
  capacity?: string
  perDay?: string
  stipend?: string
  maxRefused?: string
}

/** Through the timelock: what is not given stays as it is; the way back from `lower` and `revoke`. */
export async function setTermsCommand(
  run: Run,
  options: TermsOptions,
  [name = '']: string[],
): Promise<Report> {
  const { number } = knownProgram(name)
  return reportAdminCalls(run, async ({ client, contracts: { deployment } }) => {
    const contracts = await openProgramContracts(client, deployment)
    await requireAdded(contracts, name, number)
    const { terms: now } = await contracts.payouts.programOf(number)
    const amount = (text: string | undefined, old: Wei): Wei =>
      text === undefined ? old : parseAmount(text, contracts.unit.decimals)
    const terms = {
      payer:
        options.payer === undefined ? now.payer : parseWith(addressSchema, options.payer, 'payer'),
      capacity: amount(options.capacity, now.capacity),
      perDay: amount(options.perDay, now.perDay),
      stipend: wholeNumber(options.stipend, Number(now.stipend)),
      maxRefused: wholeNumber(options.maxRefused, Number(now.maxRefused)),
    }
    return { calls: [{ contract: 'payouts', name: 'setTerms', args: [number, terms] }] }
  })
}

function wholeNumber(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (/^\d{1,8}$/.test(text)) return Number(text)
  throw new KeeperError('USAGE', {
    what: `"${text}" is not a whole number`,
    command: 'program',
  })
}

const ERC20 = new Interface([
  'function approve(address spender, uint256 amount) returns (bool)',
  'function allowance(address owner, address spender) view returns (uint256)',
])

export async function fundProgramCommand(
  run: Run,
  _options: object,
  [name = '', text = '']: string[],
): Promise<Report> {
  const { number } = knownProgram(name)
  const session = await openSendingSession(run, 'deployer')
  try {
    const contracts = await openProgramContracts(session.client, session.contracts.deployment)
    const { payouts, address, asset, unit } = contracts
    const amount = parseAmount(text, unit.decimals)
    if (amount === 0n) throw new KeeperError('AMOUNT_INVALID', { text, decimals: unit.decimals })
    await requireAdded(contracts, name, number)
    if (asset !== NATIVE) await approve(run, session, contracts, amount)
    const tx = await sendCall(session, {
      kind: 'fund-program',
      key: newKey(run),
      to: address,
      data: payouts.interface.encodeFunctionData('fund', [number, amount]) as Hex,
      value: asset === NATIVE ? amount : 0n,
    })
    const { balance } = await payouts.programOf(number)
    return {
      json: { program: name, amount, balance, hash: tx.hash },
      lines: [
        `funded ${name} with ${money(amount, unit)}: it has ${money(balance, unit)}`,
        `  ${tx.hash}`,
      ],
    }
  } finally {
    await session.close()
  }
}

/** Every call of a person is another one: only a journalled transaction itself is never sent twice. */
export function newKey({ clock }: Run): string {
  return String(clock.nowMs())
}

export async function requireAdded(
  { payouts }: ProgramContracts,
  program: string,
  number: number,
): Promise<void> {
  const { terms } = await payouts.programOf(number)
  if (terms.stipend === 0n) throw new KeeperError('PROGRAM_NOT_ADDED', { program, number })
}

async function approve(
  run: Run,
  session: SendingSession,
  { asset, address }: ProgramContracts,
  amount: Wei,
): Promise<void> {
  const { client, sender } = session
  const question = ERC20.encodeFunctionData('allowance', [sender.address, address]) as Hex
  const allowed = BigInt(await client.call({ to: asset, data: question }))
  if (allowed >= amount) return
  const data = ERC20.encodeFunctionData('approve', [address, amount]) as Hex
  await sendCall(session, { kind: 'approve', key: newKey(run), to: asset, data })
}

export async function showProgramCommand(
  run: Run,
  _options: object,
  [name = MANUAL]: string[],
): Promise<Report> {
  const { number } = knownProgram(name)
  const session = await openSession(run)
  try {
    const contracts = await openProgramContracts(session.client, session.contracts.deployment)
    await requireAdded(contracts, name, number)
    const { terms, balance, available, claims } = await contracts.payouts.programOf(number)
    const { payer, capacity, perDay, stipend, maxRefused } = terms
    const pausedUntil = await pauseOf(session.client, contracts)
    const shown = (amount: Wei): string => money(amount, contracts.unit)
    const facts = { payer, capacity, perDay, stipend, maxRefused, balance, available, pausedUntil }
    return {
      json: { program: name, number, ...facts, ...(claims === NATIVE ? {} : { claims }) },
      lines: [
        `Program ${name}, number ${number}, paid by ${contracts.address}`,
        ...table(
          ['what', 'value'],
          [
            ['payer', payer],
            ['balance', shown(balance)],
            ['budget left', `${shown(available)} of ${shown(capacity)}`],
            ['refills', `${shown(perDay)} a day`],
            ['stipend, refusals', `${stipend} gas a payee, ${maxRefused} a batch`],
            ['claims', claims === NATIVE ? 'none' : claims],
            ['paused', pausedUntil === undefined ? 'no' : `until ${shownTime(pausedUntil)}`],
          ],
        ),
      ],
    }
  } finally {
    await session.close()
  }
}
