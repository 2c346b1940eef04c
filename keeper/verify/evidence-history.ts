import type { Address } from '../base/schema.ts'
import {
  HOURS_PER_CYCLE,
  SECONDS_PER_HOUR,
  cycleOfHour,
  hourOf,
  hoursOf,
  startOfHour,
} from '../base/time.ts'
import type { Cycle, Hour, UnixSeconds } from '../base/time.ts'
import { hasBit } from './bitmap.ts'
import { handle } from './chain-events.ts'
import type { ChainEvent, EventArgs, Place } from './chain-events.ts'

/** The fixed grid of a deployment. */
export interface Grid {
  firstCut: UnixSeconds
  pushWindow: number
}

/** A reporter in its seat: the seat's words are its own while the term lasts. */
interface SeatTerm {
  reporter: Address
  seat: number
  from: Cycle
  to: Cycle
  isExpelled: boolean
}

/** By seat: the union of what its holder pushed for an hour. */
type Pushes = Map<number, bigint[]>

const FOREVER = 2 ** 32 - 1
// what a majority pushed is final this long after the hour's end.
const FINALITY_DELAY = 30 * 60

/** Who reported what, from the registry's events alone. */
export class EvidenceHistory {
  readonly #grid: Grid
  readonly #terms: SeatTerm[] = []
  readonly #hours = new Map<Hour, Pushes>()
  /** By hour and reporter: the union of its pushes, also of one that was expelled later. */
  readonly #said = new Map<string, bigint[]>()
  /** Roster words of a cycle: every push of it has as many as its first one. */
  readonly #words = new Map<Cycle, number>()
  #closedThrough: Cycle = 0

  constructor(grid: Grid) {
    this.#grid = grid
  }

  /** A sentence when an event breaks a rule of the registry; undefined when it fits. */
  apply(event: ChainEvent): string | undefined {
    const close = ({ cycle }: { cycle: Cycle }): undefined => {
      this.#closedThrough = Math.max(this.#closedThrough, cycle)
    }
    return handle<string | undefined>(
      {
        ReporterAdded: ({ reporter, seat, fromCycle: from }) => {
          this.#terms.push({ reporter, seat, from, to: FOREVER, isExpelled: false })
          return undefined
        },
        ReporterRemoved: ({ reporter, toCycle }) => {
          const term = this.#termOf(reporter)
          if (term) term.to = toCycle
          return term ? undefined : `${reporter} is removed and was no reporter`
        },
        ReporterExpelled: (args) => this.#expel(args),
        SnapshotPushed: (args, at) => this.#push(args, at),
        RecordFrozen: close,
        RecordCleared: close,
      },
      event,
    )
  }

  wordsOf(cycle: Cycle): number {
    return this.#words.get(cycle) ?? 0
  }

  /** Seats that count in the cycle, whether their holders were expelled or not. */
  seatsOf(cycle: Cycle): number[] {
    const serving = this.#terms.filter(({ from, to }) => from <= cycle && cycle <= to)
    return [...new Set(serving.map(({ seat }) => seat))]
  }

  /** What each seat said of an hour; only seats that pushed it. */
  pushesOf(cycle: Cycle, hour: Hour): bigint[][] {
    const pushes = this.#hours.get(hour)
    return this.seatsOf(cycle).flatMap((seat) => {
      const words = pushes?.get(seat)
      return words ? [words] : []
    })
  }

