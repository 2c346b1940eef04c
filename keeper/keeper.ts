import type { Alerts } from './base/alerts.ts'
import type { ErrorCode } from './base/error-catalogue.ts'
import { KeeperError, describe, isKeeperError } from './base/errors.ts'
import { createLogger } from './base/log.ts'
import type { Logger } from './base/log.ts'
import type { Address } from './base/schema.ts'
import { systemClock } from './base/time.ts'
import type { Clock } from './base/time.ts'
import { openChain } from './chain/rpc/client.ts'
import { openContracts, readDeployment } from './chain/contracts.ts'
import { openProgramContracts } from './chain/program-contracts.ts'
import type { ProgramContracts } from './chain/program-contracts.ts'
import type { TxRecord } from './chain/journal/journal-rows.ts'
import type { StepLabel } from './chain/sending/send-context.ts'
import { openSender } from './chain/sending/sender.ts'
import type { Sender } from './chain/sending/sender.ts'
import type { Leases } from './chain/journal/leases.ts'
import { openWriting } from './chain/journal/writing.ts'
import type { Writing } from './chain/journal/writing.ts'
import { openKey } from './chain/keys/open-key.ts'
import type { KeySource } from './chain/keys/open-key.ts'
import type { TxSigner } from './chain/keys/signer.ts'
import type { Config } from './config.ts'
import { keyVariables } from './config.ts'
import { openKeyRing } from './office/key-ring.ts'
import { readSecret } from './office/secrets.ts'
import type { Db } from './store/db.ts'
import { openStore } from './store/open-store.ts'
import { businessStateOf } from './validators/business-state.ts'
import type { ChainRoom, DayStep, ValidatorsRoom } from './validators/room.ts'

/** The keys a keeper may sign with: one for evidence, one for extract and transfer (Z-50), one for the programs. */
export type SigningRole = 'reporter' | 'keeper' | 'payer'

export interface Keeper extends ValidatorsRoom {
  config: Config
  /** The right to sign with its keys, until another keeper takes over. */
  leases: Leases
  writing: Writing
  /** What it may sign, and so which jobs it has: a monitor only reports. */
  roles: readonly SigningRole[]
  /** The keys behind them: for what is signed but not sent. */
  signers: Signers
  /** Signs the batches of the programs. */
  payer: Sender
  /** Where they are paid; undefined without the payer's key. */
  payouts?: ProgramContracts
  /** What a crash left, carried out beside the jobs; never rejects. */
  resuming?: Promise<void>
}

export interface Reader extends ChainRoom {
  clock: Clock
  log: Logger
  close(): void
}

export interface KeeperDeps {
  /** Decides what is due; waiting is always measured in real time. */
  clock?: Clock
  log?: Logger
  signers?: Partial<Record<SigningRole, TxSigner>>
  /** Keys that the command needs; the other one is not opened and refuses to sign. */
  roles?: readonly SigningRole[]
  /** Waits while another keeper leads; without it a held lease is refused. Rejects to stop waiting. */
  standBy?: (sender: Address) => Promise<void>
  /** What a crash left is carried out before the keeper is there (the default), or beside its jobs. */
  resumes?: 'before' | 'beside'
  /** Whom the senders call when a person is needed; without it only the log has it. */
  alerts?: Alerts
  /** Told how many seconds each durable write of the journal took. */
  onJournalWrite?: (seconds: number) => void
  onStep?: (step: StepLabel | DayStep, tx?: TxRecord) => void | Promise<void>
  signal?: AbortSignal
}

// Every pass resolves at least one row of the journal; a window of one leaves one or two to resolve.
const MAX_RESUME_PASSES = 100

/** Store, chain, contracts, keys; then whatever a crash left unfinished, before anything else. */
export async function openKeeper(config: Config, deps: KeeperDeps = {}): Promise<Keeper> {
  const { clock = systemClock, roles = ['reporter', 'keeper'] } = deps
  const log = deps.log ?? loggerOf(config)
  const client = await openChain({ ...config, timeoutMs: config.rpcTimeoutMs })
  let db: Db | undefined
  let writing: Writing | undefined
  try {
    const deployment = await readDeployment(config.deploymentsDir, client.chainId)
    const contracts = await openContracts(client, deployment)
    const payouts = roles.includes('payer')
      ? { payouts: await openProgramContracts(client, deployment) }
      : {}
    // Side by side: a keystore takes its time on purpose, and so does the embedded store.
    const opening = openStore({ databaseUrl: config.databaseUrl, home: config.home, clock })
    const signing = openSigners(config, roles, deps, opening)
    await Promise.allSettled([opening, signing])
    db = await opening
    const signers = await signing
    writing = await openWriting({
      db,
      client,
      log,
      home: config.home,
      leaseMs: config.leaseMs,
      clock: systemClock,
      senders: Object.values(signers).map(({ address }) => address),
      standBy: deps.standBy,
      onWrite: deps.onJournalWrite,
      signal: deps.signal,
    })
    const base = { db, client, contracts, ...payouts, log, writing }
    const keys = { roles, signers }
    const keeper = assemble(config, base, keys, withLost(deps, writing.leases))
    const resuming = resumeAll(keeper, roles, deps)
    if (deps.resumes === 'beside') return { ...keeper, resuming }
    await resuming
    return keeper
  } catch (error) {
    client.close()
    await writing?.close()
    await db?.close()
    throw error
  }
}

