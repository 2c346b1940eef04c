import { join, resolve } from 'node:path'
import { formatEther } from 'ethers'
import { KeeperError } from '../base/errors.ts'
import { isoTime, parseIso } from '../base/time.ts'
import { hasStore } from '../store/open-store.ts'
import type { Report, Run } from './command.ts'
import { LOCAL_CHAIN_ID, testAccounts } from './local-accounts.ts'
import type { LocalChain } from './local-chain.ts'
import { resetLocalChain, startLocalChain } from './local-chain.ts'
import { plural, table } from './print.ts'
import { showProgress } from './progress.ts'

export interface ChainOptions {
  port: string
  state?: string
  initialDate?: string
  reset?: boolean
  memory?: boolean
  blockEvery: string
}

const MAX_PORT = 65_535
// Hardhat gives every test account this much.
const TEST_BALANCE = 10_000n * 10n ** 18n

/** Runs until Ctrl-C; what it has to say is said at the start. */
export async function chainCommand(run: Run, options: ChainOptions): Promise<Report> {
  const port = numberIn(options.port, 'port', MAX_PORT)
  const blockEvery = numberIn(options.blockEvery, 'number of seconds', MAX_BLOCK_EVERY)
  const stateDir = options.memory
    ? undefined
    : resolve(options.state ?? join(run.config.home, 'chain'))
  if (options.reset === true && stateDir !== undefined) reset(run, stateDir)
  const progress = showProgress('replaying blocks', run.clock)
  const chain = await startLocalChain({
    port,
    stateDir,
    clock: run.clock,
    ...(options.initialDate === undefined ? {} : { initialDate: parseIso(options.initialDate) }),
    onReplay: (done, total) => progress.update(done, total),
  }).finally(() => progress.stop())
  announce(run, chain, stateDir)
  await untilStopped(run, chain, blockEvery)
  await chain.close()
  const kept = stateDir === undefined ? 'nothing was kept' : `its blocks are kept in ${stateDir}`
  return { json: { url: chain.url, stateDir, stopped: true }, lines: [`Stopped; ${kept}.`] }
}

/** What was kept of the old chain would stop the queue: its final blocks are not on the new one. */
function reset(run: Run, stateDir: string): void {
  resetLocalChain(stateDir)
  const { home, databaseUrl } = run.config
  if (databaseUrl === undefined && !hasStore(home)) return
  const store = databaseUrl === undefined ? join(home, 'store') : 'the database'
  run.note(
    `note: ${store} and ${join(home, 'journal')} remember the old chain, which stops a keeper's queue. ` +
      'Move them away, or use another home and database; then ./muster deploy',
  )
}

const MAX_BLOCK_EVERY = 86_400

function numberIn(text: string, what: string, max: number): number {
  if (/^\d{1,6}$/.test(text) && Number(text) <= max) return Number(text)
  throw new KeeperError('USAGE', {
    what: `"${text}" is not a ${what} of at most ${max}`,
    command: 'chain',
  })
}

function announce(run: Run, chain: LocalChain, stateDir: string | undefined): void {
  const { url, replayed, head } = chain
  if (run.json) {
    process.stdout.write(
      `${JSON.stringify({ url, chainId: LOCAL_CHAIN_ID, pid: process.pid, stateDir, head, replayed })}\n`,
    )
    return
  }
  const where = stateDir === undefined ? 'in memory only' : `kept in ${stateDir}`
  const since = replayed === 0 ? 'new' : `${plural(replayed, 'block')} replayed, same hashes`
  const accounts = testAccounts().map(({ role, address, privateKey }) => [
    role,
    address,
    privateKey,
  ])
  const lines = [
    `Local chain ${LOCAL_CHAIN_ID} at ${url} (${where}; ${since})`,
    `Its clock: ${isoTime(head.timestamp)}, block ${head.number}`,
    '',
    `Test accounts, ${formatEther(TEST_BALANCE)} ETH each. THESE KEYS ARE PUBLIC: for tests only.`,
    ...table(['role', 'address', 'private key'], accounts),
    '',
    'Ctrl-C stops it. In another terminal: ./muster deploy',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

// How often the age of the last block is looked at.
const TICK_MS = 1_000

/** A chain on which nobody sends would stand still in time: an empty block now and then. */
async function untilStopped(run: Run, chain: LocalChain, blockEvery: number): Promise<void> {
  while (!run.signal.aborted) {
    await run.clock.sleep(TICK_MS, run.signal).catch(() => {})
    if (!run.signal.aborted && blockEvery > 0) await chain.tick(blockEvery)
  }
}