  cycleOf(hour: Hour): Cycle {
    return cycleOfHour(hourOf(this.#grid.firstCut), hour)
  }

  /** What a key was in a cycle: one that reports in others only has practised, or goes on without a seat. */
  standingOf(key: Address, cycle: Cycle): 'reporter' | 'expelled' | 'elsewhen' | 'stranger' {
    const terms = this.#terms.filter(({ reporter }) => reporter === key)
    if (terms.length === 0) return 'stranger'
    const term = terms.findLast((each) => each.from <= cycle && cycle <= each.to)
    if (!term) return 'elsewhen'
    return term.isExpelled ? 'expelled' : 'reporter'
  }

  /** What a reporter said of an hour, whether it still counts or not; undefined: nothing. */
  saidBy(reporter: Address, hour: Hour): readonly bigint[] | undefined {
    return this.#said.get(`${hour}/${reporter}`)
  }

  /** Whether the hour counts for a validator: a majority of the cycle's reporters set its bit. */
  isCounted(hour: Hour, index: number): boolean {
    const cycle = this.cycleOf(hour)
    const votes = this.pushesOf(cycle, hour).filter((words) => hasBit(words, index))
    return votes.length >= majorityOf(this.seatsOf(cycle).length)
  }

  /** a push of that hour would still be taken. */
  isOpen(hour: Hour, now: UnixSeconds): boolean {
    const end = startOfHour(hour) + SECONDS_PER_HOUR
    return this.cycleOf(hour) > this.#closedThrough && now < end + this.#grid.pushWindow
  }

  /** no hour can change any more, or none is waited for. */
  isFinal(cycle: Cycle, now: UnixSeconds): boolean {
    const seats = this.seatsOf(cycle).length
    return this.hoursOf(cycle).every((hour) => {
      const pushed = this.pushesOf(cycle, hour).length
      const end = startOfHour(hour + 1)
      if (seats > 0 && pushed === seats) return true
      if (pushed >= majorityOf(seats) && now >= end + FINALITY_DELAY) return true
      return now >= end + this.#grid.pushWindow
    })
  }

  hoursOf(cycle: Cycle): Hour[] {
    return hoursOf(hourOf(this.#grid.firstCut), cycle)
  }

  #push({ hour, reporter, words }: EventArgs['SnapshotPushed'], at: Place): string | undefined {
    const cycle = cycleOfHour(hourOf(this.#grid.firstCut), hour)
    const term = this.#termOf(reporter)
    const fault = this.#pushFault(cycle, hour, term, at)
    if (fault !== undefined) return `the push of hour ${hour} by ${reporter} ${fault}`
    const expected = this.#words.get(cycle) ?? words.length
    this.#words.set(cycle, expected)
    if (words.length !== expected) return `a push of hour ${hour} has ${words.length} words`
    const pushes = this.#hours.get(hour) ?? new Map<number, bigint[]>()
    const seat = term?.seat ?? 0
    const before = pushes.get(seat)
    // a second push merges by union.
    const union = words.map((word, w) => word | (before?.[w] ?? 0n))
    pushes.set(seat, union)
    this.#hours.set(hour, pushes)
    this.#said.set(`${hour}/${reporter}`, union)
    return undefined
  }

  #pushFault(
    cycle: Cycle,
    hour: Hour,
    term: SeatTerm | undefined,
    { time }: Place,
  ): string | undefined {
    const end = startOfHour(hour) + SECONDS_PER_HOUR
    if (cycle === 0) return 'is before the first cycle'
    if (!term || term.isExpelled || cycle < term.from || cycle > term.to) {
      return `is by no reporter of cycle ${cycle}`
    }
    if (time < end) return 'came before the hour was over'
    if (time >= end + this.#grid.pushWindow) return 'came after its window'
    if (cycle <= this.#closedThrough) return `came after cycle ${cycle} was decided`
    return undefined
  }

  #expel({ reporter, seat }: EventArgs['ReporterExpelled']): string | undefined {
    const term = this.#termOf(reporter)
    if (!term) return `${reporter} is expelled and was no reporter`
    term.isExpelled = true
    const holder = this.#terms.findLast((each) => each.seat === seat)
    // A seat that has passed on holds another's words now.
    if (holder !== term) return undefined
    const firstOpen = hourOf(this.#grid.firstCut) + this.#closedThrough * HOURS_PER_CYCLE
    for (const [hour, pushes] of this.#hours) if (hour >= firstOpen) pushes.delete(seat)
    return undefined
  }

  #termOf(reporter: Address): SeatTerm | undefined {
    return this.#terms.findLast((term) => term.reporter === reporter)
  }
}

/** k = floor(n / 2) + 1 of n reporters. */
export function majorityOf(reporters: number): number {
  return Math.floor(reporters / 2) + 1
}
