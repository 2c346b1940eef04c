import { cycleSchema, parseWith } from '../base/schema.ts'
import { KeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import { countBits } from '../heartbeat/words.ts'
import { readCycle } from '../validators/cycle-facts.ts'
import type { Report, Run } from './command.ts'
import { money, plural } from './print.ts'
import { sendCall } from './send.ts'
import { openSendingSession } from './session.ts'

// The contract takes at most so many words and payments in one list.
const MAX_SWEEP_WORDS = 4

/** what nobody took within 30 days becomes credits, calling nobody; anyone may. */
export async function sweepCommand(
  run: Run,
  _options: object,
  [name = '']: string[],
): Promise<Report> {
  const cycle = parseWith(cycleSchema, name, 'cycle')
  const session = await openSendingSession(run, 'deployer')
  try {
    const { rewards, deployment } = session.contracts
    const { unpaid } = await readCycle(session, cycle)
    const due = unpaid.flatMap((mask, word) => (mask === 0n ? [] : [{ mask, word }]))
    if (due.length === 0)
      throw new KeeperError('NOTHING_CHANGES', { what: `cycle ${cycle} has nothing unpaid` })
    const hashes: (Hex | undefined)[] = []
    for (let done = 0; done < due.length; done += MAX_SWEEP_WORDS) {
      const some = due.slice(done, done + MAX_SWEEP_WORDS)
      const lists = [some.map(({ word }) => word), some.map(({ mask }) => mask)] as const
      const data = rewards.interface.encodeFunctionData('sweep', [cycle, ...lists]) as Hex
      const call = { kind: 'sweep', key: `${cycle}/${done}`, to: deployment.rewards, data }
      hashes.push((await sendCall(session, call)).hash)
    }
    const swept = countBits(unpaid)
    return {
      json: { cycle, swept, hashes },
      lines: [
        `cycle ${cycle}: ${plural(swept, 'share')} became credits`,
        ...hashes.map((hash) => `  ${hash}`),
      ],
    }
  } finally {
    await session.close()
  }
}

/** after 90 days without a settled cycle the pool goes back to the sponsor; anyone may ask. */
export async function returnPoolCommand(run: Run): Promise<Report> {
  const session = await openSendingSession(run, 'deployer')
  try {
    const { rewards, deployment } = session.contracts
    const { pool } = await rewards.books()
    const data = rewards.interface.encodeFunctionData('returnToSponsor') as Hex
    const key = String(run.clock.nowMs())
    const tx = await sendCall(session, { kind: 'return-pool', key, to: deployment.rewards, data })
    return {
      json: { returned: pool, sponsor: deployment.sponsor, hash: tx.hash },
      lines: [`returned ${money(pool, deployment)} to ${deployment.sponsor}`, `  ${tx.hash}`],
    }
  } finally {
    await session.close()
  }
}