/** S-42: what waits is cut when the lease is lost, as by a stop. */
function withLost(deps: KeeperDeps, { lost }: Leases): KeeperDeps {
  return { ...deps, signal: deps.signal ? AbortSignal.any([deps.signal, lost]) : lost }
}

function assemble(
  config: Config,
  base: Base,
  { roles, signers }: Pick<Keeper, 'roles' | 'signers'>,
  deps: KeeperDeps,
): Keeper {
  const { clock = systemClock, onStep, signal } = deps
  return {
    ...base,
    clock,
    roles,
    signers,
    isWithoutReporter: !roles.includes('reporter'),
    config,
    leases: base.writing.leases,
    batchSize: config.batchSize,
    reporter: senderOf(config, base, signers.reporter, 'reporter', deps),
    keeper: senderOf(config, base, signers.keeper, 'keeper', deps),
    payer: senderOf(config, base, signers.payer, 'payer', deps),
    ...(onStep ? { onStep } : {}),
    ...(signal ? { signal } : {}),
  }
}

export async function closeKeeper(keeper: Keeper): Promise<void> {
  // A signal or a lost lease has cut it at a wait: its last write ends before the store does.
  await keeper.resuming
  keeper.client.close()
  await keeper.writing.close()
  await keeper.db.close()
}

/** For commands that send nothing: no key and no store is opened. */
export async function openReader(config: Config, deps: KeeperDeps = {}): Promise<Reader> {
  const client = await openChain({ ...config, timeoutMs: config.rpcTimeoutMs })
  const deployment = await readDeployment(config.deploymentsDir, client.chainId)
  const contracts = await openContracts(client, deployment)
  const { clock = systemClock } = deps
  const log = deps.log ?? loggerOf(config)
  return { client, contracts, clock, log, close: () => client.close() }
}

export function loggerOf({ logLevel, logFile }: Config): Logger {
  return createLogger({ level: logLevel, ...(logFile === undefined ? {} : { file: logFile }) })
}

export type Signers = Partial<Record<SigningRole, TxSigner>>

async function openSigners(
  config: Config,
  roles: readonly SigningRole[],
  { signers = {}, clock = systemClock }: KeeperDeps,
  store: Promise<Db>,
): Promise<Signers> {
  const opening = roles.map(async (role): Promise<[SigningRole, TxSigner]> => {
    const source = config.keys[role]
    const from = role === 'payer' ? orSealed(source, config, { store, clock }) : source
    return [role, signers[role] ?? (await openKey(from, config))]
  })
  const opened: Signers = Object.fromEntries(await Promise.all(opening))
  const addresses = Object.values(opened).map(({ address }) => address)
  const twice = addresses.find((address, i) => addresses.indexOf(address) < i)
  if (twice !== undefined) throw new KeeperError('KEYS_NOT_SEPARATE', { address: twice })
  return opened
}

/** What `secrets set` names it. */
export const PAYER_PASSWORD = 'payer.password'

/** A password that is set nowhere else may lie sealed in the store; that it was read is in the trail. */
export function orSealed(
  source: KeySource,
  { configKeys }: Pick<Config, 'configKeys'>,
  { store, clock }: { store: Promise<Db>; clock: Clock },
): KeySource {
  const password = async (): Promise<string> => {
    try {
      return await source.password()
    } catch (error) {
      if (!isKeeperError(error, 'PASSWORD_MISSING') || configKeys === undefined) throw error
      const ring = await openKeyRing(configKeys)
      const hand = { ring, by: { name: 'keeper', role: 'operator' as const }, now: clock.now() }
      return readSecret(await store, PAYER_PASSWORD, hand)
    }
  }
  return { ...source, password }
}

type Base = Pick<Keeper, 'db' | 'client' | 'contracts' | 'payouts' | 'log' | 'writing'>

