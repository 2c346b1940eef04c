import { join } from 'node:path'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import { walletSigner } from '../chain/keys/signer.ts'
import { readBeats } from '../heartbeat/beats.ts'
import type { Beats } from '../heartbeat/beats.ts'
import { closeKeeper, openKeeper } from '../keeper.ts'
import type { Keeper } from '../keeper.ts'
import { ROOT } from './artifacts.ts'
import type { Report, Run } from './command.ts'
import type { DemoDay, DemoTx } from './demo-day.ts'
import {
  DEMO_CUT,
  DEMO_CYCLE,
  demoRoster,
  deployRefuser,
  fundPool,
  receiptsOf,
  register,
  replayDemoDay,
  withKey,
} from './demo-day.ts'
import { demoLines, demoNext } from './demo-report.ts'
import { onStage, secondsSince, timed } from './demo-stage.ts'
import { deployFor } from './deploy.ts'
import { testKey } from './local-accounts.ts'
import { DAY_PHASES, showPhases } from './progress.ts'
import { openClient } from './session.ts'

/** The object that `demo --json` ends with. */
export interface DemoResult {
  chainId: number
  cycle: number
  validators: number
  snapshots: number
  eligible: number
  batchSize: number
  batches: number
  transactions: DemoTx[]
  pool: Wei
  paid: Wei
  credited: Wei
  carried: Wei
  seconds: number
}

export interface DemoOptions {
  keep?: boolean
  live?: boolean
  batch: string
}

const ETH = 10n ** 18n
// Ten days' worth, so that the status afterwards shows a runway.
const FUNDED = 1_000n * ETH
const CAP = '100'
const MAX_BATCH = 1_500
const DATA = 'data/validators_beats_a.csv.gz'

export async function demoCommand(run: Run, options: DemoOptions): Promise<Report> {
  if (
    !/^\d{1,4}$/.test(options.batch) ||
    Number(options.batch) < 1 ||
    Number(options.batch) > MAX_BATCH
  ) {
    throw new KeeperError('USAGE', {
      what: `"${options.batch}" is not a batch size of 1 to ${MAX_BATCH}`,
      command: 'demo',
    })
  }
  if (options.live === true) {
    const { liveDemo } = await import('./demo-live.ts')
    return liveDemo(run, { keep: options.keep === true, batchSize: options.batch })
  }
  const startedAt = run.clock.nowMs()
  return onStage(run, { batchSize: options.batch }, async (stage, keep) => {
    const demo = await playDemo(stage.run)
    const result = { ...demo.result, seconds: secondsSince(run, startedAt) }
    checkDemo(result)
    // Only what is whole is worth keeping, and who is not told of the chain cannot stop it.
    const where = options.keep === true ? keep() : undefined
    return { json: result, lines: [...demoLines(result, demo), ...demoNext(where)] }
  })
}

export interface Demo {
  result: Omit<DemoResult, 'seconds'>
  day: DemoDay
  refused: string
}

async function playDemo(run: Run): Promise<Demo> {
  const sent: { kind: DemoTx['kind']; hash: Hex }[] = []
  const add = (kind: DemoTx['kind'], hashes: Hex[]): void =>
    hashes.forEach((hash) => sent.push({ kind, hash }))
  const beats = await timed(run, 'reading beats', () => readBeats(join(ROOT, DATA)))
  const { refuser, hashes } = await deployAll(run)
  add('deploy', hashes)
  const signers = {
    reporter: walletSigner(testKey('reporter')),
    keeper: walletSigner(testKey('keeper')),
  }
  const keeper = await openKeeper(run.config, { log: run.log, signers, signal: run.signal })
  try {
    const { rows, refused } = demoRoster(beats, refuser)
    await timed(run, `registering ${rows.length} validators`, async (update) =>
      withKey(run, keeper, 'admin', async (session) =>
        add('register', await register(session, rows, update)),
      ),
    )
    const funded = await withKey(run, keeper, 'deployer', (session) => fundPool(session, FUNDED))
    add('fund', [funded])
    const day = await playDay(run, keeper, beats, rows)
    for (const { kind, hash } of day.day.txs) add(kind as DemoTx['kind'], [hash])
    const transactions = await receiptsOf(keeper.client, sent)
    return { result: resultOf(keeper, rows.length, day, transactions), day, refused }
  } finally {
    await closeKeeper(keeper)
  }
}

async function deployAll(run: Run): Promise<{ refuser: `0x${string}`; hashes: Hex[] }> {
  const client = await openClient(run)
  try {
    const signer = walletSigner(testKey('deployer'))
    const options = { firstCut: isoTime(DEMO_CUT), cap: CAP }
    const { deployment } = await deployFor(run, client, signer, options)
    const { address, hash } = await deployRefuser(client)
    return { refuser: address, hashes: [...Object.values(deployment.deployTx), hash] }
  } finally {
    client.close()
  }
}

async function playDay(
  run: Run,
  keeper: Keeper,
  beats: Beats,
  rows: Parameters<typeof replayDemoDay>[2],
): Promise<DemoDay> {
  const progress = showPhases(DAY_PHASES, run.clock)
  try {
    return await replayDemoDay(keeper, beats, rows, progress.update)
  } finally {
    progress.stop()
  }
}

function resultOf(
  keeper: Keeper,
  validators: number,
  { day, pool, paid, credited, carried }: DemoDay,
  transactions: DemoTx[],
): Omit<DemoResult, 'seconds'> {
  return {
    chainId: keeper.client.chainId,
    cycle: DEMO_CYCLE,
    validators,
    snapshots: day.snapshots,
    eligible: day.eligible,
    batchSize: day.batchSize,
    batches: transactions.filter(({ kind }) => kind === 'transfer').length,
    transactions,
    pool,
    paid,
    credited,
    carried,
  }
}

/** What the demo shows must be true: it is checked here, and by whoever reads the JSON. */
function checkDemo({ pool, paid, credited, carried }: DemoResult): void {
  const difference = pool - paid - credited - carried
  if (difference === 0n && credited > 0n) return
  const faults = [`pool ${pool}, paid ${paid}, credited ${credited}, carried ${carried}`]
  throw new KeeperError('DEMO_WRONG', { faults })
}
