import { describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { systemClock } from '../../base/time.ts'
import type { HelloFacts } from '../intake/frames.ts'
import type { IntakeAddress } from './intake-address.ts'
import { lastHourKept, saveReceipt } from './receipt-file.ts'
import type { ReceiptPlace } from './receipt-file.ts'
import { Refusal, notMuster } from './refusal.ts'
import { askIntake } from './web-request.ts'

/** What the intakes signed of this node, kept on its own disk. */
export interface ReceiptBook {
  keep(receipt: object, hello: HelloFacts): void
  /** Asks for the hours that are not kept yet: those that closed while nobody was connected. */
  catchUp(intake: IntakeAddress, hello: HelloFacts): void
  /** When all that was begun has ended. */
  settled(): Promise<void>
}

export interface ReceiptBookOptions extends ReceiptPlace {
  log: Logger
  signal: AbortSignal
  random?: () => number
}

// After an intake's restart ten thousand ask: spread over 5 minutes, at the origin's pace.
const CATCH_UP_PINGS = 20
// A lost answer, an intake that is busy: what does not come three times is left to the next session.
const MAX_CATCH_UPS = 3
// 48 receipts, each with 17 hashes of 69 characters and 600 of its own.
const MAX_RECEIPTS_CHARS = 131_072

export function openReceiptBook(options: ReceiptBookOptions): ReceiptBook {
  const { log, signal, random = Math.random } = options
  const works = new Set<Promise<void>>()
  const begin = (work: Promise<void>): void => {
    works.add(work)
    void work.finally(() => works.delete(work))
  }
  const keep = async (receipt: unknown, hello: HelloFacts): Promise<void> => {
    try {
      log.info({ file: await saveReceipt(receipt, hello, options) }, 'receipt-kept')
    } catch (error) {
      log.warn({ ...told(error) }, 'receipt-not-kept')
    }
  }
  const catchUp = async (intake: IntakeAddress, hello: HelloFacts): Promise<void> => {
    for (let attempt = 1; attempt <= MAX_CATCH_UPS && !signal.aborted; attempt += 1) {
      try {
        await systemClock.sleep(random() * CATCH_UP_PINGS * hello.pingMs, signal)
        for (const receipt of await fetchMissing(intake, hello, options)) await keep(receipt, hello)
        return
      } catch (error) {
        const facts = { intake: intake.url, attempt, ...told(error) }
        if (!signal.aborted) log.info(facts, 'receipts-not-fetched')
      }
    }
  }
  return {
    keep: (receipt, hello) => begin(keep(receipt, hello)),
    catchUp: (intake, hello) => begin(catchUp(intake, hello)),
    settled: async () => void (await Promise.all(works)),
  }
}

/** Without any kept, the intake gives its usual last day. */
async function fetchMissing(
  intake: IntakeAddress,
  hello: HelloFacts,
  { dir, node, signal }: ReceiptBookOptions,
): Promise<unknown[]> {
  const last = await lastHourKept(dir, hello.reporter)
  const from = last === undefined ? '' : `?from=${last + 1}`
  const url = `${intake.url}/v1/receipts/${node}${from}`
  const answer = await askIntake({ intake, url, signal, maxChars: MAX_RECEIPTS_CHARS })
  if ('refusal' in answer) throw new Refusal(answer.refusal, { origin: intake.url })
  const { receipts } = (answer.fields ?? {}) as { receipts?: unknown }
  if (Array.isArray(receipts)) return receipts
  throw notMuster(intake.url, 'receipts is missing')
}

function told(error: unknown): { code: string; reason: string } {
  const { code, message } = describe(error)
  return { code, reason: message }
}