function senderOf(
  config: Config,
  { client, contracts, log, writing }: Base,
  signer: TxSigner | undefined,
  role: SigningRole,
  { onStep, signal, alerts }: KeeperDeps,
): Sender {
  if (!signer) return lockedSender(client, role)
  const { finality, finalityDepth, finalityStallMs, window } = config
  const { nonceWaitMs, finalWaitMs, bumpAfterMs, pollMs } = config
  return openSender({
    journal: writing.journalOf(signer.address),
    client,
    signer,
    finality,
    finalityDepth,
    finalityStallMs,
    window,
    nonceWaitMs,
    finalWaitMs,
    bumpAfterMs,
    pollMs,
    clock: systemClock,
    log: log.child({ sender: role }),
    errors: [contracts.errors],
    fees: {
      maxFeePerGas: config.maxFeePerGas,
      minTipPerGas: config.minTipPerGas,
      dailyBudget: config.dailyFeeBudget,
    },
    stateOf: (tx) => businessStateOf({ client, contracts }, tx),
    ...(alerts ? { alerts } : {}),
    ...(onStep ? { onStep } : {}),
    ...(signal ? { signal } : {}),
  })
}

/** In the place of a key that was not opened: nothing can be signed with it by mistake. */
function lockedSender(client: Keeper['client'], role: SigningRole): Sender {
  const refuse = async (): Promise<never> => {
    throw new KeeperError('KEY_NOT_CONFIGURED', { role, env: keyVariables(role).keystore })
  }
  const address = '0x0000000000000000000000000000000000000000'
  return {
    address,
    client,
    window: 1,
    send: refuse,
    carryOut: refuse,
    resume: refuse,
    bump: refuse,
    cancel: refuse,
    resolve: refuse,
    drain: async () => {},
    inFlight: () => 0,
    waitFinal: refuse,
  }
}

const ENDED: ErrorCode[] = ['TX_REVERTED', 'TX_CANCELLED', 'TX_WOULD_REVERT']
const STOPPED: ErrorCode[] = ['QUEUE_STOPPED', 'TX_UNKNOWN', 'NONCE_FOREIGN']

/**
 * A transaction that turns out to have failed is recorded as that; the day reads the chain and goes on. What
 * needs a human or another try stops its own queue only: every send comes back to it. A daemon resumes
 * beside its jobs, so that orders reach it and the other key works while one waits for its block.
 */
async function resumeAll(
  keeper: Keeper,
  roles: readonly SigningRole[],
  { resumes = 'before', alerts }: KeeperDeps,
): Promise<void> {
  if (resumes === 'before') {
    for (const role of roles) await resumePasses(keeper, role, alerts)
    return
  }
  const each = roles.map(async (role) => {
    try {
      await resumeBeside(keeper, role, alerts)
    } catch (error) {
      if (!keeper.signal?.aborted) keeper.log.error({ role, ...describe(error) }, 'resume-failed')
    }
  })
  await Promise.all(each)
}

// What a block or a node holds up is asked again at the pace of the slots.
const RESUME_AGAIN_MS = 60_000

async function resumeBeside(
  keeper: Keeper,
  role: SigningRole,
  alerts: Alerts | undefined,
): Promise<void> {
  while ((await resumePasses(keeper, role, alerts)) === 'held') {
    await systemClock.sleep(RESUME_AGAIN_MS, keeper.signal)
  }
}

type Resumed = 'done' | 'held'

async function resumePasses(
  keeper: Keeper,
  role: SigningRole,
  alerts: Alerts | undefined,
): Promise<Resumed> {
  for (let pass = 0; pass < MAX_RESUME_PASSES; pass += 1) {
    keeper.signal?.throwIfAborted()
    const ended = await resumeOnce(keeper, role, alerts)
    if (ended !== 'again') return ended
  }
  return 'held'
}

async function resumeOnce(
  keeper: Keeper,
  role: SigningRole,
  alerts: Alerts | undefined,
): Promise<Resumed | 'again'> {
  const { log, contracts } = keeper
  try {
    const done = await keeper[role].resume({ errors: contracts.errors })
    for (const { kind, key, hash } of done) log.info({ role, kind, key, hash }, 'tx-resumed')
    return 'done'
  } catch (error) {
    if (!isKeeperError(error)) throw error
    if (ENDED.includes(error.code)) {
      log.warn({ role, ...error.facts }, 'tx-resumed-failed')
      return 'again'
    }
    const isStopped = STOPPED.includes(error.code)
    if (!isStopped && error.row.retry !== true) throw error
    log.error({ role, ...describe(error) }, 'resume-held')
    if (isStopped) alerts?.raise('queue-stopped', { key: keeper[role].address, ...error.facts })
    return 'held'
  }
}
