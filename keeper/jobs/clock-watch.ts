import type { Alerts } from '../base/alerts.ts'
import { isJump, judgeClock, jumpOf } from '../base/clock-guard.ts'
import type { ClockReading } from '../base/clock-guard.ts'
import { isKeeperError } from '../base/errors.ts'
import { isoTime } from '../base/time.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'
import type { Keeper } from '../keeper.ts'
import { blockTime } from '../validators/room.ts'

export interface ClockWatch {
  /** False: the clock jumped and the chain does not confirm it, so no slot may be started. */
  isTrusted(): Promise<boolean>
}

/** The first reading is believed: to start the keeper again is to vouch for the clock (S-40). */
export function watchClock(keeper: Keeper, alerts: Alerts): ClockWatch {
  const { clock, log } = keeper
  let believed = readingOf(clock)
  return {
    isTrusted: async () => {
      const now = readingOf(clock)
      const jumpSeconds = jumpOf(believed, now)
      const chain = isJump(jumpSeconds) ? await askChain(keeper) : undefined
      const verdict = judgeClock({ believed, now, blockTime: chain })
      if (verdict !== 'steady') {
        const facts = { jumpSeconds, clock: isoTime(now.wall), blockTime: chain && isoTime(chain) }
        log.warn({ ...facts, verdict }, 'clock-jumped')
        if (verdict === 'held') alerts.raise('clock-jump', facts)
        if (verdict === 'held') return false
      }
      believed = now
      alerts.clear('clock-jump')
      return true
    },
  }
}

/** A clock of tests has no other one to be compared with: it never jumps. */
function readingOf(clock: Clock): ClockReading {
  const monotonicMs = clock.monotonicMs?.() ?? clock.nowMs()
  return { wall: clock.now(), monotonicMs }
}

async function askChain(keeper: Keeper): Promise<UnixSeconds | undefined> {
  try {
    return await blockTime(keeper)
  } catch (error) {
    if (isKeeperError(error)) return undefined
    throw error
  }
}
