import type { BooksRoom } from '../../payouts/room.ts'
import type { Ruleset } from './ruleset.ts'

/** Told between the steps that a crash may fall between; tests kill the process there. */
export type PartnersStep = 'hour-locked' | 'hour-rows' | 'hour-booked' | 'day-rows' | 'day-booked'

export interface PartnersRoom extends Omit<BooksRoom, 'reach'> {
  /** IANA, of the days. */
  zone: string
  ruleset: Ruleset
  /** CAIP-19. */
  asset: string
  /** Beside those that the table of partners marks. */
  special: ReadonlySet<string>
  /** Everything is calculated and kept, in rows of its own, and nothing is posted. */
  shadow: boolean
  signal?: AbortSignal
  onStep?: (step: PartnersStep) => void | Promise<void>
  onProgress?: (done: number, total: number) => void
}
