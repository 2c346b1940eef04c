import { describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import type { Intake } from '../../heartbeat/intake/intake.ts'
import type { SignedHour } from '../../heartbeat/receipts/sign-hour.ts'

/**
 * To the nodes that are connected now; the others ask for theirs later. Nobody waits for it: making 10,000
 * receipts takes seconds, with the beats of everybody in between.
 */
export function deliverReceipts(intake: Intake, signed: SignedHour, log: Logger): void {
  void deliver(intake, signed).then(
    (told) => log.info({ hour: signed.hour, told }, 'receipts-told'),
    (error: unknown) => log.warn({ hour: signed.hour, ...describe(error) }, 'receipts-not-told'),
  )
}

async function deliver(intake: Intake, signed: SignedHour): Promise<number> {
  let told = 0
  for await (const receipt of signed.receipts()) {
    if (intake.tell(receipt.node, { t: 'receipt', receipt })) told += 1
  }
  return told
}
