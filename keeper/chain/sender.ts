import type { Interface } from 'ethers'
import { KeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { waitFor } from '../base/retry.ts'
import type { ChainClient } from './client.ts'
import { carryOut } from './carry-out.ts'
import type { Until } from './carry-out.ts'
import {
  findIntent,
  lastNonce,
  openIntent,
  refuseOtherPayload,
  unmined,
  unresolved,
} from './journal.ts'
import type { TxIntent } from './journal.ts'
import type { TxRecord } from './journal-rows.ts'
import { prepare } from './prepare.ts'
import type { SendContext, SenderOptions } from './send-context.ts'
import { contextOf } from './send-context.ts'

export interface SendOptions {
  /** 'included': mined once; 'final' (default): deep enough to stay. */
  until?: Until
  /** Decodes the custom errors of the called contract; the sender's own list comes after it. */
  errors?: Interface
}

export interface Sender {
  readonly address: Address
  readonly client: ChainClient
  /** Idempotent by (chain, to, kind, key). Resolves with a successful row or throws. */
  send(intent: TxIntent, options?: SendOptions): Promise<TxRecord>
  /** Goes on with a row of the journal, for instance from 'included' to 'final'. */
  carryOut(tx: TxRecord, options?: SendOptions): Promise<TxRecord>
  /** At start, before anything else: every unresolved row of this sender, the SAME BYTES again. */
  resume(options?: SendOptions): Promise<TxRecord[]>
}

const POLL_FIRST_MS = 5

/** One sender a key and process. Its calls queue up: a window of one transaction. */
export function openSender(options: SenderOptions): Sender {
  const context = contextOf(options)
  const queue = queueOf()
  return {
    address: options.signer.address,
    client: options.client,
    send: (intent, how) => queue(() => send(context, intent, how)),
    carryOut: (tx, how) => queue(() => carryOut(withErrors(context, how), tx, untilOf(how))),
    resume: (how) => queue(() => resume(withErrors(context, how), untilOf(how))),
  }
}

type Queue = <T>(task: () => Promise<T>) => Promise<T>

function queueOf(): Queue {
  let tail: Promise<unknown> = Promise.resolve()
  return (task) => {
    const result = tail.then(task)
    tail = result.catch(() => {})
    return result
  }
}

function untilOf(how: SendOptions = {}): Until {
  return how.until ?? 'final'
}

function withErrors(context: SendContext, { errors }: SendOptions = {}): SendContext {
  return errors ? { ...context, errors: [errors, ...context.errors] } : context
}

async function send(base: SendContext, intent: TxIntent, how?: SendOptions): Promise<TxRecord> {
  const context = withErrors(base, how)
  const { journal, client, signer } = context
  const { chainId } = client
  const known = await findIntent(journal.db, { chainId, contract: intent.to, ...intent })
  if (known) refuseOtherPayload(known, intent)
  if (known && known.nonce !== undefined) return carryOut(context, known, untilOf(how))
  await finishEarlier(context)
  const chainNonce = await waitForPrevious(context)
  const fees = await prepare(context, intent)
  const plan = { chainId, sender: signer.address, chainNonce, intent, at: context.clock.now() }
  const tx = await openIntent(journal, plan)
  await context.onStep('intent-stored', tx)
  return carryOut(context, tx, untilOf(how), fees)
}

/** Nothing new while an earlier one is not mined; and nothing at all while one needs a human. */
async function finishEarlier(context: SendContext): Promise<void> {
  for (const tx of await unmined(
    context.journal.db,
    context.client.chainId,
    context.signer.address,
  )) {
    if (tx.state === 'unknown' || tx.state === 'foreign') throw stopped(tx)
    await carryOut(context, tx, 'included')
  }
}

/** Z-47: the chain must have counted the nonce before; a condition with a limit, not a fixed pause. */
async function waitForPrevious(context: SendContext): Promise<number> {
  const { journal, client, signer, clock, nonceWaitMs, pollMs, signal } = context
  const last = await lastNonce(journal.db, client.chainId, signer.address)
  const sender = signer.address
  return waitFor(
    async () => {
      const counted = await client.nonceOf(sender)
      return last === undefined || counted > last ? counted : undefined
    },
    {
      what: 'the previous nonce',
      timeoutMs: nonceWaitMs,
      clock,
      firstDelayMs: Math.min(POLL_FIRST_MS, pollMs),
      maxDelayMs: pollMs,
      ...(signal ? { signal } : {}),
      onTimeout: () =>
        new KeeperError('NONCE_WAIT_TIMEOUT', { nonce: last, sender, timeoutMs: nonceWaitMs }),
    },
  )
}

async function resume(context: SendContext, until: Until): Promise<TxRecord[]> {
  const done: TxRecord[] = []
  for (const tx of await unresolved(
    context.journal.db,
    context.client.chainId,
    context.signer.address,
  )) {
    if (tx.state === 'foreign') throw stopped(tx)
    done.push(await carryOut(context, tx, until))
  }
  return done
}

function stopped({ sender, kind, key, state }: TxRecord): KeeperError {
  return new KeeperError('QUEUE_STOPPED', { sender, kind, key, state })
}
