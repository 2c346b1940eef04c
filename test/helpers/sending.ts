import type { Address } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import type { TxIntent } from '../../keeper/chain/journal/journal.ts'
import type { SenderOptions } from '../../keeper/chain/sending/send-context.ts'
import { openJournal } from '../../keeper/chain/journal/journal-writer.ts'
import { noSideLog } from '../../keeper/chain/journal/side-log.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import type { Db } from '../../keeper/store/db.ts'
import { TEST_KEYS } from './chain.ts'
import { testLog } from './logs.ts'

const GWEI = 10n ** 9n

/** A sender's options with short waits: what a test leaves out is ordinary. */
export function sendingOptions(
  db: Db,
  client: ChainClient,
  changes: Partial<SenderOptions> = {},
): SenderOptions {
  return {
    journal: openJournal({ db, sideLog: noSideLog, clock: systemClock }),
    client,
    signer: walletSigner(TEST_KEYS[0]),
    clock: systemClock,
    log: testLog,
    fees: { maxFeePerGas: 500n * GWEI, minTipPerGas: GWEI / 10n },
    finality: 'finalized',
    nonceWaitMs: 10_000,
    finalWaitMs: 10_000,
    bumpAfterMs: 60_000,
    pollMs: 20,
    lostAfterMs: 200,
    ...changes,
  }
}

export function intentFor(to: Address, key: string, changes: Partial<TxIntent> = {}): TxIntent {
  return { kind: 'test', key, to, data: '0x', value: 0n, gasLimit: 100_000n, ...changes }
}
