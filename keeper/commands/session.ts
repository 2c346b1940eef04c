import { existsSync } from 'node:fs'
import { KeeperError, ensure } from '../base/errors.ts'
import { openChain } from '../chain/rpc/client.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { openContracts, readDeployment } from '../chain/contracts.ts'
import type { Contracts } from '../chain/contracts.ts'
import { openSender } from '../chain/sending/sender.ts'
import type { Sender } from '../chain/sending/sender.ts'
import { openKey } from '../chain/keys/open-key.ts'
import { walletSigner } from '../chain/keys/signer.ts'
import type { TxSigner } from '../chain/keys/signer.ts'
import { openWriting } from '../chain/journal/writing.ts'
import type { Role } from '../config.ts'
import type { Db } from '../store/db.ts'
import { openStore } from '../store/open-store.ts'
import type { Run } from './command.ts'
import { LOCAL_CHAIN_ID, testKey } from './local-accounts.ts'

/** What a command that asks the chain holds. */
export interface Session {
  client: ChainClient
  contracts: Contracts
  close(): Promise<void>
}

/** What a command that sends holds: the store has the journal. */
export interface SendingSession extends Session {
  db: Db
  sender: Sender
}

export async function openClient(run: Run): Promise<ChainClient> {
  const { rpcUrl, chainId, rpcTimeoutMs } = run.config
  return openChain({ rpcUrl, chainId, timeoutMs: rpcTimeoutMs })
}

export async function openSession(run: Run): Promise<Session> {
  const client = await openClient(run)
  try {
    const deployment = await readDeployment(run.config.deploymentsDir, client.chainId)
    const contracts = await openContracts(client, deployment)
    return { client, contracts, close: async () => client.close() }
  } catch (error) {
    client.close()
    throw error
  }
}

/** With the right to sign for that key alone: the keeper may go on with its own beside it. */
export async function openSendingSession(run: Run, role: Role): Promise<SendingSession> {
  const session = await openSession(run)
  try {
    const signer = await openSigner(run, role, session.client.chainId)
    const db = await openStore({ ...run.config, clock: run.clock })
    const opened = await openSenders(run, { db, client: session.client, signers: [signer] }).catch(
      async (error: unknown) => {
        await db.close()
        throw error
      },
    )
    const close = async (): Promise<void> => {
      await opened.close()
      await db.close()
      await session.close()
    }
    const [sender] = opened.senders
    ensure(sender, 'INTERNAL', { what: 'no sender was opened' })
    return { ...session, db, sender, close }
  } catch (error) {
    await session.close()
    throw error
  }
}

export interface Senders {
  senders: Sender[]
  close(): Promise<void>
}

export async function openSenders(
  run: Run,
  { db, client, signers }: { db: Db; client: ChainClient; signers: readonly TxSigner[] },
): Promise<Senders> {
  const { config, clock, log, signal } = run
  const writing = await openWriting({
    db,
    client,
    log,
    clock,
    signal,
    home: config.home,
    leaseMs: config.leaseMs,
    senders: signers.map(({ address }) => address),
  })
  const senders = signers.map((signer) =>
    openSender({
      client,
      signer,
      clock,
      log,
      signal,
      journal: writing.journalOf(signer.address),
      fees: {
        maxFeePerGas: config.maxFeePerGas,
        minTipPerGas: config.minTipPerGas,
        dailyBudget: config.dailyFeeBudget,
      },
      finality: config.finality,
      finalityDepth: config.finalityDepth,
      nonceWaitMs: config.nonceWaitMs,
      finalWaitMs: config.finalWaitMs,
      bumpAfterMs: config.bumpAfterMs,
      pollMs: config.pollMs,
    }),
  )
  return { senders, close: () => writing.close() }
}

/** The role's key, wherever it is; on the local chain, without a keystore, a well-known test account. */
export async function openSigner(run: Run, role: Role, chainId: number): Promise<TxSigner> {
  const key = run.config.keys[role]
  if (key.signer.kind !== 'keystore' || existsSync(key.keystore)) return openKey(key, run.config)
  if (chainId !== LOCAL_CHAIN_ID || isNamed(key.keystore, run)) {
    throw new KeeperError('KEY_NOT_CONFIGURED', {
      role,
      env: `MUSTER_${role.toUpperCase()}_KEYSTORE`,
    })
  }
  run.note(`note: no keystore for ${role}; using a public test account of the local chain`)
  return walletSigner(testKey(role))
}

/** Whether openSigner would find one; a keystore that somebody named and that is missing is told there. */
export function hasKey(run: Run, role: Role, chainId: number): boolean {
  return (
    isOurs(run, role) || chainId === LOCAL_CHAIN_ID || isNamed(run.config.keys[role].keystore, run)
  )
}

/** Not a test account of the local chain. */
export function isOurs({ config }: Run, role: Role): boolean {
  const { signer, keystore } = config.keys[role]
  return signer.kind !== 'keystore' || existsSync(keystore)
}

/** A path that somebody wrote down must exist; only the default one may be missing. */
function isNamed(keystore: string, { config }: Run): boolean {
  return !keystore.startsWith(config.home)
}
