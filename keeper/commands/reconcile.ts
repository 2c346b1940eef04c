import { ProgramPayouts__factory } from '../../types/ethers-contracts/factories/contracts/ProgramPayouts__factory.ts'
import { logAlerts } from '../base/alerts.ts'
import { EXIT } from '../base/error-catalogue.ts'
import { KeeperError, isKeeperError } from '../base/errors.ts'
import { silentLogger } from '../base/log.ts'
import type { Address } from '../base/schema.ts'
import { NATIVE, openContracts, readDeployment } from '../chain/contracts.ts'
import type { Contracts } from '../chain/contracts.ts'
import { assetIdOf, openProgramContracts } from '../chain/program-contracts.ts'
import type { ProgramContracts } from '../chain/program-contracts.ts'
import { openChain } from '../chain/rpc/client.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { finalityOf } from '../chain/sending/finality.ts'
import { knownProgram } from '../jobs/queue/program-list.ts'
import { bookClaims } from '../payouts/claims/book-claims.ts'
import type { ClaimsRoom } from '../payouts/claims/book-claims.ts'
import { openClaims } from '../payouts/claims/claims-contract.ts'
import { listClaims } from '../payouts/claims/claims-rows.ts'
import { listContracts } from '../payouts/records.ts'
import type { ProgramCheck } from '../payouts/program-check.ts'
import { bookWithdrawals } from '../payouts/withdrawals.ts'
import { partnersCheck } from '../programs/partners/audit/audit.ts'
import type { ClaimsAt } from '../reconcile/claims.ts'
import type { PayoutsAt } from '../reconcile/comparing.ts'
import type { OnProgress } from '../reconcile/final-events.ts'
import { reconcile } from '../reconcile/reconcile.ts'
import type { Reconciled } from '../reconcile/reconcile.ts'
import type { Db } from '../store/db.ts'
import { bookRewards } from '../validators/bookings.ts'
import type { Report, Run } from './command.ts'
import { officeCommand } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { grouped, plural, table } from './print.ts'
import { showPhases } from './progress.ts'

/** Books what is final, then compares books, records, receipts and chain. Exit code 1 with any difference. */
export async function reconcileCommand(
  run: Run,
  options: Record<string, unknown>,
  args: string[],
): Promise<Report> {
  const progress = showPhases({}, run.clock)
  const onProgress: OnProgress = (phase, done, total) => progress.update({ phase, done, total })
  const order: OfficeOrder = (office) => reconcileIn(office, onProgress)
  try {
    return await officeCommand('reconcile', order)(run, options, args)
  } finally {
    progress.stop()
  }
}

/** As the running keeper carries it out. */
export const reconcileOrder: OfficeOrder = (office) => reconcileIn(office, () => {})

// A batch that becomes final meanwhile is one in some minutes.
const MAX_TRIES = 5

async function reconcileIn(office: Office, onProgress: OnProgress): Promise<Report> {
  const { rpcUrl, chainId, rpcTimeoutMs } = office.config
  const client = await openChain({ rpcUrl, chainId, timeoutMs: rpcTimeoutMs })
  try {
    const site = await openSite(office, client)
    for (let times = 1; ; times += 1) {
      try {
        return reportOf(await reconcileOnce(office, site, onProgress))
      } catch (error) {
        // The keeper's job has booked the same events a moment before, or later ones.
        if (!isKeeperError(error, 'RECONCILE_MOVED', 'PAYOUT_MOVED')) throw error
        if (times >= MAX_TRIES) throw new KeeperError('RECONCILE_MOVED', { times })
      }
    }
  } finally {
    client.close()
  }
}

/** Of programs that keep records of their own. */
const CHECKS: readonly ProgramCheck[] = [partnersCheck]

interface Site {
  client: ChainClient
  contracts: Contracts
  programs: ProgramContracts | undefined
}

async function openSite({ config }: Office, client: ChainClient): Promise<Site> {
  const deployment = await readDeployment(config.deploymentsDir, client.chainId)
  const contracts = await openContracts(client, deployment)
  const hasPayouts = deployment.payouts !== undefined
  const programs = hasPayouts ? await openProgramContracts(client, deployment) : undefined
  return { client, contracts, programs }
}

async function reconcileOnce(
  { db, config, clock }: Office,
  site: Site,
  onProgress: OnProgress,
): Promise<Reconciled> {
  const { client, contracts } = site
  const log = silentLogger
  const final = finalityOf({ client, clock, alerts: logAlerts(log, clock), ...config })
  const block = await final.block()
  const room = { db, client, clock, log }
  const payouts = await payoutsOf(db, site)
  for (const at of payouts) {
    await bookWithdrawals({ ...room, contracts: { ...at, assetId: at.asset } }, block)
  }
  const claims = await claimsOf(db, site)
  for (const at of claims) await bookClaimsOf(room, at, block)
  await bookRewards({ ...room, contracts }, block)
  const { rewards, registry, deployment } = contracts
  const ask = {
    client,
    block,
    rewards: {
      rewards,
      registry,
      address: deployment.rewards,
      asset: assetIdOf(client.chainId, deployment.asset),
      deployBlock: deployment.deployBlock,
    },
    checks: CHECKS,
    onProgress,
  }
  return inOneState(db, (t) => reconcile({ ...ask, db: t, payouts, claims }))
}

