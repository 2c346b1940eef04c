import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { getAddress, isAddress } from 'ethers'
import { KeeperError, ensure, messageOf } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import { addressSchema, hexSchema, parseWith } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import { SECONDS_PER_HOUR, isoTime } from '../base/time.ts'
import { readDeployment } from '../chain/contracts.ts'
import type { Deployment } from '../chain/contracts.ts'
import { openChain } from '../chain/rpc/client.ts'
import { appendTrail } from '../office/trail.ts'
import type { Wallets } from '../payouts/wallets/history.ts'
import {
  linkRequest,
  linkRequestSchema,
  payeeSchema,
  programSchema,
} from '../payouts/wallets/link-message.ts'
import { MAX_LINK_LIFE, cancelChange, linkWallet, unlinkWallet } from '../payouts/wallets/links.ts'
import type { WalletRoom } from '../payouts/wallets/links.ts'
import { readWallets } from '../payouts/wallets/wallet-of.ts'
import type { Report, Run } from './command.ts'
import { officeCommand, textOf } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { shownTime, table } from './print.ts'
import { openClient } from './session.ts'

interface MessageOptions {
  secondary?: boolean
  hours: string
}

const NONCE_BYTES = 16

/** What the payee takes to its wallet. Nothing is stored: the nonce is spent by the link alone. */
export async function walletMessageCommand(
  run: Run,
  { secondary, hours }: MessageOptions,
  args: string[],
): Promise<Report> {
  const { program, payee } = payeeOf(args)
  const wallet = parseWith(addressSchema, args[2], 'wallet')
  const seconds = Number(hours) * SECONDS_PER_HOUR
  if (!/^\d+$/.test(hours) || seconds < SECONDS_PER_HOUR || seconds > MAX_LINK_LIFE) {
    const what = `--hours is a number from 1 to ${MAX_LINK_LIFE / SECONDS_PER_HOUR}`
    throw new KeeperError('USAGE', { what, command: 'wallet message' })
  }
  const client = await openClient(run)
  client.close()
  const nonce = BigInt(`0x${randomBytes(NONCE_BYTES).toString('hex')}`)
  const deadline = run.clock.now() + seconds
  const link = { program, payee, wallet, primary: secondary !== true, nonce, deadline }
  const request = linkRequest(client.chainId, link)
  return { json: request, lines: [toJson(request, 2)] }
}

// A request has some 900 bytes; a name of a payee may add 254.
const MAX_REQUEST_BYTES = 4_096

/** The file is read here, not by the keeper that may be running: it is the caller's. */
export async function linkWalletCommand(
  run: Run,
  { signature }: { signature?: string },
  [file = '']: string[],
): Promise<Report> {
  if (signature === undefined) {
    const what = '--signature is what the wallet made of the message'
    throw new KeeperError('USAGE', { what, command: 'wallet link' })
  }
  const given = { request: await readRequest(file), signature }
  return officeCommand('wallet link', linkWalletOrder)(run, given, [])
}

async function readRequest(path: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      ensure(size <= MAX_REQUEST_BYTES, 'INPUT_INVALID', { what: path, faults: ['too long'] })
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof KeeperError) throw error
    throw new KeeperError('FILE_UNREADABLE', { file: path, reason: messageOf(error) })
  }
}

export const linkWalletOrder: OfficeOrder = async (office, _args, options) => {
  const { db, config, clock, actor } = office
  const { rpcUrl, rpcTimeoutMs } = config
  const asked = parseWith(linkRequestSchema, jsonOf(textOf(options['request'])), 'message')
  const signature = parseWith(hexSchema, options['signature'], '--signature')
  const { link } = asked
  const client = await openChain({ rpcUrl, chainId: config.chainId, timeoutMs: rpcTimeoutMs })
  try {
    const expected = client.chainId
    ensure(asked.chainId === expected, 'INPUT_INVALID', {
      what: 'message',
      faults: [`domain.chainId: not ${expected}`],
    })
    const ours = contractsOf(await readDeployment(config.deploymentsDir, expected))
    const primaryDelay = config.walletDelayHours * SECONDS_PER_HOUR
    const room: WalletRoom = { db, client, clock, primaryDelay, ours }
    const wallets = await linkWallet(room, {
      link,
      signature,
      actor: actor.name,
      alongside: async (t, after) => {
        const target = `${link.program}/${link.payee}`
        const note = { actor, action: 'wallet.link', target, after: { ...link, ...shown(after) } }
        await appendTrail(t, note, clock.now())
      },
    })
    return walletsReport(link.program, link.payee, wallets)
  } finally {
    client.close()
  }
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '') as unknown
  } catch {
    throw new KeeperError('INPUT_INVALID', { what: 'message', faults: ['not JSON'] })
  }
}

