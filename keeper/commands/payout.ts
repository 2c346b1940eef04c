import { join, resolve } from 'node:path'
import { askKeeper } from '../api/control.ts'
import { KeeperError, isKeeperError } from '../base/errors.ts'
import { openProgramContracts } from '../chain/program-contracts.ts'
import { takeInFile } from '../jobs/queue/take-in.ts'
import type { Program } from '../payouts/program.ts'
import type { PayoutsRoom } from '../payouts/room.ts'
import { reachPayees } from '../payouts/wallets/reach.ts'
import { runProgram } from '../payouts/run.ts'
import type { ProgramRun } from '../payouts/run.ts'
import { readSettings, withSettings } from '../payouts/settings.ts'
import { readPayFile } from '../programs/manual/intake.ts'
import { MANUAL, manualProgram } from '../programs/manual/program.ts'
import { openStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import { refuseChoices, takenIn } from './payout-desk.ts'
import { paidExitCode, paidJson, paidLines } from './paid-report.ts'
import { grouped, money, plural } from './print.ts'
import type { Asset } from './print.ts'
import { openSendingSession, openSession } from './session.ts'
import { warnOfEmbeddedStore } from './settle.ts'

export interface PayoutOptions {
  file: string
  payments?: string
  method?: string
}

/** Where published trees of claims are. */
export function claimsDirOf({ config }: Run): string {
  return join(config.home, 'claims')
}

/** With the payer's key: it can pay out the programs' budgets and nothing else. */
export async function withPayouts<T>(
  run: Run,
  work: (room: PayoutsRoom) => Promise<T>,
): Promise<T> {
  const session = await openSendingSession(run, 'payer')
  try {
    const { client, db, sender: payer } = session
    const contracts = await openProgramContracts(client, session.contracts.deployment)
    warnOfEmbeddedStore(run, {
      isEmbedded: db.kind === 'pglite',
      isLocal: client.chainId === LOCAL_CHAIN_ID,
    })
    const { clock, log } = run
    const claimsDir = claimsDirOf(run)
    return await work({ db, client, contracts, payer, clock, log, reach: reachPayees, claimsDir })
  } finally {
    await session.close()
  }
}

/** Pays what a CSV lists, each reference once; may be run again at any time. */
export async function payoutCommand(run: Run, options: PayoutOptions): Promise<Report> {
  const handed = await handToKeeper(run, options)
  if (handed) return handed
  try {
    return await payHere(run, options)
  } catch (error) {
    if (!isKeeperError(error, 'LEASE_HELD')) throw error
    return takeInBeside(run, options, String(error.facts['holder']))
  }
}

async function payHere(run: Run, { file, payments, method }: PayoutOptions): Promise<Report> {
  const how = methodOf(method)
  const most = payments === undefined ? {} : { batchSize: sizeOf(payments) }
  return withPayouts(run, async (room) => {
    const { unit, assetId } = room.contracts
    const rows = await readPayFile(file, unit.decimals)
    const at = run.clock.now()
    const manual = manualProgram({ rows, asset: assetId, at })
    const program = { ...withSettings(manual, await readSettings(room.db, MANUAL)), ...how }
    const done = await runProgram({ ...room, ...most }, program, { from: 0, to: at })
    return reportOf(done, unit)
  })
}

/** For this run; auto: as the program is set. */
function methodOf(text = 'auto'): Partial<Pick<Program, 'method'>> {
  if (text === 'auto') return {}
  if (text === 'push' || text === 'claim') return { method: () => text }
  const what = `--method "${text}" is not push, claim or auto`
  throw new KeeperError('USAGE', { what, command: 'payout' })
}

function sizeOf(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  const what = `--payments "${text}" is not a number from 1 to 9999`
  throw new KeeperError('USAGE', { what, command: 'payout' })
}

/** One key has one writer: where a keeper of this home pays, it takes the file in, and pays. */
async function handToKeeper(run: Run, options: PayoutOptions): Promise<Report | undefined> {
  const { file, payments, method } = options
  const asked = { name: 'payout', args: [resolve(file)], options: { payments, method } }
  try {
    return await askKeeper(run.config.home, asked, run.signal)
  } catch (error) {
    // Its store can be opened beside it, and the key of programs is not its own.
    const mayHere = isKeeperError(error, 'PAYER_ELSEWHERE') && run.config.databaseUrl !== undefined
    if (!mayHere) throw error
    return undefined
  }
}

/** Another process has the payer's key: the file goes into the books, and that one pays. */
async function takeInBeside(run: Run, options: PayoutOptions, holder: string): Promise<Report> {
  refuseChoices(options)
  const session = await openSession(run)
  try {
    const { unit, assetId } = await openProgramContracts(
      session.client,
      session.contracts.deployment,
    )
    const { config, clock, log } = run
    const db = await openStore({ ...config, clock })
    try {
      const asset = { assetId, decimals: unit.decimals }
      const accrued = await takeInFile({ db, clock, log }, options.file, asset)
      const by = `${holder} has the payer key: if it is a keeper it pays, else run the same file again`
      return takenIn({ accrued, unit, by })
    } finally {
      await db.close()
    }
  } finally {
    await session.close()
  }
}

function reportOf(done: ProgramRun, unit: Asset): Report {
  const { accrued } = done
  return {
    json: { accrued, ...paidJson(done) },
    exitCode: paidExitCode(done),
    lines: [
      `${plural(accrued.awards, 'new award')} of ${money(accrued.amount, unit)}, ${grouped(accrued.known)} on record before`,
      ...paidLines(done, unit, 'run the same file again'),
    ],
  }
}