/**
 * PostgreSQL shows one state, however long it takes. The embedded store has one process, whose other work must not
 * wait for the chain's answers.
 */
async function inOneState<T>(db: Db, use: (t: Db) => Promise<T>): Promise<T> {
  if (db.kind === 'pglite') return use(db)
  return db.begin(async (t) => {
    await t.exec('set transaction isolation level repeatable read')
    // It stands still while the chain is read: no stopped process, and it holds no lock that others wait for.
    await t.exec('set local idle_in_transaction_session_timeout = 0')
    return use(t)
  })
}

/** The recorded one, and those before it that this store has paid through. */
async function payoutsOf(
  db: Db,
  { client, contracts: { deployment }, programs }: Site,
): Promise<PayoutsAt[]> {
  const current = programs?.address.toLowerCase()
  const former = (await listContracts(db, client.chainId)).filter((each) => each !== current)
  const own = programs && {
    payouts: programs.payouts,
    address: programs.address,
    asset: programs.assetId,
    deployBlock: programs.deployBlock,
  }
  const others = await Promise.all(former.map((each) => formerOf(client, each, deployment)))
  return own ? [own, ...others] : others
}

async function formerOf(
  client: ChainClient,
  address: Address,
  { deployBlock }: { deployBlock: number },
): Promise<PayoutsAt> {
  const payouts = ProgramPayouts__factory.connect(address, client.provider)
  const asset = assetIdOf(client.chainId, (await payouts.asset()) as Address)
  return { payouts, address, asset, deployBlock }
}

/** The recorded ones, and those before them that this store has proposed roots to. */
async function claimsOf(db: Db, { client, contracts: { deployment } }: Site): Promise<ClaimsAt[]> {
  const own = Object.entries(deployment.claims ?? {})
  const former = (await listClaims(db, client.chainId)).map(
    ({ program, address }) => [program, address] as const,
  )
  const all = new Map([...former, ...own].map(([program, address]) => [address, program]))
  const { deployBlock } = deployment.payouts ?? deployment
  return Promise.all(
    [...all].map(async ([address, program]) => {
      const { number } = knownProgram(program)
      const options = { contract: address, program: number, deployBlock }
      const contract = await openClaims(client, options)
      const hand = (await contract.claims.PAYOUTS()) as Address
      const { payouts, asset } = await formerOf(client, hand, deployment)
      const token = (await payouts.asset()) as Address
      return { program, asset, token: token === NATIVE ? undefined : token, contract }
    }),
  )
}

async function bookClaimsOf(
  room: ClaimsRoom,
  { program, asset, contract }: ClaimsAt,
  block: number,
): Promise<void> {
  const place = { chainId: room.client.chainId, address: contract.home.contract }
  await bookClaims(room, knownProgram(program).open(asset), { contract, place }, block)
}

function reportOf(result: Reconciled): Report {
  const { ok, chainId, block, matched, archived, differences, found } = result
  const verdict = ok
    ? `✓ books = records = receipts = chain: ${plural(matched, 'transfer')} explained`
    : `✗ ${plural(found, 'difference')}:`
  const rest = found - differences.length
  return {
    json: result,
    exitCode: ok ? EXIT.ok : EXIT.failed,
    lines: [
      `chain ${chainId} to final block ${block}`,
      ...sumLines(result),
      ...(archived > 0 ? [`not compared: ${plural(archived, 'transfer')} of archived months`] : []),
      verdict,
      ...differences.flatMap(({ code, message, wayOut }) => [
        `  ${code}: ${message}`,
        `    ${wayOut}`,
      ]),
      ...(rest > 0 ? [`  and ${grouped(rest)} more`] : []),
    ],
  }
}

/** In the smallest unit, as the books have it. */
function sumLines({ assets, programs, holdings, claims, rewards }: Reconciled): string[] {
  const head = ['program', 'accrued', 'owed', 'on its way', 'paid']
  const rows = programs.map(({ program, accrued, owed, inflight, paid }) => [
    program,
    ...[accrued, owed, inflight, paid].map(grouped),
  ])
  return [
    ...assets.map(({ asset, total }) => `${asset}: the books add up to ${grouped(total)}`),
    ...(rows.length > 0 ? table(head, rows) : []),
    ...holdings.map(
      ({ contracts, held, credits, surplus }) =>
        `  ${contracts.join(' + ')} holds ${grouped(held)}, of it credits ${grouped(credits)}${surplusText(surplus)}`,
    ),
    ...claims.map(
      ({ program, contract, claimed, outstanding, surplus }) =>
        `  ${contract} has ${grouped(outstanding)} for the payees of ${program}, who have claimed ${grouped(claimed)}${surplusText(surplus)}`,
    ),
    ...(rewards
      ? [
          `  validators: funded ${grouped(rewards.funded)} = paid ${grouped(rewards.paid)} + pool ${grouped(rewards.pool)} + unpaid ${grouped(rewards.unpaid)} + credits ${grouped(rewards.credits)}${surplusText(rewards.surplus)}`,
        ]
      : []),
  ]
}

function surplusText(surplus: bigint): string {
  return surplus > 0n ? `; ${grouped(surplus)} came in without being booked` : ''
}
