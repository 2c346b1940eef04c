import { Interface } from 'ethers'
import { parseAmount } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Hex } from '../base/schema.ts'
import { NATIVE } from '../chain/contracts.ts'
import { openProgramContracts } from '../chain/program-contracts.ts'
import type { ProgramContracts } from '../chain/program-contracts.ts'
import { MANUAL, MANUAL_NUMBER } from '../programs/manual/program.ts'
import { reportAdminCalls } from './admin.ts'
import type { Report, Run } from './command.ts'
import { money, table } from './print.ts'
import { sendCall } from './send.ts'
import { openSendingSession, openSession, openSigner } from './session.ts'
import type { SendingSession } from './session.ts'

/** Every program by its name, and its number in the contract. */
const PROGRAMS: Readonly<Record<string, number>> = { [MANUAL]: MANUAL_NUMBER }

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
  const number = numberOf(name)
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

function numberOf(name: string): number {
  const number = PROGRAMS[name]
  if (number !== undefined) return number
  throw new KeeperError('PROGRAM_UNKNOWN', { program: name, known: Object.keys(PROGRAMS) })
}

function wholeNumber(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (/^\d{1,8}$/.test(text)) return Number(text)
  throw new KeeperError('USAGE', {
    what: `"${text}" is not a whole number`,
    command: 'program add',
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
  const number = numberOf(name)
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

/** Every funding is another one: only a journalled transaction itself is never sent twice. */
function newKey({ clock }: Run): string {
  return String(clock.nowMs())
}

async function requireAdded(
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

/** Nothing of the program leaves any more, at once: for a payer's key that is lost. */
export async function revokePayerCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  const number = numberOf(name)
  return guardianCall(run, name, ({ payouts }) => ({
    kind: 'revoke-payer',
    data: payouts.interface.encodeFunctionData('revokePayer', [number]) as Hex,
    done: `${name} has no payer: nothing leaves until the admin sets another`,
  }))
}

/** Both figures may only fall; what they were comes back through the timelock alone. */
export async function lowerBudgetCommand(
  run: Run,
  { capacity, perDay }: { capacity: string; perDay: string },
  [name = '']: string[],
): Promise<Report> {
  const number = numberOf(name)
  return guardianCall(run, name, ({ payouts, unit }) => {
    const args = [number, unitsOf(capacity, unit), unitsOf(perDay, unit)] as const
    return {
      kind: 'lower-budget',
      data: payouts.interface.encodeFunctionData('lowerBudget', [...args]) as Hex,
      done: `${name} lets out at most ${money(args[1], unit)}, and ${money(args[2], unit)} a day`,
    }
  })
}

function unitsOf(text: string, { decimals }: ProgramContracts['unit']): Wei {
  return parseAmount(text, decimals)
}

interface GuardianCall {
  kind: string
  data: Hex
  done: string
}

async function guardianCall(
  run: Run,
  program: string,
  callOf: (contracts: ProgramContracts) => GuardianCall,
): Promise<Report> {
  const session = await openSendingSession(run, 'guardian')
  try {
    const contracts = await openProgramContracts(session.client, session.contracts.deployment)
    const { kind, data, done } = callOf(contracts)
    const tx = await sendCall(session, { kind, key: newKey(run), to: contracts.address, data })
    return { json: { program, kind, hash: tx.hash }, lines: [done, `  ${tx.hash}`] }
  } finally {
    await session.close()
  }
}

export async function showProgramCommand(
  run: Run,
  _options: object,
  [name = MANUAL]: string[],
): Promise<Report> {
  const number = numberOf(name)
  const session = await openSession(run)
  try {
    const contracts = await openProgramContracts(session.client, session.contracts.deployment)
    await requireAdded(contracts, name, number)
    const { terms, balance, available, claims } = await contracts.payouts.programOf(number)
    const { payer, capacity, perDay, stipend, maxRefused } = terms
    const shown = (amount: Wei): string => money(amount, contracts.unit)
    const facts = { payer, capacity, perDay, stipend, maxRefused, balance, available }
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
          ],
        ),
      ],
    }
  } finally {
    await session.close()
  }
}
