import { KeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import { openProgramContracts } from '../chain/program-contracts.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import { openClaims } from '../payouts/claims/claims-contract.ts'
import type { ClaimsContract } from '../payouts/claims/claims-contract.ts'
import { readAside } from '../payouts/claims/status.ts'
import type { Report, Run } from './command.ts'
import { shownTime } from './print.ts'
import { sendCall } from './send.ts'
import { openSendingSession } from './session.ts'

const HOUR = 3_600
// The contract's own limit of one rest.
const MAX_HOURS = 72

/** Throws the root that rests away, for good: what was in it is owed again. */
export async function vetoClaimsCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  return guardianCall(run, name, async ({ claims }) => {
    const { root } = await claims.pending()
    if (BigInt(root) === 0n) {
      throw new KeeperError('CLAIMS_ROOT_MISSING', { program: name, what: 'root that rests' })
    }
    return {
      kind: 'veto',
      data: claims.interface.encodeFunctionData('veto') as Hex,
      done: `vetoed ${root}: the contract never takes it again`,
    }
  })
}

/** Nobody claims for so long; then the root is in force again by itself. */
export async function setAsideClaimsCommand(
  run: Run,
  { hours }: { hours: string },
  [name = '']: string[],
): Promise<Report> {
  if (!/^[1-9]\d?$/.test(hours) || Number(hours) > MAX_HOURS) {
    const what = `--hours "${hours}" is not a number from 1 to ${MAX_HOURS}`
    throw new KeeperError('USAGE', { what, command: 'claims set-aside' })
  }
  return guardianCall(run, name, async ({ claims }) => ({
    kind: 'set-aside',
    data: claims.interface.encodeFunctionData('setAside', [Number(hours) * HOUR]) as Hex,
    done: `the claims of ${name} rest`,
  }))
}

export async function restoreClaimsCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  return guardianCall(run, name, async ({ claims }) => ({
    kind: 'restore',
    data: claims.interface.encodeFunctionData('restore') as Hex,
    done: `the root of ${name} is in force again`,
  }))
}

interface GuardianCall {
  kind: string
  data: Hex
  done: string
}

async function guardianCall(
  run: Run,
  program: string,
  callOf: (contract: ClaimsContract) => Promise<GuardianCall>,
): Promise<Report> {
  const { number } = knownProgram(program)
  const session = await openSendingSession(run, 'guardian')
  try {
    const { client } = session
    const contracts = await openProgramContracts(client, session.contracts.deployment)
    const address = contracts.deployment.claims?.[program]
    if (address === undefined) throw new KeeperError('CLAIMS_NOT_DEPLOYED', { program })
    const deployBlock = contracts.deployBlock
    const payouts = contracts.address
    const contract = await openClaims(client, {
      contract: address,
      program: number,
      payouts,
      deployBlock,
    })
    const { kind, data, done } = await callOf(contract)
    const key = String(run.clock.nowMs())
    const decoding = { ...session, contracts: { ...session.contracts, errors: contract.errors } }
    const tx = await sendCall(decoding, { kind, key, to: address, data })
    const asideUntil = await readAside(contract)
    const until = asideUntil === undefined ? [] : [`  set aside until ${shownTime(asideUntil)}`]
    return {
      json: { program, kind, hash: tx.hash, ...(asideUntil === undefined ? {} : { asideUntil }) },
      lines: [done, ...until, `  ${tx.hash}`],
    }
  } finally {
    await session.close()
  }
}
