import { existsSync } from 'node:fs'
import { KeeperError, ensure } from '../base/errors.ts'
import { addressSchema } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import { openKey } from '../chain/keys/open-key.ts'
import type { TxSigner } from '../chain/keys/signer.ts'
import { walletSigner } from '../chain/keys/signer.ts'
import { startAgent } from '../heartbeat/agent/agent.ts'
import { parseIntakes } from '../heartbeat/agent/intake-address.ts'
import { statusOf } from '../heartbeat/agent/status.ts'
import { MAX_VERSION } from '../heartbeat/intake/fields.ts'
import { showAgent } from './beat-view.ts'
import type { Report, Run } from './command.ts'
import { LOCAL_CHAIN_ID, testKeyAt } from './local-accounts.ts'
import { plural } from './print.ts'

export interface BeatOptions {
  intake: string
  key?: string
  testAccount?: string
  registry?: string
  receipts?: string
  http?: boolean
  disk?: string
  nodeRpc?: string
  nodeVersion?: string
}

// Hardhat and anvil fund 20 of them; a test network may have more nodes than that.
const MAX_TEST_ACCOUNT = 999
const DEFAULT_VERSION = 'muster-agent/1'

/** One validator's agent: signs in at every intake and beats until a signal stops it. */
export async function beatCommand(run: Run, options: BeatOptions): Promise<Report> {
  const intakes = options.intake.split(',')
  // Before the key is opened: a mistyped address asks for no password.
  for (const { url, isInTheClear } of parseIntakes(intakes)) {
    if (isInTheClear) run.note(`warning: ${url} is not encrypted; ask its operator for https`)
  }
  const registry = registryOf(options.registry)
  const version = versionOf(options.nodeVersion)
  const isTest = options.testAccount !== undefined
  const key = isTest ? testNode(options.testAccount) : await openNodeKey(run, options.key)
  const view = showAgent(run)
  const agent = startAgent({
    key,
    intakes,
    // Everybody has the keys of the test accounts: they never sign for another chain.
    chainId: isTest ? LOCAL_CHAIN_ID : run.config.chainId,
    registry,
    status: statusOf({ version, disk: options.disk ?? '/', nodeRpc: options.nodeRpc }),
    receiptsDir: options.receipts,
    isHttp: options.http,
    onState: view.update,
    log: run.log,
    signal: run.signal,
  })
  view.start(agent.state())
  try {
    await agent.done
  } finally {
    view.stop()
  }
  const { node, links } = agent.state()
  const sessions = links.reduce((sum, link) => sum + link.sessions, 0)
  return {
    json: { stopped: true, node, sessions },
    lines: [`${node} beats no more; it had ${plural(sessions, 'session')}`],
  }
}

/** A keystore by its name, or the key of the role `node` wherever that is. */
async function openNodeKey({ config }: Run, file: string | undefined): Promise<TxSigner> {
  const key = config.keys.node
  const source = file === undefined ? key : { ...key, signer: KEYSTORE, keystore: file }
  const isMissing = source.signer.kind === 'keystore' && !existsSync(source.keystore)
  if (isMissing && file === undefined) {
    throw new KeeperError('KEY_NOT_CONFIGURED', { role: 'node', env: 'MUSTER_NODE_KEYSTORE' })
  }
  return openKey(source, config)
}

const KEYSTORE = { kind: 'keystore' } as const

function testNode(text = ''): TxSigner {
  const isNumber = /^\d{1,3}$/.test(text) && Number(text) <= MAX_TEST_ACCOUNT
  const what = `a test account is 0 to ${MAX_TEST_ACCOUNT}, not "${text}"`
  ensure(isNumber, 'USAGE', { what, command: 'beat' })
  return walletSigner(testKeyAt(Number(text)))
}

function registryOf(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined
  const parsed = addressSchema.safeParse(text)
  if (parsed.success) return parsed.data
  throw new KeeperError('USAGE', { what: `"${text}" is no address`, command: 'beat' })
}

function versionOf(text = DEFAULT_VERSION): string {
  const isFit = /^[\x20-\x7e]+$/.test(text) && text.length <= MAX_VERSION
  const what = `a version has 1 to ${MAX_VERSION} plain characters`
  ensure(isFit, 'USAGE', { what, command: 'beat' })
  return text
}