// People of a deployment, who may well be payees; every other address of it is a contract.
const PEOPLE = new Set(['sponsor', 'guardian', 'keeper', 'reporter', 'payer'])

export function contractsOf(deployment: Deployment): Address[] {
  const parts = Object.entries(deployment).filter(([name]) => !PEOPLE.has(name))
  return parts.flatMap(([, value]) => addressesIn(value))
}

function addressesIn(value: unknown): Address[] {
  if (typeof value === 'string') {
    return value.startsWith('0x') && isAddress(value) ? [getAddress(value) as Address] : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(addressesIn)
}

export const unlinkWalletOrder: OfficeOrder = async (office, args, options) => {
  const wallet = parseWith(addressSchema, args[2], 'wallet')
  return correct(office, args, options, 'wallet.unlink', (room, correction) =>
    unlinkWallet(room, { ...correction, wallet }),
  )
}

export const cancelWalletOrder: OfficeOrder = async (office, args, options) =>
  correct(office, args, options, 'wallet.cancel', cancelChange)

async function correct(
  { db, clock, actor }: Office,
  args: string[],
  options: Record<string, unknown>,
  action: string,
  change: typeof cancelChange,
): Promise<Report> {
  const { program, payee } = payeeOf(args)
  const reason = reasonOf(options, action.replace('.', ' '))
  const wallets = await db.begin(async (t) => {
    const now = clock.now()
    const before = shown(await readWallets(t, program, payee, now))
    const changed = await change({ db: t, clock }, { program, payee, actor: actor.name, reason })
    const after = { ...shown(changed), reason }
    await appendTrail(t, { actor, action, target: `${program}/${payee}`, before, after }, now)
    return changed
  })
  return walletsReport(program, payee, wallets)
}

export const listWalletsOrder: OfficeOrder = async ({ db, clock }, args) => {
  const { program, payee } = payeeOf(args)
  return walletsReport(program, payee, await readWallets(db, program, payee, clock.now()))
}

function payeeOf([program, payee]: string[]): { program: string; payee: string } {
  return {
    program: parseWith(programSchema, program, 'program'),
    payee: parseWith(payeeSchema, payee, 'payee'),
  }
}

// A sentence, not a report.
const MAX_REASON_LENGTH = 500

export function reasonOf(options: Record<string, unknown>, command: string): string {
  const reason = textOf(options['reason'])?.trim() ?? ''
  if (reason !== '' && reason.length <= MAX_REASON_LENGTH) return reason
  const what = `--reason says why, in at most ${MAX_REASON_LENGTH} letters`
  throw new KeeperError('USAGE', { what, command })
}

function shown({ linked, primary, pending }: Wallets): object {
  return {
    primary: primary ?? null,
    linked,
    pending: pending ? { wallet: pending.wallet, effectiveAt: isoTime(pending.effectiveAt) } : null,
  }
}

function walletsReport(program: string, payee: string, wallets: Wallets): Report {
  const { linked, primary, pending } = wallets
  const stateOf = (wallet: Address): string => {
    if (wallet === primary) return 'primary'
    if (wallet !== pending?.wallet) return 'linked'
    return `primary from ${shownTime(pending.effectiveAt)} on`
  }
  const rows = linked.map((wallet) => [wallet, stateOf(wallet)])
  const unpaid = primary === undefined ? [`${payee} is not paid: it has no primary wallet`] : []
  return {
    json: { program, payee, ...shown(wallets) },
    lines: [...unpaid, ...(rows.length > 0 ? table(['wallet', 'state'], rows) : [])],
  }
}
