import type { CheckRoom } from '../../../payouts/program-check.ts'
import { comparePeriod } from './compare.ts'
import { daySchema, hourSchema } from './period-rows.ts'
import type { Correction, DayRow, HourRow } from './period-rows.ts'

/** Told each correction in its turn, and whether the day that it is of was over then. */
export type OnCorrection = (correction: Correction, isDayOver: boolean) => Promise<void>

export interface Told {
  /** With which everything began. */
  firstHour: number | undefined
  corrections: AsyncGenerator<Correction>
}

/** What the pools must hold, period after period: what one leaves is what the next one finds. */
export class Replay {
  readonly #room: Pick<CheckRoom, 'differ'>
  readonly #corrections: AsyncIterator<Correction>
  readonly #onCorrection: OnCorrection
  #next: Correction | undefined
  hourPool = 0n
  dayPool = 0n
  /** Of days that were over when their hours were corrected. */
  latePool = 0n
  bonusPaid = 0n
  /** Of the day that goes on: what its hours brought, which day it is, and how many hours it has. */
  #inflow = 0n
  #openDay: string | undefined
  #hoursOfDay: number | undefined
  #lastDay = ''
  #nextHour: number | undefined

  private constructor(
    room: Pick<CheckRoom, 'differ'>,
    corrections: AsyncIterator<Correction>,
    onCorrection: OnCorrection,
  ) {
    this.#room = room
    this.#corrections = corrections
    this.#onCorrection = onCorrection
  }

  static async over(
    room: Pick<CheckRoom, 'differ'>,
    { firstHour, corrections }: Told,
    onCorrection: OnCorrection,
  ): Promise<Replay> {
    const replay = new Replay(room, corrections, onCorrection)
    replay.#nextHour = firstHour
    await replay.#step()
    return replay
  }

  /** As it was distributed, before any correction of it. */
  async hour(row: HourRow): Promise<void> {
    while (this.#next && this.#next.id <= row.afterCorrection) await this.#correct(this.#next)
    const { hour, day, hourOfDay, carried, pool, revision } = row
    const found = { hour, day, hourOfDay, carried, pool, revision }
    comparePeriod(this.#room, `hour ${hour}`, found, {
      hour: this.#nextHour ?? hour,
      day: this.#openDay ?? day,
      // The very first day may begin in the middle.
      hourOfDay: this.#hoursOfDay ?? hourOfDay,
      carried: this.hourPool,
      pool: carried + row.hourly,
      revision: 0,
    })
    this.#nextHour = hour + 1
    this.#openDay = day
    this.#hoursOfDay = hourOfDay + 1
    this.hourPool = row.carry
    this.dayPool += row.daily
    this.#inflow += row.daily
  }

  async day(row: DayRow): Promise<void> {
    while (this.#next && this.#next.id <= row.corrections) await this.#correct(this.#next)
    const { day, inflow, carried, pool, revision } = row
    comparePeriod(
      this.#room,
      `day ${day}`,
      { day, inflow, carried, pool, revision },
      {
        day: this.#openDay ?? day,
        inflow: this.#inflow,
        carried: this.dayPool - this.#inflow,
        pool: carried + inflow,
        revision: 0,
      },
    )
    this.#inflow = 0n
    this.#openDay = undefined
    this.#hoursOfDay = 0
    this.#lastDay = day
    this.dayPool = row.carry
    this.bonusPaid += row.bonusPaid
  }

  /** The corrections that came after everything. */
  async end(): Promise<void> {
    while (this.#next) await this.#correct(this.#next)
  }

  async #correct(correction: Correction): Promise<void> {
    const isDayOver =
      correction.kind === 'hour' ? this.#correctHour(correction) : this.#correctDay(correction)
    await this.#onCorrection(correction, isDayOver)
    await this.#step()
  }

  #correctHour(correction: Correction): boolean {
    const { id, daily, before, after } = correction
    const [was, is] = [hourSchema.parse(before), hourSchema.parse(after)]
    const hourly = is.hourly - was.hourly
    const { inflow, lateVotes, lateCc } = correction
    const brought = { inflow: hourly, daily: is.daily - was.daily, lateCc: is.cc - was.cc }
    const found = { inflow, daily, lateCc, lateVotes, revision: correction.revision }
    const votes = { lateVotes: is.votes - was.votes, revision: was.revision + 1 }
    comparePeriod(this.#room, `correction ${id} of hour ${is.hour}`, found, {
      ...brought,
      ...votes,
    })
    this.#compare(`correction ${id} of hour ${is.hour}`, was, is, hourly, this.hourPool)
    this.hourPool += hourly - (is.paid - was.paid)
    const isDayOver = is.day <= this.#lastDay
    if (isDayOver) this.latePool += daily
    else {
      this.dayPool += daily
      this.#inflow += daily
    }
    return isDayOver
  }

  #correctDay({ id, inflow, lateVotes, before, after, revision }: Correction): boolean {
    const [was, is] = [daySchema.parse(before), daySchema.parse(after)]
    const found = { inflow, lateVotes, revision, corrections: is.corrections }
    comparePeriod(this.#room, `correction ${id} of day ${is.day}`, found, {
      inflow: is.inflow - was.inflow,
      lateVotes: is.votes - was.votes,
      revision: was.revision + 1,
      corrections: id,
    })
    // What the hours have gathered since is for days to come.
    const there = this.dayPool - this.#inflow
    this.#compare(`correction ${id} of day ${is.day}`, was, is, inflow, there)
    this.latePool -= inflow
    this.dayPool += inflow - (is.paid - was.paid)
    this.bonusPaid += is.bonusPaid - was.bonusPaid
    return true
  }

  /** What is shared again is what was given, what came late, and what is still there of what was left. */
  #compare(
    name: string,
    was: HourRow | DayRow,
    is: HourRow | DayRow,
    late: bigint,
    there: bigint,
  ): void {
    const left = was.carry < there ? was.carry : there
    comparePeriod(this.#room, name, { pool: is.pool }, { pool: was.paid + left + late })
  }

  async #step(): Promise<void> {
    const { value, done } = await this.#corrections.next()
    this.#next = done === true ? undefined : value
  }
}
