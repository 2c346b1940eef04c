import type { Address } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { waitFor } from '../../keeper/base/retry.ts'
import { acquireLease } from '../../keeper/chain/journal/lease.ts'
import type { Lease, LeaseOptions } from '../../keeper/chain/journal/lease.ts'
import { openIntent } from '../../keeper/chain/journal/journal.ts'
import type { TxIntent } from '../../keeper/chain/journal/journal.ts'
import {
  recordBroadcast,
  recordFinal,
  recordIncluded,
  recordSigned,
} from '../../keeper/chain/journal/journal-moves.ts'
import type { AttemptPurpose, TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import { openJournal } from '../../keeper/chain/journal/journal-writer.ts'
import type { Journal } from '../../keeper/chain/journal/journal-writer.ts'
import type { Receipt } from '../../keeper/chain/rpc/client.ts'
import { noSideLog } from '../../keeper/chain/journal/side-log.ts'
import type { SideLog } from '../../keeper/chain/journal/side-log.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { checkSigned } from '../../keeper/chain/keys/unsigned.ts'
import type { SignedTx, UnsignedTx } from '../../keeper/chain/keys/unsigned.ts'
import type { Db } from '../../keeper/store/db.ts'
import { TEST_KEYS } from './chain.ts'
import { intentFor } from './sending.ts'

export const CHAIN_ID = 31_337
const TO: Address = '0x52908400098527886E0F7030069857D2E4169EE7'
export const signer = walletSigner(TEST_KEYS[0])
const FEES = { maxFeePerGas: 10n, maxPriorityFeePerGas: 1n }

export function journalOf(db: Db, sideLog: SideLog = noSideLog): Journal {
  return openJournal({ db, sideLog, clock: systemClock })
}

/** As a keeper that stands by, looking four times a lease. */
export function waitForLease(db: Db, options: LeaseOptions, timeoutMs: number): Promise<Lease> {
  const delayMs = Math.ceil(options.leaseMs / 4)
  const pace = { firstDelayMs: delayMs, maxDelayMs: delayMs }
  const what = 'the lease'
  return waitFor(() => acquireLease(db, options), { what, clock: systemClock, timeoutMs, ...pace })
}

export function plan(
  journal: Journal,
  key: string,
  changes: Partial<TxIntent> = {},
  t?: Db,
  sender: Address = signer.address,
): Promise<TxRecord> {
  const intent = intentFor(TO, key, changes)
  return openIntent(journal, { chainId: CHAIN_ID, sender, chainNonce: 0, intent, at: 100 }, t)
}

/** Really signed, with the anchor behind the payload as the sender does it. */
export async function signedOf(tx: TxRecord, tip = 1n): Promise<SignedTx> {
  const unsigned: UnsignedTx = {
    chainId: tx.chainId,
    nonce: tx.nonce ?? -1,
    to: tx.contract,
    data: tx.anchor ? `${tx.data}${tx.anchor.slice(2)}` : tx.data,
    value: tx.value,
    gasLimit: tx.gasLimit,
    maxFeePerGas: FEES.maxFeePerGas,
    maxPriorityFeePerGas: tip,
  }
  return checkSigned(await signer.signTransaction(unsigned), unsigned, tx.sender)
}

export async function sign(
  journal: Journal,
  tx: TxRecord,
  purpose: AttemptPurpose = 'send',
  tip = 1n,
): Promise<TxRecord> {
  const fees = { ...FEES, maxPriorityFeePerGas: tip }
  return recordSigned(journal, tx, { ...(await signedOf(tx, tip)), purpose, fees }, 101)
}

export function receiptFor(tx: TxRecord, changes: Partial<Receipt> = {}): Receipt {
  return {
    hash: tx.hash ?? '0x',
    blockNumber: 9,
    blockHash: `0x${'22'.repeat(32)}`,
    succeeded: true,
    gasUsed: 21_000n,
    gasPrice: 7n,
    ...changes,
  }
}

/** planned → signed → broadcast → included → final. */
export async function finish(
  journal: Journal,
  key: string,
  changes: Partial<TxIntent> = {},
): Promise<TxRecord> {
  const signed = await sign(journal, await plan(journal, key, changes))
  const sent = await recordBroadcast(journal, signed, signed.hash ?? '0x', 102)
  return recordFinal(journal, await recordIncluded(journal, sent, receiptFor(sent), 103), 104)
}
